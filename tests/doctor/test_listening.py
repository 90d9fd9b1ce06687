"""Microphone and loudspeaker on the virtual card, well and in every way ill."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from speakerd.config.model import Audio, Config
from speakerd.doctor import listening
from speakerd.doctor.finding import Level
from speakerd.doctor.hardware import check_cards, check_mixers
from speakerd.doctor.listening import Listening
from speakerd.doctor.patient import Patient
from speakerd.errors import DeviceBusyError, DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.hw.mixer import controls

pytestmark = pytest.mark.alsa
MIC, SPEAKER = "speakerd_mic", "speakerd_speaker"


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(listening, "LISTEN_S", 0.3)
    monkeypatch.setattr(listening, "SWEEPS", 2)
    monkeypatch.setattr(listening, "SURF_MS", 2_000)


@pytest.fixture
def noise(sound_card, tmp_path):
    """A room that is not dead."""
    hiss = np.random.default_rng(0).standard_normal(48_000 * 45) * 40
    (tmp_path / "hiss").write_bytes(hiss.astype("<i2").tobytes())
    player = sound_card.spawn(
        "pacat", "--raw", "--rate=48000", "--channels=1", "--format=s16le", "-d", "speakerd_mic_in",
        str(tmp_path / "hiss"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield
    player.kill()
    player.wait()


def patient(microphone=MIC, loudspeaker=SPEAKER):
    return Patient(Config(audio=Audio(capture_device=microphone, playback_device=loudspeaker)))


def findings(one, *, service_runs=False):
    checks = Listening(one, service_runs=service_runs)
    return [*checks.check_microphone(), *checks.check_echo()]


def told(found):
    return {(finding.subject, str(finding.level)) for finding in found}


def mode_of(found):
    return next((finding.figures.get("mode") for finding in found if finding.subject == "barge-in"), None)


def test_a_speaker_that_is_well(sound_card, noise):
    sound_card.loop(40, -20)
    try:
        for _ in range(3):  # a machine that is busy with other things may lose sound
            found = findings(patient())
            if mode_of(found) == "full":
                break
    finally:
        sound_card.noloop()
    assert ("microphone", "ok") in told(found)
    assert {subject for subject, level in told(found) if level == "problem"} == set()
    assert mode_of(found) == "full"
    path = next(finding for finding in found if "delay_ms" in finding.figures)
    assert path.figures["delay_ms"] == pytest.approx(70, abs=60)
    assert path.figures["loss_db"] == pytest.approx(20, abs=1)


def test_a_muted_loudspeaker_is_not_heard_and_its_mixer_says_why(sound_card, noise):
    sound_card.loop(40, -20)
    sound_card.pactl("set-sink-mute", SPEAKER, "1")
    try:
        found = findings(patient())
        mixers = list(check_mixers(patient("default", "default")))
    finally:
        sound_card.pactl("set-sink-mute", SPEAKER, "0")
        sound_card.noloop()
    assert ("loudspeaker", "problem") in told(found)
    assert mixers[0].level is Level.PROBLEM
    assert mixers[0].what == "The loudspeaker is muted (control Master)."
    assert "alsamixer -D default" in mixers[0].remedy


def test_a_switched_off_microphone(sound_card):
    sound_card.pactl("set-source-mute", "speakerd_mic_in.monitor", "1")
    try:
        found = findings(patient())
        mixers = list(check_mixers(patient("default", "default")))
    finally:
        sound_card.pactl("set-source-mute", "speakerd_mic_in.monitor", "0")
    assert told(found) == {("microphone", "problem")}
    assert "no sound at all" in found[0].what
    assert mixers[1].what == "The microphone is switched off: Capture (off)."
    assert [control.name for control in controls("default")] == ["Master", "Capture"]


def test_an_overdriven_microphone(sound_card):
    sound_card.loop(40, 20)
    try:
        found = findings(patient())
    finally:
        sound_card.noloop()
    overdriven = next(finding for finding in found if "overdrives" in finding.what)
    assert overdriven.figures["clipped_frames"] > 1_000
    gated = next(finding for finding in found if finding.subject == "microphone")
    assert gated.level is Level.NOTICE, "silent in silence, but it hears the loudspeaker"


@pytest.mark.parametrize(
    ("microphone", "loudspeaker", "ill"), [("nosuch", SPEAKER, "microphone"), (MIC, "nosuch", "loudspeaker")]
)
def test_a_name_that_is_not_there(sound_card, noise, microphone, loudspeaker, ill):
    found = findings(patient(microphone, loudspeaker))
    (fault,) = [finding for finding in found if finding.level is Level.PROBLEM]
    assert fault.subject == ill
    assert "nosuch: No such file or directory" in fault.what


def test_no_card_at_all(sound_card, tmp_path):
    one = Patient(Config(audio=Audio(capture_device="nosuch", playback_device="nosuch")), root=tmp_path)
    assert next(check_cards(one)).level is Level.PROBLEM
    assert next(check_cards(Patient(patient().config, root=tmp_path))).level is Level.OK


def test_a_card_that_the_service_holds(monkeypatch, sound_card):
    def busy(device, *_arguments):
        raise DeviceBusyError(device, "is held by speakerd (process 7)")

    monkeypatch.setattr(listening, "AlsaSource", busy)
    monkeypatch.setattr(listening, "AlsaSink", busy)
    found = findings(patient(), service_runs=True)
    assert told(found) == {("microphone", "notice"), ("loudspeaker", "notice")}
    assert all("systemctl stop speakerd" in finding.remedy for finding in found)


def test_a_dead_microphone_without_a_loudspeaker_is_a_problem(monkeypatch, sound_card):
    def gone(device, *_arguments):
        raise DeviceError(device, "No such device")

    monkeypatch.setattr(listening, "AlsaSink", gone)
    assert told(findings(patient())) == {("microphone", "problem"), ("loudspeaker", "problem")}


class Hat:
    """A card with four channels, of which the third has a microphone."""

    def __init__(self, _device, _rate_hz, channel):
        self.sound = np.arange(320, dtype=np.int16) if channel == 2 else np.zeros(320, np.int16)

    def read(self):
        return SourceBlock(self.sound)

    def close(self):
        pass


def test_a_hat_whose_microphone_is_on_another_channel(monkeypatch):
    def gone(device, *_arguments):
        raise DeviceError(device, "No such device")

    monkeypatch.setattr(listening, "AlsaSource", Hat)
    monkeypatch.setattr(listening, "AlsaSink", gone)
    monkeypatch.setattr(listening, "probe", lambda *_: SimpleNamespace(channels=(2, 4)))
    found = findings(patient("hw:CARD=Hat", "hw:CARD=Hat"))[0]
    assert found.level is Level.PROBLEM
    assert found.remedy == "set audio.capture_channel: 2"
    assert findings(patient("plughw:CARD=Hat", "x"))[0].remedy.startswith("alsamixer")
