"""Who holds a busy card."""

from __future__ import annotations

import errno
import os

import pytest

from speakerd.errors import DeviceBusyError
from speakerd.hw import alsa
from speakerd.hw.holders import Holder, holder
from speakerd.hw.microphone import AlsaSource


@pytest.fixture
def proc(tmp_path):
    """Card 1, `Device`, whose microphone thread 4242 of process 4240 (speakerd) has open."""
    for card, name in ((0, "Headphones"), (1, "Device")):
        folder = tmp_path / "asound" / f"card{card}"
        for pcm in ("pcm0p", "pcm0c"):
            (folder / pcm / "sub0").mkdir(parents=True)
            (folder / pcm / "sub0" / "status").write_text("closed\n")
        (folder / "id").write_text(f"{name}\n")
    status = "state: RUNNING\nowner_pid   : 4242\ntrigger_time: 1.5\n"
    (tmp_path / "asound" / "card1" / "pcm0c" / "sub0" / "status").write_text(status)
    process(tmp_path, 4242, 4240, "capture")
    process(tmp_path, 4240, 4240, "speakerd")
    return tmp_path


def process(proc, thread, group, name):
    (proc / str(thread)).mkdir()
    (proc / str(thread) / "status").write_text(f"Name:\t{name}\nTgid:\t{group}\n")
    (proc / str(thread) / "comm").write_text(f"{name}\n")


@pytest.mark.parametrize(
    "device", ["hw:CARD=Device,DEV=0", "plughw:CARD=Device", "hw:1,0", "plughw:1", "default", "x:y"]
)
def test_the_process_is_named_not_its_thread(proc, device):
    who = holder(device, "capture", proc)
    assert str(who) == "speakerd (process 4240)"
    assert "systemctl stop speakerd" in who.remedy


@pytest.mark.parametrize(("device", "direction"), [("hw:1,0", "playback"), ("hw:0,0", "capture"), ("hw:7", "capture")])
def test_nobody_has_the_others(proc, device, direction):
    assert holder(device, direction, proc) is None


def test_a_process_that_may_not_be_seen_has_a_number_at_least(proc):
    for name in ("comm", "status"):
        (proc / "4242" / name).unlink()
    assert str(holder("hw:1,0", "capture", proc)) == "process 4242"


def test_no_proc_is_no_crash(tmp_path):
    assert holder("hw:1,0", "capture", tmp_path / "none") is None


@pytest.mark.parametrize(
    ("program", "words"),
    [("wireplumber", "--user mask --now pipewire"), ("pulseaudio", "pulseaudio.socket"), ("arecord", "kill 7")],
)
def test_each_kind_of_program_has_its_remedy(program, words):
    assert words in Holder(7, program).remedy


def test_the_error_says_who_and_what_to_do(monkeypatch, proc):
    def busy(*_arguments, **_more):
        raise alsa.alsaaudio.ALSAAudioError(f"{os.strerror(errno.EBUSY)} [hw:1,0]")

    monkeypatch.setattr(alsa.alsaaudio, "PCM", busy)
    monkeypatch.setattr(alsa, "holder", lambda device, direction: holder(device, direction, proc))
    with pytest.raises(DeviceBusyError, match=r"hw:1,0: is held by speakerd \(process 4240\) \(speakerd runs already"):
        AlsaSource("hw:1,0", 16_000, 0)
    monkeypatch.setattr(alsa, "holder", lambda *_: None)
    with pytest.raises(DeviceBusyError, match=r"hw:1,0: Device or resource busy \(another program has it open"):
        AlsaSource("hw:1,0", 16_000, 0)
