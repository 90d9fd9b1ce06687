"""What the journal is spared, and what it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from speakerd.conversation.state import State
from speakerd.logfields import fields, fields_of
from speakerd.service.message_ids import MESSAGE_IDS
from speakerd.service.repeats import FAULT
from speakerd.service.tempered import ANSWERS, CONDITIONS, COUNTED, Tempered


class Kept(logging.Handler):
    """Keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


class Desk:
    """A logger, what comes of it, and the time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.kept = Kept()
        self.handler = Tempered(self.kept, lambda: self.now_s)
        self.log = logging.getLogger("speakerd.test_tempered")
        self.log.setLevel(logging.DEBUG)
        self.log.addHandler(self.handler)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.log.removeHandler(desk.handler)


def test_the_same_fault_is_told_three_times_and_counted_after(desk):
    for number in range(10):
        desk.now_s = number * 10.0
        desk.log.warning("The skill %s failed, %d.", "lamp", number, extra=fields(event="SkillFailed", skill="lamp"))
    assert desk.kept.messages == ["The skill lamp failed, 0.", "The skill lamp failed, 1.", "The skill lamp failed, 2."]
    desk.now_s = FAULT.window_s + 1
    desk.log.warning("The skill %s failed.", "lamp", extra=fields(event="SkillFailed", skill="lamp"))
    assert desk.kept.messages[-1] == "The skill lamp failed. (7 more like it left out)"
    assert fields_of(desk.kept.records[-1]) == {"event": "SkillFailed", "skill": "lamp", "left_out": 7}


def test_other_handlers_get_the_entry_as_it_was(desk):
    other = Kept()
    desk.log.addHandler(other)
    try:
        for number in range(5):
            desk.log.warning("no", extra=fields(event="ChatFailed"))
            desk.now_s = FAULT.window_s if number == 3 else 0.0
    finally:
        desk.log.removeHandler(other)
    assert other.messages == ["no"] * 5
    assert not any("left_out" in fields_of(record) for record in other.records)


def test_what_was_left_out_is_told_though_it_never_comes_again(desk):
    for _ in range(5):
        desk.log.warning("%s", "100 % wrong", extra=fields(event="ChatFailed"))
    desk.handler.settle()
    assert len(desk.kept.records) == 3
    desk.now_s = FAULT.window_s
    desk.handler.settle()
    assert desk.kept.messages[3:] == ["100 % wrong (1 more like it left out)"]


def test_another_device_or_code_is_another_fault(desk):
    for code in ("tls_failed", "dns_failed", "bad_url", "network_dead"):
        for _ in range(2):
            desk.log.warning("no", extra=fields(event="SpareGivenUp", code=code))
    assert len(desk.kept.records) == 8


def test_a_change_of_the_conversations_state_is_always_told(desk):
    for _ in range(20):
        told = fields(event="NoNetwork", code="network_failed", state=State.IDLE, from_state=State.CONNECTING)
        desk.log.warning("The session ended.", extra=told)
    assert len(desk.kept.records) == 20


@pytest.mark.parametrize("before", [{"from_state": State.SPEAKING}, {}])
def test_the_same_without_a_change_of_state_is_not(desk, before):
    for _ in range(20):
        desk.log.warning("Not finished.", extra=fields(event="CutShort", state=State.SPEAKING, **before))
    assert len(desk.kept.records) == FAULT.limit


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_who_asks_is_answered_however_often(desk, kind):
    for _ in range(20):
        desk.log.error("The configuration stays as it was.", extra=fields(event=kind))
    assert len(desk.kept.records) == 20


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_what_is_no_fault_is_always_told(desk, level):
    for _ in range(20):
        desk.log.log(level, "Heard.", extra=fields(event="WakeDetected"))
    assert len(desk.kept.records) == 20


def test_what_names_no_kind_is_always_told(desk):
    for _ in range(20):
        desk.log.error("Task exception was never retrieved")
    assert len(desk.kept.records) == 20


def test_a_device_that_flaps_is_told_in_pairs_then_as_it_stands(desk):
    for number in range(31):
        desk.now_s = number * 0.5
        if number % 2:
            desk.log.info("The microphone works again.", extra=fields(event="DeviceWorks", device="microphone"))
        else:
            told = fields(event="DeviceFailed", device="microphone", trouble="gone")
            desk.log.error("The microphone does not work.", extra=told)
    assert [record.levelname for record in desk.kept.records] == ["ERROR", "INFO"] * 3
    desk.now_s += 5.0
    desk.handler.settle()
    assert desk.kept.messages[-1] == "The microphone does not work. (24 more like it left out)"


def test_the_loudspeaker_is_told_though_the_microphone_flaps(desk):
    for number in range(20):
        desk.log.error("no", extra=fields(event="DeviceFailed", device="microphone", trouble=str(number)))
    desk.log.error("The loudspeaker, too.", extra=fields(event="DeviceFailed", device="loudspeaker", trouble="gone"))
    assert desk.kept.messages[-1] == "The loudspeaker, too."


def test_the_kinds_that_it_knows_exist():
    assert set(CONDITIONS) | COUNTED | ANSWERS <= set(MESSAGE_IDS)
