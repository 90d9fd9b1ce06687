"""Figures of a made-up machine, and programs that hang, fail or are not there."""

from __future__ import annotations

import time

import pytest

from speakerd.config.model import Config, Realtime, Server, Sounds
from speakerd.doctor.probes import unit as unit_probe
from speakerd.doctor.probes.command import ask, properties
from speakerd.doctor.probes.keys import find_key
from speakerd.doctor.probes.machine import celsius, machine, throttled
from speakerd.doctor.probes.microphone import hear
from speakerd.doctor.probes.models import pace
from speakerd.doctor.probes.wheels import programs
from speakerd.doctor.probes.wifi import radios
from speakerd.errors import ConfigError
from speakerd.hw.device import SourceBlock


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def programs_folder(tmp_path, monkeypatch):
    """A folder for programs of our own, ahead of all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return make


def test_a_program_that_is_missing_hangs_or_fails(programs_folder):
    assert ask(["speakerd-nothing"]) is None
    programs_folder("slow", "exec sleep 30")
    began_s = time.monotonic()
    assert ask(["slow"], timeout_s=0.2) is None
    assert time.monotonic() - began_s < 3
    programs_folder("bad", "echo x; echo y >&2; exit 3")
    answer = ask(["bad"])
    assert (answer.status, answer.text, answer.errors) == (3, "x\n", "y\n")
    assert properties(answer) == {}
    programs_folder("good", "echo A=1; echo 'B=x=y'; echo nothing; echo $LC_ALL")
    assert properties(ask(["good"])) == {"A": "1", "B": "x=y"}


def test_a_raspberry_pi(tmp_path, programs_folder):
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    write(tmp_path, "proc/loadavg", "0.75 0.5 0.4 1/200 999\n")
    write(tmp_path, "proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable:    2048000 kB\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "51234\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "-273000\n")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    found = machine(tmp_path, {"STATE_DIRECTORY": str(tmp_path)})
    assert found.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert (found.load_1_min, found.memory_free_mb, found.celsius, found.throttled) == (0.75, 2_000, 51.234, 0x50005)
    assert found.disk_free_mb > 0


def test_a_machine_that_tells_nothing(tmp_path, programs_folder):
    found = machine(tmp_path, {})
    assert (found.model, found.memory_free_mb, found.celsius, found.throttled) == ("", None, None, None)
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "unknown\n")
    write(tmp_path, "sys/devices/platform/soc/x/get_throttled", "not a number\n")
    assert celsius(tmp_path) is None
    programs_folder("vcgencmd", "echo 'VCHI initialization failed'; exit 1")
    assert throttled(tmp_path) is None
    programs_folder("vcgencmd", "echo throttled=0x80000")
    assert throttled(tmp_path) == 0x80000


def test_a_radio(tmp_path, programs_folder):
    write(tmp_path, "sys/class/net/wlan0/operstate", "up\n")
    (tmp_path / "sys/class/net/wlan0/wireless").mkdir()
    write(tmp_path, "sys/class/net/wlan1/operstate", "down\n")
    (tmp_path / "sys/class/net/wlan1/wireless").mkdir()
    write(tmp_path, "sys/class/net/eth0/operstate", "up\n")
    write(tmp_path, "proc/net/route", "Iface\tDestination\tGateway\nwlan0\t00000000\t0101A8C0\n")
    write(tmp_path, "proc/net/wireless", "head\nhead\n wlan0: 0000   58.  -52.  -256        0\n")
    programs_folder("iw", '[ "$*" = "dev wlan0 get power_save" ] && echo "Power save: on"')
    (radio,) = radios(tmp_path)
    assert (radio.interface, radio.carries, radio.power_save, radio.signal_dbm) == ("wlan0", True, True, -52.0)
    programs_folder("iw", "exit 1")
    assert radios(tmp_path)[0].power_save is None
    assert radios(tmp_path / "nothing") == []


SHOWN = "LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\nStatusText=Bye\n"


def test_a_unit(programs_folder):
    programs_folder("systemctl", f"printf '{SHOWN}Result=exit-code\\nExecMainStatus=78\\nNRestarts=4\\n'")
    found = unit_probe.unit("speakerd.service")
    assert (found.active, found.status, found.result, found.exit_status, found.restarts) == (
        "failed", "Bye", "exit-code", 78, 4,
    )  # fmt: skip
    programs_folder("systemctl", "echo LoadState=not-found")
    assert unit_probe.unit("speakerd.service") is None
    programs_folder("systemctl", "echo 'Host is down' >&2; exit 1")
    assert unit_probe.unit("speakerd.service") is None


def test_the_journal(programs_folder):
    entries = '{"MESSAGE":"one"}\\n{"MESSAGE":[1,2]}\\nnonsense\\n{"MESSAGE":"two\\\\nlines"}\\n{"MESSAGE":"one"}\\n'
    programs_folder("journalctl", f"printf '{entries}'")
    assert unit_probe.warnings("speakerd.service") == ["one", "two"]
    programs_folder("journalctl", "echo 'No journal files were opened due to insufficient permissions.' >&2")
    assert unit_probe.warnings("speakerd.service") is None
    programs_folder("journalctl", "exit 1")
    assert unit_probe.warnings("speakerd.service") is None


def test_programs_that_a_configuration_asks_for():
    assert programs(Config(sounds=Sounds(notices=False))) == {}
    assert list(programs(Config())) == ["flite"]
    assert list(programs(Config(sounds=Sounds(language="de")))) == ["espeak-ng"]
    embedded = Realtime(url="embedded")
    assert list(programs(Config(realtime=embedded, sounds=Sounds(notices=False)))) == ["flite"]
    piper = Config(realtime=embedded, server=Server(piper_model="/x.onnx"), sounds=Sounds(notices=False))
    assert list(programs(piper)) == ["piper"]


def test_the_key_where_systemd_keeps_it(tmp_path, programs_folder):
    assert find_key({}, tmp_path) == (None, False)
    key, hidden = find_key({"OPENAI_API_KEY": "sk-env"}, tmp_path)
    assert (key.reveal(), hidden) == ("sk-env", False)
    write(tmp_path, "etc/credstore/openai-api-key", "sk-plain\n")
    key, hidden = find_key({}, tmp_path)
    assert (key.reveal(), key.source, hidden) == ("sk-plain", str(tmp_path / "etc/credstore/openai-api-key"), False)
    write(tmp_path, "etc/credstore.encrypted/openai-api-key", "blob")
    programs_folder("systemd-creds", "echo sk-decrypted")
    key, hidden = find_key({}, tmp_path)
    assert (key.reveal(), hidden) == ("sk-decrypted", False)
    assert "encrypted" in key.source
    programs_folder("systemd-creds", "exit 1")
    assert find_key({}, tmp_path) == (None, True)
    programs_folder("systemd-creds", "echo 'two words'")
    with pytest.raises(ConfigError):
        find_key({}, tmp_path)


def test_the_pace_of_the_models():
    found = pace(Config())
    assert found.words == ("hey_jarvis",)
    assert 0 < found.wake_share < 5
    assert found.wake_share < found.speaking_share < 5


class Loud:
    """A microphone at its limits."""

    def __init__(self):
        import numpy as np

        self.reads = 0
        self.block = np.tile(np.array([32767, -32768], np.int16), 160)

    def read(self):
        self.reads += 1
        return SourceBlock(self.block, int(self.reads == 5))

    def close(self):
        pass


def test_hearing():
    heard = hear(Loud(), 1.0)
    assert heard.clipped_frames == 16_000
    assert heard.xruns == 1
    assert heard.peak_dbfs == pytest.approx(0, abs=0.1)
