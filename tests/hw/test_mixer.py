"""The mixer of the virtual card, and the volume of our own for cards without one."""

from __future__ import annotations

import subprocess
import sys

import alsaaudio
import pytest

from speakerd.errors import DeviceError
from speakerd.hw.mixer import AlsaMixer, SoftwareVolume, find_control, loudspeaker_volume, mixer_device

NEVER = SoftwareVolume(lambda: 1 // 0, lambda _percent: None)
"""Our own, which is not to be asked."""


class Samples:
    """Where the software volume is kept."""

    percent = 70


@pytest.fixture(params=["alsa", "software"])
def volume(request):
    if request.param == "software":
        samples = Samples()
        yield SoftwareVolume(lambda: samples.percent, lambda percent: setattr(samples, "percent", percent))
        return
    request.getfixturevalue("sound_card")
    made = loudspeaker_volume("default", NEVER)
    made.set_muted(False)
    made.set_volume_percent(70)
    yield made
    made.set_muted(False)
    made.set_volume_percent(100)


def test_one_behaviour_for_both(volume):
    assert (volume.volume_percent(), volume.is_muted()) == (70, False)
    volume.set_volume_percent(35)
    assert volume.volume_percent() == 35
    volume.set_muted(True)
    volume.set_muted(True)
    assert (volume.volume_percent(), volume.is_muted()) == (35, True)
    volume.set_volume_percent(50)
    assert (volume.volume_percent(), volume.is_muted()) == (50, True)
    volume.set_muted(False)
    volume.set_muted(False)
    assert (volume.volume_percent(), volume.is_muted()) == (50, False)
    for percent in (0, 100):
        volume.set_volume_percent(percent)
        assert volume.volume_percent() == percent


@pytest.mark.alsa
def test_the_virtual_card_really_changes(sound_card):
    volume = loudspeaker_volume("default", NEVER)
    try:
        volume.set_volume_percent(37)
        volume.set_muted(True)
        sink = sound_card.pactl("list", "sinks").split("Name: speakerd_speaker")[1]
        assert " 37% " in sink.split("Base Volume")[0]
        assert "Mute: yes" in sink
        sound_card.pactl("set-sink-mute", "speakerd_speaker", "0")
        assert not volume.is_muted()  # what others change is seen
    finally:
        volume.set_volume_percent(100)
        volume.set_muted(False)


def test_software_mute_silences_the_samples():
    samples = Samples()
    volume = SoftwareVolume(lambda: samples.percent, lambda percent: setattr(samples, "percent", percent))
    volume.set_muted(True)
    assert samples.percent == 0
    volume.set_volume_percent(20)
    assert samples.percent == 0
    volume.set_muted(False)
    assert samples.percent == 20


@pytest.mark.parametrize(
    ("pcm", "mixer"),
    [
        ("default", "default"),
        ("hw:CARD=Device,DEV=0", "hw:Device"),
        ("sysdefault:CARD=sndrpihifiberry", "hw:sndrpihifiberry"),
        ("dmix:CARD=Device,DEV=0", "hw:Device"),
        ("plughw:1,0", "hw:1"),
        ("hw:0", "hw:0"),
        ("plug:something", "plug:something"),
        ("speakerd_speaker", "speakerd_speaker"),
    ],
)
def test_which_mixer_belongs_to_which_pcm(pcm, mixer):
    assert mixer_device(pcm) == mixer


@pytest.mark.alsa
@pytest.mark.usefixtures("sound_card")
def test_which_control():
    assert find_control("default") == "Master"
    assert find_control("speakerd_speaker") == ""
    assert find_control("hw:9") == ""


@pytest.mark.alsa
@pytest.mark.usefixtures("sound_card")
def test_a_card_without_mixer_has_our_own_volume():
    volume = loudspeaker_volume("speakerd_speaker", SoftwareVolume(lambda: 42, lambda _percent: None))
    assert isinstance(volume, SoftwareVolume)
    assert volume.volume_percent() == 42


@pytest.mark.alsa
@pytest.mark.usefixtures("sound_card")
def test_a_card_that_was_pulled_is_a_device_error():
    with pytest.raises(DeviceError, match="hw:9"):
        AlsaMixer("hw:9", "Master").volume_percent()
    with pytest.raises(DeviceError, match="default"):
        AlsaMixer("default", "Nonsense").set_muted(True)


def test_nothing_is_written_on_stderr(tmp_path):
    """alsa-lib writes several lines for each mixer that is missing, unless it is hushed."""
    code = "from speakerd.hw.mixer import find_control; print(repr(find_control('nothing')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout.strip(), done.stderr) == ("''", "")


class OddMixer:
    """A control without a switch; its channels differ."""

    percents = (0, 5)

    def volumecap(self):
        return ["Playback Volume"]

    def switchcap(self):
        return []

    def getvolume(self, _direction):
        return list(OddMixer.percents)

    def setvolume(self, percent, _channel, _direction):
        OddMixer.percents = (percent, percent)

    def close(self):
        pass


def test_a_control_without_a_switch_is_muted_by_turning_it_down(monkeypatch):
    monkeypatch.setattr("alsaaudio.mixers", lambda device: ["Mic Boost", "PCM"] if device == "hw:1" else [])
    monkeypatch.setattr("alsaaudio.Mixer", lambda control, device: OddMixer())
    volume = loudspeaker_volume("hw:1,0", NEVER)
    assert volume.volume_percent() == 5
    volume.set_muted(True)
    assert OddMixer.percents == (0, 0)
    assert volume.is_muted()
    volume.set_muted(False)
    assert OddMixer.percents == (5, 5)


def test_another_card_of_the_same_name_that_can_do_less_ends_nothing(monkeypatch):
    class Less(OddMixer):
        def getmute(self):
            raise alsaaudio.ALSAAudioError("Mixer PCM,0 has no playback switch capabilities [hw:1]")

        def getvolume(self, _direction):
            return []

    monkeypatch.setattr("alsaaudio.Mixer", lambda control, device: Less())
    volume = AlsaMixer("hw:1,0", "PCM")
    assert (volume.volume_percent(), volume.is_muted()) == (0, False)


def test_a_mute_that_fails_is_none():
    def gone(_percent):
        raise DeviceError("hw:1", "No such device")

    volume = SoftwareVolume(lambda: 70, gone)
    with pytest.raises(DeviceError):
        volume.set_muted(True)
    assert not volume.is_muted()
