"""What the outside is told: journal sentences, status, readiness, watchdog."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import DeadMicrophoneError, DeviceBusyError, DeviceError, DeviceHungError
from speakerd.logfields import fields_of
from speakerd.realtime.outputs import ResponseFailed, ServiceBack, StandingIn
from speakerd.realtime.troubles import Trouble
from speakerd.service import reporter as reporter_module
from speakerd.service import vigil as module
from speakerd.service.eventlog import EventLog
from speakerd.service.reporter import Reporter


class FakeNotifier:
    """Writes down what systemd would be told."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self.told: list[str] = []
        self.watchdog_interval_s = watchdog_s
        self.shown = ""

    def ready(self) -> None:
        self.told.append("READY")

    def status(self, sentence: str) -> None:
        if sentence != self.shown:
            self.shown = sentence
            self.told.append(sentence)

    def need_time(self, seconds: float) -> None:
        self.told.append(f"TIME {seconds:.0f}")

    def alive(self) -> None:
        self.told.append("ALIVE")

    def stopping(self) -> None:
        self.told.append("STOPPING")


@pytest.fixture
def notifier() -> FakeNotifier:
    return FakeNotifier()


def reporter(notifier: FakeNotifier, eventlog: EventLog | None = None) -> Reporter:
    return Reporter(eventlog, notifier, lambda: {"capture_xruns": 3})


async def run_until(told: list[str], what: str) -> None:
    async with asyncio.timeout(3):
        while what not in told:  # noqa: ASYNC110 - a list, which knows no waiting
            await asyncio.sleep(0.01)


async def test_ready_only_after_sound_has_moved_both_ways(notifier):
    progress = [0, 0]
    async with asyncio.TaskGroup() as tasks:
        started: list[bool] = []
        watch = tasks.create_task(
            reporter(notifier).watch(lambda: (progress[0], progress[1]), lambda: started.append(True))
        )
        for moved in ([0, 0], [5, 0], [0, 5]):
            progress[:] = moved
            await asyncio.sleep(0.15)
            assert "READY" not in notifier.told
            assert not started
        progress[:] = [5, 5]
        await run_until(notifier.told, "READY")
        watch.cancel()
    assert started == [True]
    assert notifier.told[-1] == "Waiting for the wake word"


async def test_the_watchdog_is_fed_only_while_both_move(caplog):
    notifier = FakeNotifier(watchdog_s=0.05)
    progress = [1, 1]
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(reporter(notifier).watch(lambda: (progress[0], progress[1])))
        await run_until(notifier.told, "READY")
        progress[:] = [2, 2]
        await run_until(notifier.told, "ALIVE")
        fed = notifier.told.count("ALIVE")
        progress[:] = [3, 2]  # the loudspeaker hangs
        await asyncio.sleep(0.3)
        assert notifier.told.count("ALIVE") <= fed + 1
        assert "No sound moves: nothing passes the loudspeaker." in caplog.text
        assert "Waiting for the wake word; nothing passes the loudspeaker" in notifier.told
        async with asyncio.timeout(3):
            while notifier.shown != "Waiting for the wake word":  # it moves again, and so that is not told any more
                progress[:] = [progress[0] + 1, progress[1] + 1]
                await asyncio.sleep(0.01)
        watch.cancel()


async def test_a_device_that_is_being_retried_is_no_hang_until_nobody_retries_it(caplog, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.5)
    notifier = FakeNotifier(watchdog_s=0.05)
    progress = [1, 1]
    told = reporter(notifier)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(told.watch(lambda: (progress[0], progress[1])))
        await run_until(notifier.told, "READY")
        told.device("microphone", DeviceError("hw:9", "No such device"))
        for _ in range(6):
            progress[1] += 1
            await asyncio.sleep(0.05)
        assert notifier.told.count("ALIVE") >= 3
        assert "No sound moves" not in caplog.text
        async with asyncio.timeout(3):  # the thread hangs in its next try
            while "nothing passes the microphone" not in caplog.text:
                progress[1] += 1
                await asyncio.sleep(0.01)
        watch.cancel()


async def test_a_start_without_a_microphone_asks_systemd_for_time(monkeypatch, notifier, caplog):
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    told = reporter(notifier)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(told.watch(lambda: (0, 5)))
        told.device("microphone", DeviceError("hw:9", "No such device"))
        await run_until(notifier.told, "TIME 30")
        assert "Not ready yet" not in caplog.text
        assert notifier.told[0] == "Starting; microphone: hw:9: No such device"
        watch.cancel()
    assert "READY" not in notifier.told


async def test_a_start_that_hangs_for_no_known_reason_gets_no_time(monkeypatch, notifier, caplog):
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(reporter(notifier).watch(lambda: (0, 5)))
        await asyncio.sleep(0.3)
        watch.cancel()
    assert notifier.told == ["Starting; nothing passes the microphone"]
    assert "Not ready yet: nothing passes the microphone." in caplog.text


async def test_what_stalled_and_then_failed_is_told_when_it_moves(caplog, monkeypatch, notifier):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    progress, told = [1, 1], reporter(notifier)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(told.watch(lambda: (progress[0], progress[1])))
        await run_until(notifier.told, "READY")
        await asyncio.sleep(0.1)
        for name in ("microphone", "loudspeaker"):
            told.device(name, DeviceError("hw:9", "No such device"))
        await run_until(notifier.told, "ALIVE")
        async with asyncio.timeout(3):
            while "Sound moves again." not in caplog.text:
                progress[:] = [progress[0] + 1, progress[1] + 1]
                await asyncio.sleep(0.005)
        watch.cancel()


async def test_a_stall_is_told_once_without_a_watchdog_too(caplog, monkeypatch, notifier):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    progress = [1, 1]
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(reporter(notifier).watch(lambda: (progress[0], progress[1])))
        await run_until(notifier.told, "READY")
        await asyncio.sleep(0.3)
        async with asyncio.timeout(3):
            while "moves again" not in caplog.text:
                progress[:] = [progress[0] + 1, progress[1] + 1]
                await asyncio.sleep(0.01)
        watch.cancel()
    assert [r.message for r in caplog.records if "moves" in r.message] == [
        "No sound moves: nothing passes the microphone and the loudspeaker.",
        "Sound moves again.",
    ]


def test_trouble_with_a_device_is_in_the_status_until_it_works(notifier, caplog):
    caplog.set_level(logging.INFO)
    told = reporter(notifier)
    told.device("microphone", DeviceError("hw:9", "No such device"))
    assert notifier.told[-1] == "Starting; microphone: hw:9: No such device"
    told.device("microphone", DeviceError("hw:9", "No such device"))
    told.device("microphone", None)
    assert notifier.told[-1] == "Starting"
    assert [r.message for r in caplog.records] == [
        "The microphone does not work: hw:9: No such device",
        "The microphone works again.",
    ]


NO_QUOTA = ev.SessionEnded(1, "insufficient_quota", "pay first")
GONE = ev.SessionEnded(1, "connection_lost", "gone")
WAKE = ev.WakeDetected("alexa", 0.9, 1)


def observe(told: Reporter, *events: ev.Event) -> None:
    for event in events:
        told.observe(event, State.IDLE, State.IDLE, 1.0)


def test_what_only_a_human_can_mend_is_in_the_status_until_an_answer_comes(notifier):
    told = reporter(notifier)
    observe(told, NO_QUOTA)
    assert notifier.told[-1].startswith("Starting; the account has no credit left: check billing")
    observe(told, WAKE, ev.SessionReady(2))
    assert "no credit" in notifier.told[-1]
    observe(told, ev.ResponseEnded(2, "r", "completed", 900))
    assert notifier.told[-1] == "Starting"


def test_other_trouble_is_in_the_status_until_the_next_wake(notifier):
    told = reporter(notifier)
    observe(told, GONE)
    assert notifier.told[-1].startswith("Starting; the connection broke off: check the network")
    observe(told, WAKE)
    assert notifier.told[-1] == "Starting"


def test_why_a_response_failed_is_told_once_with_what_the_service_said(notifier, caplog):
    told = reporter(notifier)
    failed = ResponseFailed(1, "r", Trouble.RATE_LIMITED, "rate_limit_exceeded", "", "Please try again in 2s", 2.0)
    told.failed(failed)
    observe(told, ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"))
    observe(told, ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"))
    first, second = (record.message for record in caplog.records)
    assert "Please try again in 2s); wait a little" in first
    assert "2s" not in second
    assert "too many requests" in notifier.told[-1]


def test_when_the_limits_are_at_rest_again_is_told_though_the_message_does_not_say(notifier, caplog):
    told = reporter(notifier)
    told.failed(ResponseFailed(1, "r", Trouble.RATE_LIMITED, "rate_limit_exceeded", "", "Limit reached.", 7.5))
    observe(told, ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"))
    assert "Limit reached. (try again in 8 s)); wait a little" in caplog.text


def test_a_response_that_never_began_is_told(notifier, caplog):
    told = reporter(notifier)
    told.failed(ResponseFailed(1, "", Trouble.SERVER_SILENT, "response_not_started", "", ""))
    observe(told, ev.ResponseEnded(1, "", "failed", 0, "response_not_started"))
    (entry,) = caplog.records
    assert entry.message.startswith("The service gave no answer: the server does not answer (response_not_started);")


def test_a_wake_word_that_is_refused_is_told_everywhere(notifier, caplog, tmp_path: Path):
    with contextlib.closing(EventLog(tmp_path / "events")) as log:
        told = reporter(notifier, log)
        told.refused("No conversation begins before midnight.", 3.0)
        assert notifier.told[-1] == "Starting; No conversation begins before midnight"
        assert "before midnight." in caplog.text
        assert json.loads((tmp_path / "events").read_text())["event"] == "WakeRefused"
        observe(told, WAKE)
    assert notifier.told[-1] == "Starting"


def test_why_a_wake_word_was_refused_is_in_the_status_until_midnight(notifier, monkeypatch):
    now = [datetime(2026, 11, 23, 23, 59, tzinfo=UTC)]
    monkeypatch.setattr(reporter_module, "local_now", lambda: now[0])
    told = reporter(notifier)
    told.refused("No conversation begins before midnight.", 3.0)
    told._look()
    assert notifier.shown == "Starting; No conversation begins before midnight"
    now[0] += timedelta(minutes=2)
    told._look()
    assert notifier.shown == "Starting"
    told.refused("No conversation begins before midnight.", 3.0)
    observe(told, GONE)
    now[0] += timedelta(days=1)
    told._look()
    assert "the connection broke off" in notifier.shown, "that is something else"


def test_half_duplex_is_in_the_journal_and_the_status_until_it_ends(notifier, caplog):
    one = reporter(notifier)
    one.echo(ev.DuplexChanged("too much echo"))
    assert "only the wake word interrupts: too much echo" in notifier.told[-1]
    assert caplog.records[-1].levelno == logging.WARNING
    assert "too much echo" in caplog.records[-1].message
    with caplog.at_level(logging.INFO):
        one.echo(ev.DuplexChanged(""))
    assert "wake word interrupts" not in notifier.told[-1]
    assert "again" in caplog.records[-1].message


def test_the_figures_of_the_echo_follow_a_conversation(notifier, caplog, tmp_path: Path):
    with contextlib.closing(EventLog(tmp_path / "events")) as log, caplog.at_level(logging.INFO):
        one = reporter(notifier, log)
        one.echo(ev.EchoMeasured(31.44, -24.0, 60.0, None))
        assert caplog.records[-1].message == (
            "The echo came at -24 dBFS, 31 dB of it were cancelled, it came 60 ms after its reference."
        )
        one.echo(ev.EchoMeasured(None, None, None, None))
    written = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert written[0]["erle_db"] == 31.44
    assert len(caplog.records) == 1, "nothing measured, nothing told"


def test_totals_follow_each_conversation(notifier, tmp_path: Path):
    log = EventLog(tmp_path / "events.jsonl")
    reporter(notifier, log).observe(ev.SessionEnded(1), State.CLOSING, State.IDLE, 9.0)
    log.close()
    last = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert last == {"t": 9.0, "event": "Counters", "state": "IDLE", "capture_xruns": 3}


def test_who_answers_in_an_outage_is_told_once_and_shown_until_it_is_over(notifier, caplog, tmp_path: Path):
    with contextlib.closing(EventLog(tmp_path / "events")) as eventlog:
        one = reporter(notifier, eventlog)
        with caplog.at_level(logging.INFO):
            one.service(StandingIn(1, "dns_failed", "no name server answers", is_new=True))
            one.service(StandingIn(2, "dns_failed", "no name server answers", is_new=False))
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        assert "The embedded server answers: there is no network (dns_failed: no name server" in caplog.text
        assert "; the embedded server answers: there is no network" in notifier.told[-1]
        one.observe(ev.WakeDetected("alexa", 0.9, 1), State.IDLE, State.CONNECTING, 0.0)
        assert "the embedded server answers" in notifier.told[-1], "a wake word ends no outage"
        one.service(ServiceBack())
        assert "embedded" not in notifier.told[-1]
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in ("StandingIn", "ServiceBack")] == [
        "StandingIn", "StandingIn", "ServiceBack",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DeviceError("hw:9", "No such device"), "DeviceFailed"),
        (DeviceBusyError("hw:9", "is held by pulseaudio"), "DeviceBusy"),
        (DeviceHungError("hw:9", "gave no sound for 2 s"), "DeviceHangs"),
        (DeadMicrophoneError("hw:9", "gives no sound at all, not even noise"), "MicrophoneDead"),
    ],
)
def test_what_has_a_remedy_of_its_own_is_a_kind_of_its_own(notifier, caplog, error, kind):
    reporter(notifier).device("microphone", error)
    assert fields_of(caplog.records[-1]) == {"event": kind, "device": "microphone", "trouble": str(error)}
    assert str(error) in notifier.told[-1]


def test_a_machine_that_slept_is_no_clock_that_was_set(notifier, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    slept_s = [0.0]
    wall = datetime(2026, 11, 23, tzinfo=UTC)
    monkeypatch.setattr(reporter_module, "local_now", lambda: wall + timedelta(seconds=slept_s[0]))
    clocks = {time.CLOCK_MONOTONIC: lambda: 100.0, time.CLOCK_BOOTTIME: lambda: 100.0 + slept_s[0]}
    monkeypatch.setattr(reporter_module.time, "clock_gettime", lambda clock: clocks[clock]())
    told = reporter(notifier)
    for slept_s[0] in (0.0, 28_800.0):
        told._look()
    assert not [record for record in caplog.records if fields_of(record).get("event") == "ClockJumped"]


async def test_the_status_of_one_that_stops_or_has_stopped_promises_nothing(notifier):
    one = reporter(notifier)
    one.standing.ready = True
    one.device("microphone", DeviceError("hw:1", "no such device"))
    one.stopping()
    assert notifier.shown == "Stopping"
    one.device("microphone", None)  # what still comes
    assert notifier.shown == "Stopping"
    one.stopped()
    assert notifier.shown == "Stopped"
