"""Cards by the socket that they are plugged into."""

from __future__ import annotations

import pytest

from speakerd.errors import DeviceError
from speakerd.hw import alsa
from speakerd.hw.microphone import AlsaSource
from speakerd.hw.mixer import mixer_device
from speakerd.hw.naming import paths, resolve

SOCKET = "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0"
NAME = f"/dev/snd/by-path/{SOCKET}"


@pytest.fixture
def links(tmp_path):
    (tmp_path / "by-path").mkdir()
    (tmp_path / "by-id").mkdir()
    plug(tmp_path, 1)
    (tmp_path / "by-id" / "usb-Maker_Device-00").symlink_to("../controlC1")
    (tmp_path / "by-path" / "odd").symlink_to("../seq")
    return tmp_path


def plug(links, card):
    link = links / "by-path" / SOCKET
    link.unlink(missing_ok=True)
    link.symlink_to(f"../controlC{card}")


@pytest.mark.parametrize("name", ["default", "hw:CARD=Device,DEV=0", "plughw:1,0", "speakerd_mic", "/dev/snd/pcmC0D0p"])
def test_other_names_are_left_alone(name, links):
    assert resolve(name, links) == name


def test_a_socket_is_whatever_card_is_in_it_now(links):
    assert resolve(NAME, links) == "hw:1,0"
    assert resolve(f"{NAME},DEV=2", links) == "hw:1,2"
    assert resolve(f"{NAME},3", links) == "hw:1,3"
    assert resolve("/dev/snd/by-id/usb-Maker_Device-00", links) == "hw:1,0"
    plug(links, 4)
    assert resolve(NAME, links) == "hw:4,0"


def test_an_empty_socket_is_a_device_error(links):
    with pytest.raises(DeviceError, match=r"by-path/none: nothing is plugged in there .*speakerd devices"):
        resolve("/dev/snd/by-path/none", links)
    with pytest.raises(DeviceError, match="is no sound card"):
        resolve("/dev/snd/by-path/odd", links)


def test_the_sockets_of_all_cards(links, tmp_path):
    assert paths(links) == {1: NAME}
    assert paths(tmp_path / "nothing") == {}


def test_it_is_resolved_at_each_opening(monkeypatch):
    asked = []

    def open_it(*_arguments, **_more):
        asked.append(_arguments[2])
        raise alsa.alsaaudio.ALSAAudioError(f"No such device [{_arguments[2]}]")

    monkeypatch.setattr(alsa.alsaaudio, "PCM", open_it)
    numbers = iter("12")
    monkeypatch.setattr(alsa, "resolve", lambda _name: f"hw:{next(numbers)},0")
    for _ in range(2):
        with pytest.raises(DeviceError, match=rf"{SOCKET}: No such device \(is it plugged in"):
            AlsaSource(NAME, 16_000, 0)
    assert asked == ["hw:1,0", "hw:2,0"]


def test_the_mixer_follows(monkeypatch, links):
    monkeypatch.setattr("speakerd.hw.mixer.resolve", lambda name: resolve(name, links))
    assert mixer_device(f"{NAME},DEV=1") == "hw:1"
    assert mixer_device("/dev/snd/by-path/none") == "/dev/snd/by-path/none"
