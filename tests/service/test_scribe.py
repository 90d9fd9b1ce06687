"""What was said is written where the configuration says, and nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from speakerd.config.model import Transcripts
from speakerd.conversation.state import State
from speakerd.realtime.outputs import Said, SaidCut, SaidPartly
from speakerd.service.eventlog import EventLog
from speakerd.service.journal import JournalHandler
from speakerd.service.scribe import MAX_CHARACTERS, Scribe

ALL = (
    SaidPartly("user", "u1", "My "),
    Said("user", "My secret\nplan.", "u1"),
    Said("assistant", "A secret reply.", "a1"),
    SaidCut("a1", "A secret"),
)


class Written:
    """What the scribe leaves behind."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "events.jsonl"
        self.eventlog = EventLog(self.path)
        self.entries: list[dict] = []
        handler = JournalHandler(lambda message, **fields: self.entries.append({"MESSAGE": message, **fields}))
        log = logging.getLogger("speakerd.service.scribe")
        monkeypatch.setattr(log, "handlers", [handler])
        monkeypatch.setattr(log, "level", logging.DEBUG)

    def of(self, *said, **options: bool) -> None:
        """Let a scribe with these options write."""
        scribe = Scribe(Transcripts(**options), self.eventlog, lambda: State.THINKING)
        for one in said:
            scribe.take(one)

    @property
    def events(self) -> list[dict]:
        """The lines of the events file."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def written(tmp_path, monkeypatch):
    made = Written(tmp_path, monkeypatch)
    yield made
    made.eventlog.close()


def test_nothing_is_written_that_was_not_asked_for(written):
    written.of(*ALL)
    written.of(*ALL, in_messages=True)
    assert written.entries == written.events == []
    assert not Scribe(Transcripts(in_messages=True), written.eventlog, lambda: State.IDLE).wanted
    assert not Scribe(Transcripts(events=True), None, lambda: State.IDLE).wanted, "there is no file"


def test_the_events_file_gets_both_sides_in_pieces_and_whole(written):
    written.of(*ALL, events=True)
    assert written.entries == []
    told = [(e["event"], e["role"], e["item_id"], e["text"], e["state"]) for e in written.events]
    assert told == [
        ("SaidPartly", "user", "u1", "My ", "THINKING"),
        ("Said", "user", "u1", "My secret\nplan.", "THINKING"),
        ("Said", "assistant", "a1", "A secret reply.", "THINKING"),
        ("SaidCut", "assistant", "a1", "A secret", "THINKING"),
    ]


def test_the_journal_gets_the_words_in_a_field_and_not_in_the_message(written):
    written.of(*ALL, journal=True)
    assert written.events == []
    assert [(e["SPEAKERD_EVENT"], e["SPEAKERD_ROLE"], e["SPEAKERD_TEXT"]) for e in written.entries] == [
        ("SaidPartly", "user", "My "),
        ("Said", "user", "My secret\nplan."),
        ("Said", "assistant", "A secret reply."),
        ("SaidCut", "assistant", "A secret"),
    ]
    assert not any("secret" in entry["MESSAGE"] for entry in written.entries)
    assert [entry["PRIORITY"] for entry in written.entries] == ["7", "6", "6", "6"], "pieces only in debug"


def test_in_the_message_too_where_asked_for(written):
    written.of(*ALL, journal=True, in_messages=True)
    assert [entry["MESSAGE"] for entry in written.entries][1:] == [
        "What the user said was written down: My secret plan.",
        "What the assistant said was written down: A secret reply.",
        "What was heard of the reply that was cut was written down: A secret",
    ]


def test_odd_and_endless_words_are_written_too(written):
    written.of(Said("user", "half \ud83d", "u1"), Said("user", "x" * 100_000, "u2"), events=True, journal=True)
    assert written.entries[0]["SPEAKERD_TEXT"] == written.events[0]["text"] == "half \\ud83d"
    assert len(written.entries[1]["SPEAKERD_TEXT"]) == len(written.events[1]["text"]) == MAX_CHARACTERS
