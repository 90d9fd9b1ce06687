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


def test_no_two_kinds_are_told_alike():
    for what in ("sentence", "advice", "spoken"):
        assert len({getattr(notice, what) for notice in NOTICES.values()}) == len(Trouble), what
