"""`speakerd devices`, with the virtual card, with hardware as the kernel tells it, and without any."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from speakerd.cli.devices import as_dict, describe, ranges
from speakerd.dsp.formats import FORMATS
from speakerd.errors import DeviceError
from speakerd.hw import cards
from speakerd.hw.alsa import Abilities, Granted
from speakerd.hw.cards import Device, Hardware, devices, hardware


def run(env, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "speakerd", "devices", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.alsa
def test_the_virtual_card_is_listed(sound_card):
    done = run(sound_card.env)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Microphones")
    assert "* default" in lines
    assert "  speakerd_mic" in lines
    assert "      grants  16000 Hz, 1 channel, S16_LE" in lines
    assert "      grants  48000 Hz, 1 channel, S16_LE" in lines
    listed = json.loads(run(sound_card.env, "--json").stdout)
    speaker = next(device for device in listed["playback"] if device["name"] == "speakerd_speaker")
    assert speaker["granted"] == {"rate_hz": 48000, "channels": 1, "format": "S16_LE"}
    assert not speaker["default"]
    assert listed["capture"][0]["name"] == "default"
    assert listed["capture"][0]["default"]
    assert not listed["capture"][0]["error"]


def test_without_any_card_it_says_what_to_do(tmp_path):
    (tmp_path / "none").write_text("")
    done = run({"ALSA_CONFIG_PATH": str(tmp_path / "none"), "HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "does not open: No such file or directory" in done.stdout
    assert "No microphone can be opened." in done.stderr
    assert "No loudspeaker can be opened." in done.stderr
    assert "dtoverlay" in done.stderr
    assert "ALSA lib" not in done.stderr


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "pcm").write_text(
        "00-00: bcm2835 Headphones : bcm2835 Headphones : playback 8\n"
        "01-00: USB Audio : USB Audio : playback 1 : capture 1\n"
        "02-03: HDMI 0 : HDMI 0 : playback 1\n"
        "nonsense\n"
    )
    for number, name in ((0, "Headphones"), (1, "Device")):
        (tmp_path / f"card{number}").mkdir()
        (tmp_path / f"card{number}" / "id").write_text(f"{name}\n")
    return tmp_path


def test_hardware_has_names_that_stay(proc, tmp_path):
    assert hardware(proc, tmp_path / "none") == [
        Hardware("playback", "hw:CARD=Headphones,DEV=0", "bcm2835 Headphones", ""),
        Hardware("capture", "hw:CARD=Device,DEV=0", "USB Audio", ""),
        Hardware("playback", "hw:CARD=Device,DEV=0", "USB Audio", ""),
        Hardware("playback", "hw:CARD=2,DEV=3", "HDMI 0", ""),
    ]
    assert hardware(tmp_path / "none") == []


@pytest.fixture
def twins(proc):
    """Two equal cards on USB, and one of another kind."""
    (proc / "pcm").write_text(
        "00-00: bcm2835 Headphones : bcm2835 Headphones : playback 8\n"
        "01-00: USB Audio : USB Audio : capture 1\n"
        "02-00: USB Audio : USB Audio : capture 1\n"
        "03-00: USB Audio : USB Audio : capture 1\n"
    )
    (proc / "by-path").mkdir()
    for number, name, socket in (
        (1, "Device", "usb-0:1.3:1.0"),
        (2, "Device_1", "usb-0:1.1:1.0"),
        (3, "Mic", "usb-0:2"),
    ):
        (proc / f"card{number}").mkdir(exist_ok=True)
        (proc / f"card{number}" / "id").write_text(f"{name}\n")
        (proc / "by-path" / socket).symlink_to(f"../controlC{number}")
    return proc


def test_equal_cards_are_told_apart_by_their_sockets(twins, monkeypatch):
    found = hardware(twins, twins)
    assert [one.name for one in found] == [
        "hw:CARD=Headphones,DEV=0",
        "/dev/snd/by-path/usb-0:1.3:1.0,DEV=0",
        "/dev/snd/by-path/usb-0:1.1:1.0,DEV=0",
        "hw:CARD=Mic,DEV=0",
    ]
    assert found[-1].socket == "/dev/snd/by-path/usb-0:2,DEV=0"
    monkeypatch.setattr(cards, "pcm_names", lambda _: [])
    listed = describe("Microphones", devices("capture", twins, twins))
    assert "  /dev/snd/by-path/usb-0:1.3:1.0,DEV=0  (USB Audio)" in listed
    at = listed.index("  hw:CARD=Mic,DEV=0  (USB Audio)")
    assert listed[at + 1] == "      socket  /dev/snd/by-path/usb-0:2,DEV=0"


def test_a_busy_device_does_not_hide_the_others(proc, monkeypatch):
    granted = Granted(48_000, 2, FORMATS["S32_LE"], 960, 3840)

    def probe(direction, name):
        assert direction == "playback"
        if "Headphones" in name:
            raise DeviceError(name, "Device or resource busy", hint="another program holds it")
        if name == "default":
            raise DeviceError(name, "No such file or directory", hint="`speakerd devices` lists the names")
        return Abilities((44_100, 48_000), False, (2, 6, 7, 8), ("S16_LE", "S32_LE"), granted)

    monkeypatch.setattr(cards, "probe", probe)
    monkeypatch.setattr(cards, "pcm_names", lambda _: ["null", "speex", "hw:CARD=Device,DEV=0"])
    listed = devices("playback", proc)
    assert describe("Loudspeakers", listed) == [
        "Loudspeakers",
        "* default",
        "      does not open: No such file or directory",
        "  hw:CARD=Headphones,DEV=0  (bcm2835 Headphones)",
        "      does not open: Device or resource busy (another program holds it)",
        "  hw:CARD=Device,DEV=0  (USB Audio)",
        "      can     44100, 48000 Hz; 2, 6-8 channels; S16_LE S32_LE",
        "      grants  48000 Hz, 2 channels, S32_LE",
        "  hw:CARD=2,DEV=3  (HDMI 0)",
        "      can     44100, 48000 Hz; 2, 6-8 channels; S16_LE S32_LE",
        "      grants  48000 Hz, 2 channels, S32_LE",
        "",
    ]


def test_a_range_of_rates():
    granted = Granted(48_000, 1, FORMATS["S16_LE"], 960, 3840)
    device = Device("default", "", (8_000, 192_000), True, (1, 2), ("S16_LE",), granted)
    assert as_dict(device)["rates_hz"] == {"min": 8_000, "max": 192_000}
    assert "8000-192000 Hz" in describe("", [device])[2]


def test_ranges():
    assert ranges([1, 2, 3, 8]) == "1-3, 8"
    assert ranges([5]) == "5"
    assert ranges([]) == ""
