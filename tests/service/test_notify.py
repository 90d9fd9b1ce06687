"""What reaches the service manager's socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from speakerd.service.notify import Notifier


class Manager:
    """systemd's side of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        """All messages that have arrived since the last call."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


def test_the_life_of_a_service(manager: Manager) -> None:
    notifier = Notifier()
    notifier.status("starting")
    notifier.need_time(30.0)
    notifier.ready()
    notifier.alive()
    notifier.status("listening")
    notifier.stopping()
    assert manager.heard() == [
        "STATUS=starting", "EXTEND_TIMEOUT_USEC=30000000", "READY=1", "WATCHDOG=1", "STATUS=listening", "STOPPING=1",
    ]  # fmt: skip


def test_the_same_status_is_sent_once(manager: Manager) -> None:
    notifier = Notifier()
    for sentence in ("idle", "idle", "listening", "idle"):
        notifier.status(sentence)
    assert manager.heard() == ["STATUS=idle", "STATUS=listening", "STATUS=idle"]


@pytest.mark.parametrize("nasty", ["a\nWATCHDOG=trigger", "a\0b", "a\rb", "a\ud800b", ""])
def test_a_status_stays_one_line(manager: Manager, nasty: str) -> None:
    notifier = Notifier()
    notifier.status("before")
    notifier.status(nasty)
    messages = manager.heard()[1:]
    assert len(messages) == 1
    assert messages[0].startswith("STATUS=")
    assert "\n" not in messages[0]
    assert notifier.failures == 0


def test_umlauts_arrive(manager: Manager) -> None:
    Notifier().status("Gerät fehlt – neuer Versuch in 5 s")
    assert manager.heard() == ["STATUS=Gerät fehlt – neuer Versuch in 5 s"]


def test_nothing_happens_outside_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    notifier.alive()
    assert notifier.failures == 0


def test_a_dead_manager_is_counted_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notifier = Notifier()
    notifier.ready()
    notifier.alive()
    assert notifier.failures == 2
    assert [record.message for record in caplog.records] == ["systemd cannot be told READY: No such file or directory"]


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], interval_s: float | None
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Notifier().watchdog_interval_s == interval_s
