"""The demonstration, whole, as `script/run` plays it: the main job."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from speakerd.cli.demo import Teller, closing


@pytest.mark.parametrize("place", ["file", "file/below", "/proc", "/proc/x"])
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, place: str):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "speakerd", "demo", "--out", str(tmp_path / place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("speakerd: --out ")
    assert len(done.stderr.splitlines()) == 1
    assert ("there is a file of that name" in done.stderr) is (place == "file")


def test_a_failure_on_a_busy_machine_says_so():
    assert closing(0, 8, 20.0, 2) == "VERDICT: passed, all 8 checks"
    assert closing(1, 8, 2.0, 2) == "VERDICT: FAILED, 1 of 8 checks"
    assert closing(1, 8, 20.4, 2).endswith(
        "\nThe machine is busy (load 20 on 2 processors), and sound may be lost: try again."
    )


def test_figures_are_told_by_the_name_that_the_journal_gives_them(capsys: pytest.CaptureFixture[str]):
    teller = Teller()
    teller.event({"event": "Told", "kind": "TurnMeasured", "t": 0.0, "wake_to_chime_ms": 66.0})
    assert capsys.readouterr().out.endswith("measured:  TurnMeasured: wake_to_chime_ms 66\n")
    teller.event({"event": "Other", "t": 0.0, "wake_to_chime_ms": 66.0})
    assert capsys.readouterr().out == ""


@pytest.mark.alsa
@pytest.mark.timeout(120)
def test_the_demonstration_passes_and_leaves_its_results(tmp_path: Path):
    command = [sys.executable, "-m", "speakerd", "demo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("VERDICT: passed, all 8 checks")
    assert "state:     IDLE → CONNECTING" in done.stdout
    events = [json.loads(line)["event"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert events[0] == "Ready"
    assert "BargeInDetected" in events
    assert (tmp_path / "timeline.svg").read_text().startswith("<svg ")
    for name in ("speaker.wav", "mic.wav"):
        with wave.open(str(tmp_path / name)) as sound:
            assert sound.getnframes() > 10 * sound.getframerate()
