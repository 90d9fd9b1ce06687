"""`speakerd doctor` as a user runs it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.model_service import ModelService

from speakerd.cli.doctor import NICE

KEY = "sk-proj-0123456789abcdefghij"
ROOT = Path(__file__).resolve().parents[2]
IN_VAIN = (
    "import speakerd.cli.doctor as d; d.visit = lambda *_, **__: []; d.command.main(['--quick'], standalone_mode=False)"
)
"""An examination of nothing."""


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "speakerd", "doctor", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip


@pytest.mark.alsa
@pytest.mark.timeout(120)
def test_a_whole_examination(sound_card, tmp_path):
    home = tmp_path / "annas-home"
    home.mkdir()
    config = home / "speakerd.yaml"
    with ModelService(key=KEY) as service:
        config.write_text(f"realtime:\n  url: {service.url('127.0.0.1')}\n")
        sound_card.loop(40, -20)
        try:
            for _ in range(3):  # a machine that is busy with other things may lose sound
                done = run("--config", str(config), "--json", OPENAI_API_KEY=KEY, HOME=str(home), **sound_card.env)
                if '"mode": "full"' in done.stdout:
                    break
        finally:
            sound_card.noloop()
    told = json.loads(done.stdout)
    found = {finding["subject"]: finding for finding in told["findings"]}
    problems = [finding for finding in told["findings"] if finding["level"] == "problem"]
    assert (problems, done.returncode, told["ok"]) == ([], 0, True)
    assert {"python", "packages", "configuration", "key", "machine", "wifi", "network", "clock", "realtime", "service",
            "cards", "mixer", "models", "microphone", "loudspeaker", "barge-in"} <= set(found)  # fmt: skip
    assert found["barge-in"]["figures"]["mode"] == "full"
    assert found["key"]["figures"] == {"found": True}
    assert done.stderr == ""
    for secret in (KEY, str(home), "annas-home"):
        assert secret not in done.stdout
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", done.stdout)


def test_quick_text_and_a_broken_configuration(tmp_path):
    config = tmp_path / "speakerd.yaml"
    config.write_text("realtime:\n  url: embedded\n  voise: marin\naudio:\n  playback_buffer_ms: 7\n")
    done = run("--quick", "--config", str(config))
    assert done.returncode == 1
    assert done.stdout.count("PROBLEM  configuration") == 2
    assert "did you mean" in done.stdout
    assert "microphone    " not in done.stdout
    assert done.stdout.splitlines()[-1].endswith("notices.") or done.stdout.splitlines()[-1].endswith("notice.")


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    done = run("--quick", "--json", "--config", str(tmp_path / "none.yaml"), SPEAKERD_REALTIME__URL="embedded")
    assert done.returncode == 1
    (fault,) = [one for one in json.loads(done.stdout)["findings"] if one["subject"] == "configuration"]
    assert "no readable file" in fault["what"]


def test_a_key_that_cannot_be_one_is_a_finding_and_not_shown():
    done = run("--quick", "--json", OPENAI_API_KEY="two words", SPEAKERD_REALTIME__URL="embedded")
    assert done.returncode == 1
    assert "two words" not in done.stdout


def test_before_the_service_is_started_nothing_is_said_of_it():
    quick = ("--quick", "--json")
    subjects = [
        {one["subject"] for one in json.loads(run(*quick, *more, SPEAKERD_REALTIME__URL="embedded").stdout)["findings"]}
        for more in ((), ("--before-start",))
    ]
    assert subjects[0] - subjects[1] - {"journal"} == {"service"}
    assert "before-start" not in run("--help").stdout


def test_it_measures_with_the_priority_of_the_service():
    assert f"\nNice={NICE}\n" in (ROOT / "systemd/speakerd.service").read_text()
    watched = f"import os; os._exit = lambda _: print(os.getpriority(os.PRIO_PROCESS, 0)); {IN_VAIN}"
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, timeout=55, check=False)
    allowed = os.geteuid() == 0
    assert int(done.stdout.splitlines()[-1]) == (NICE if allowed else os.getpriority(os.PRIO_PROCESS, 0)), done.stderr
