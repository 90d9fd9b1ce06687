"""`speakerd setup` without a machine to set up: what it asks, writes and refuses."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli import setup
from speakerd.config.load import load
from speakerd.doctor.chirp import Echo
from speakerd.errors import ConfigError
from speakerd.installation.cards import Pair, Tried
from speakerd.installation.keystore import Keystore
from speakerd.installation.programs import Done

SAMPLE = Path(__file__).resolve().parents[2] / "config/speakerd.yaml"
KEY = "sk-a-key-that-nobody-has"


class Bench:
    """A machine's files in a folder, and its programs pretended."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = folder / "speakerd.yaml"
        self.config.write_text(SAMPLE.read_text())
        self.store = Keystore(folder, lambda *_command, text=None: Done(1, "no systemd here"))
        self.heard: dict[Pair, float] = {Pair("mic", "usb"): -40.0}
        self.happened: list[str] = []
        self.trouble = ""
        monkeypatch.setattr(setup.os, "geteuid", lambda: 0)
        monkeypatch.setattr(setup, "Keystore", lambda: self.store)
        monkeypatch.setattr(setup, "candidates", self._candidates)
        monkeypatch.setattr(setup, "try_all", self._try_all)
        monkeypatch.setattr(setup, "_examine", lambda *_: self.happened.append("doctor") or True)
        monkeypatch.setattr(setup.unit, "systemd_runs", lambda: True)
        monkeypatch.setattr(setup.unit, "installed", lambda: True)
        monkeypatch.setattr(setup.unit, "runs", lambda: True)
        monkeypatch.setattr(setup.unit, "stop", lambda: self.happened.append("stop"))
        monkeypatch.setattr(setup.unit, "go_on", lambda: self.happened.append("go on"))
        monkeypatch.setattr(setup.unit, "start", lambda: self.happened.append("start") or self.trouble)

    def run(self, *arguments: str, text: str = "", terminal: bool = False) -> Result:
        runner = CliRunner()
        with pytest.MonkeyPatch.context() as patch:
            if terminal:
                patch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
            return runner.invoke(setup.command, ["--config", str(self.config), *arguments], input=text)

    def _candidates(self, direction: str) -> list[str]:
        return list(dict.fromkeys(pair.capture if direction == "capture" else pair.playback for pair in self.heard))

    def _try_all(self, captures: list[str], playbacks: list[str]) -> list[Tried]:
        pairs = [Pair(capture, playback) for playback in playbacks for capture in captures]
        echoes = {pair: Echo(40.0, level, 20.0, 2, 2, 0) for pair, level in self.heard.items() if level}
        return [Tried(pair, echoes.get(pair)) for pair in pairs]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    yield Bench(tmp_path, monkeypatch)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_without_a_terminal_it_asks_nothing(bench: Bench):
    done = bench.run("--key-file", "-", text=KEY + "\n")
    assert done.exit_code == 0, done.output
    assert bench.store.plain.read_text() == KEY + "\n"
    audio = load(bench.config, {}).audio
    assert (audio.capture_device, audio.playback_device) == ("mic", "usb")
    assert bench.happened == ["stop", "doctor", "start"]
    assert KEY not in done.output
    assert 'Say "hey jarvis"' in done.output


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(bench: Bench):
    done = bench.run(text=f"{KEY}\ny\n", terminal=True)
    assert done.exit_code == 0, done.output
    assert bench.store.plain.read_text() == KEY + "\n"
    assert KEY not in done.output


def test_enter_in_place_of_a_key_is_the_embedded_server_and_a_key_ends_that(bench: Bench):
    done = bench.run(text="\ny\n", terminal=True)
    assert (done.exit_code, load(bench.config, {}).realtime.url) == (0, "embedded"), done.output
    bench.run("--key-file", "-", text=KEY)
    assert load(bench.config, {}).realtime.url == "wss://api.openai.com/v1/realtime"


def test_a_stored_key_is_kept(bench: Bench):
    bench.store.store(KEY)
    assert bench.run("--no-listen").exit_code == 0
    assert bench.run("--no-listen", text="\n", terminal=True).exit_code == 0
    assert bench.store.plain.read_text() == KEY + "\n"
    assert load(bench.config, {}).realtime.url.startswith("wss://api.openai.com")


def test_no_key_and_nobody_to_ask_changes_nothing(bench: Bench):
    done = bench.run()
    assert (done.exit_code, "--key-file FILE, or --embedded" in done.output) == (2, True)
    assert (bench.happened, bench.config.read_text()) == ([], SAMPLE.read_text())


def test_what_cannot_be_a_key_is_refused_without_showing_it(bench: Bench):
    done = bench.run("--key-file", "-", text="two words")
    assert done.exit_code != 0
    assert "two words" not in done.output + str(done.exception)
    assert not bench.store.has_key


def test_a_key_file_of_a_windows_editor_is_refused_in_words(bench: Bench, tmp_path: Path):
    (tmp_path / "key.txt").write_bytes(KEY.encode("utf-16"))
    done = bench.run("--key-file", str(tmp_path / "key.txt"))
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(
        "the key: found a quote, a space, a line break or a character that no key has"
    )
    assert KEY not in str(done.exception)
    assert (bench.happened, bench.store.has_key) == ([], False)


@pytest.mark.parametrize("terminal", [False, True])
def test_an_empty_key_file_is_told_and_changes_nothing(bench: Bench, terminal: bool):
    bench.store.store(KEY)
    done = bench.run("--key-file", "-", text="\n", terminal=terminal)
    assert done.exit_code == 2
    assert "--key-file: found an empty file" in done.output
    assert (bench.happened, bench.config.read_text()) == ([], SAMPLE.read_text())


def test_a_device_that_can_be_none_is_not_written(bench: Bench):
    done = bench.run("--embedded", "--no-listen", "--capture-device", "x" * 201)
    assert done.exit_code == 2
    assert "--capture-device: found the text" in done.output
    assert (bench.happened, bench.config.read_text()) == ([], SAMPLE.read_text())


def test_a_configuration_that_is_a_link_stays_one(bench: Bench):
    real = bench.config.with_name("real.yaml")
    bench.config.rename(real)
    bench.config.symlink_to(real.name)
    assert bench.run("--embedded", "--no-listen").exit_code == 0
    assert bench.config.is_symlink()
    assert load(real, {}).realtime.url == "embedded"


def test_the_clearest_pair_may_be_declined(bench: Bench):
    bench.heard = {Pair("mic", "usb"): -40.0, Pair("webcam", "usb"): -60.0, Pair("webcam", "hdmi"): 0.0}
    done = bench.run("--embedded", text="n\n2\n2\n", terminal=True)
    assert done.exit_code == 0, done.output
    audio = load(bench.config, {}).audio
    assert (audio.capture_device, audio.playback_device) == ("webcam", "hdmi")


def test_cards_that_hear_nothing_stay_as_they_were_unless_there_is_no_choice(bench: Bench):
    bench.heard = {Pair("mic", "usb"): 0.0, Pair("webcam", "usb"): 0.0}
    done = bench.run("--embedded")
    assert "stay as they are" in done.output
    assert load(bench.config, {}).audio.capture_device == "default"
    bench.heard = {Pair("mic", "usb"): 0.0}
    done = bench.run("--embedded")
    assert "was not heard" in done.output
    assert load(bench.config, {}).audio.capture_device == "mic"


def test_named_cards_are_taken_without_a_sound(bench: Bench):
    bench.heard = {}
    done = bench.run("--embedded", "--capture-device", "hw:CARD=A,DEV=0", "--playback-device", "hw:CARD=B")
    assert done.exit_code == 0, done.output
    assert load(bench.config, {}).audio.capture_device == "hw:CARD=A,DEV=0"
    assert load(bench.config, {}).audio.playback_device == "hw:CARD=B"


def test_a_service_that_does_not_become_ready_is_told_and_fails(bench: Bench):
    bench.trouble = "Job for speakerd.service failed"
    done = bench.run("--embedded", "--no-doctor")
    assert (done.exit_code, bench.trouble in done.output) == (1, True)
    assert bench.happened == ["stop", "start"]


def test_a_service_that_ran_runs_again_when_setup_is_left_half_way(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    for answers in ("y", ""):  # Ctrl-C, or the end of the input, where it asks for the cards
        bench.heard = {Pair("mic", "usb"): -40.0, Pair("webcam", "usb"): -60.0}
        bench.happened.clear()
        monkeypatch.setattr(setup, "_examine", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        done = bench.run("--embedded", text=answers, terminal=True)
        assert (done.exit_code, bench.happened) == (1, ["stop", "go on"]), done.output
    monkeypatch.setattr(setup.unit, "runs", lambda: False)
    bench.happened.clear()
    assert bench.run("--embedded", terminal=True).exit_code == 1
    assert bench.happened == []


def test_a_connection_that_is_lost_leaves_the_service_running(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "_examine", lambda *_: os.kill(os.getpid(), signal.SIGHUP))
    done = bench.run("--embedded")
    assert (done.exit_code, bench.happened) == (1, ["stop", "go on"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that takes nothing")
def test_a_file_that_cannot_be_written_is_told_and_left_as_it_was(bench: Bench):
    (bench.config.parent / "speakerd.yaml.new").symlink_to("/dev/full")
    done = bench.run("--embedded")
    assert (done.exit_code, "speakerd.yaml cannot be changed: No space left on device" in done.output) == (1, True)
    assert bench.config.read_text() == SAMPLE.read_text()
    assert [path.name for path in bench.config.parent.iterdir()] == ["speakerd.yaml"]


def test_no_start_leaves_the_service_alone(bench: Bench):
    assert bench.run("--embedded", "--no-start", "--no-listen", "--no-doctor").exit_code == 0
    assert bench.happened == []


def test_mistakes_of_the_configuration_come_first(bench: Bench):
    bench.config.write_text("nonsense: 1\n")
    done = bench.run("--embedded")
    assert "nonsense" in str(done.exception)
    assert bench.happened == []


def test_it_needs_root(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    done = bench.run("--embedded")
    assert (done.exit_code, "sudo speakerd setup" in done.output) == (1, True)


def test_owner_and_mode_of_the_file_stay(bench: Bench):
    bench.config.chmod(0o640)
    bench.run("--embedded")
    assert bench.config.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in bench.config.parent.iterdir() if path.suffix == ".new"] == []


def test_without_a_running_systemd_it_says_so_and_what_can_be_done(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup.unit, "systemd_runs", lambda: False)
    refused = bench.run("--embedded")
    assert (refused.exit_code, bench.happened) == (1, [])
    assert "systemd does not run here" in refused.output
    done = bench.run("--embedded", "--no-start")
    assert done.exit_code == 0
    assert load(bench.config, {}).realtime.url == "embedded"
