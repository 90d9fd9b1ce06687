"""Each kind of trouble, however its code is spelt, is told in all places: aloud, in the journal, in the status."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from speakerd.config.model import Sounds
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.herald import Herald
from speakerd.realtime.troubles import CODES, NOTICES, Trouble, describe
from speakerd.service.reporter import Reporter

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State


class Notifier:
    """Keeps the newest status."""

    watchdog_interval_s = None
    told = ""

    def status(self, sentence: str) -> None:
        self.told = sentence


@pytest.mark.parametrize("code", CODES)
async def test_the_end_of_a_session(code, caplog, tmp_path: Path):
    notice, notifier = NOTICES[CODES[code]], Notifier()
    ended = ev.SessionEnded(1, code, "as the service says")
    reporter = Reporter(None, notifier, dict)  # type: ignore[arg-type]
    reporter.observe(ended, LISTENING, IDLE, 1.0)
    (entry,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert notice.sentence in entry.message
    assert "as the service says" in entry.message
    assert entry.message.count(notice.advice) == 1
    assert f"{notice.sentence}: {notice.advice}" in notifier.told
    assert describe(code) in describe(code, notice.sentence), "what is said already is not repeated"

    said: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        herald = Herald(Sounds(), "slt", tmp_path, lambda _pcm: True, tasks)
        herald.say = lambda *sentences: said.extend(sentences)  # type: ignore[method-assign]
        herald.observe(ended, LISTENING, IDLE, 1.0)
        herald.close()
    assert said == [notice.spoken]


@pytest.mark.parametrize(
    ("event", "before", "after", "trouble"),
    [
        (ev.DeadlineReached(), CONNECTING, CLOSING, Trouble.UNREACHABLE),
        (ev.DeadlineReached(), THINKING, LISTENING, Trouble.SERVER_SILENT),
        (ev.DeadlineReached(ran_dry=True), SPEAKING, LISTENING, Trouble.SERVER_SILENT),
        (ev.ResponseEnded(1, "r", "failed", 0, ""), THINKING, LISTENING, Trouble.SERVER_ERROR),
        (ev.ResponseEnded(1, "r", "incomplete", 900, ""), SPEAKING, SPEAKING, Trouble.SERVER_ERROR),
        (ev.DeadlineReached(), THINKING, THINKING, None),  # it came too early, and nothing follows from it
        (ev.DeadlineReached(), LISTENING, CLOSING, None),
    ],
)
async def test_what_nobody_gave_a_name(event, before, after, trouble, caplog, tmp_path: Path):
    notice, notifier, said = trouble and NOTICES[trouble], Notifier(), []
    reporter = Reporter(None, notifier, dict)  # type: ignore[arg-type]
    reporter.observe(event, before, after, 1.0)
    assert ("; " in notifier.told) is bool(notice)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(notice)
    async with asyncio.TaskGroup() as tasks:
        herald = Herald(Sounds(), "slt", tmp_path, lambda _pcm: True, tasks)
        herald.say = lambda *sentences: said.extend(sentences)  # type: ignore[method-assign]
        herald.observe(event, before, after, 1.0)
        herald.observe(ev.SessionEnded(1), CLOSING, IDLE, 1.0)
        reporter.observe(ev.SessionEnded(1), CLOSING, IDLE, 1.0)
        herald.close()
    assert said == ([notice.spoken] if notice else [])
    assert not notice or f"; {notice.sentence}: {notice.advice}" in notifier.told, "until the next wake word"


def test_no_two_kinds_are_told_alike():
    for what in ("sentence", "advice", "spoken"):
        assert len({getattr(notice, what) for notice in NOTICES.values()}) == len(Trouble), what
