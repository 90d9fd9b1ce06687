"""Answers right: 60 questions that people ask a speaker, and 30 kept apart, typed or spoken by flite.

    python bench/wits.py [--spoken] [--voices slt,rms] [--show]

The questions and what must be in the answers: bench/questions.tsv. Each is put to a fresh session of the embedded
server that has the speaker's own skills (and a lamp of the user's) for tools; the skills run for real, on a pretended
volume, purse and clock. Spoken: flite says it, the ears hear it, the wits get their words. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speakerd.server.effects import Send
from speakerd.server.session import Session
from speakerd.skills.builtin import built_in
from speakerd.skills.ports import Ports
from speakerd.skills.skill import Skill

QUESTIONS = Path(__file__).with_name("questions.tsv")
NOW = datetime(2026, 3, 4, 15, 7, tzinfo=timezone(timedelta(hours=1)))


@dataclass(frozen=True)
class Question:
    """What is asked, in one or more turns, and what must be in the last answer."""

    group: str
    turns: tuple[str, ...]
    answer: re.Pattern[str]


def questions() -> Iterator[Question]:
    """All of questions.tsv."""
    lines = [line for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    for line in lines[1:]:
        group, asked, answer = line.split("\t")
        yield Question(group, tuple(asked.split(" / ")), re.compile(answer, re.IGNORECASE | re.DOTALL))


@dataclass
class Device:
    """A speaker that only pretends."""

    percent: int = 50
    muted: bool = False
    ended: bool = False
    lamps: dict[str, bool] = field(default_factory=dict)

    def volume_percent(self) -> int:
        """As set last."""
        return self.percent

    def set_volume_percent(self, percent: int) -> None:
        """Remember it."""
        self.percent = percent

    def is_muted(self) -> bool:
        """As set last."""
        return self.muted

    def set_muted(self, muted: bool) -> None:
        """Remember it."""
        self.muted = muted

    def costs(self) -> Mapping[str, Any]:
        """In the shape of the purse's answer."""
        today = {"spent": "0.42", "conversations": 7, "responses": 19, "limit": "1.00"}
        month = {"spent": "3.10", "conversations": 61, "responses": 160}
        return {"currency": "US dollars", "today": today, "this_month": month}

    def sent_today(self) -> Mapping[str, Any]:
        """In the shape of the purse's answer."""
        up = {"seconds_of_sound_sent": 12, "bytes_sent": 800_000}
        return {
            **up,
            "seconds_of_sound_received": 20,
            "conversations": 2,
            "each_conversation": [{"began": "15:01", **up}],
        }

    def end(self) -> None:
        """The conversation is over."""
        self.ended = True

    def skills(self) -> dict[str, Skill]:
        """The built-in ones, and one of the user's."""

        def switch_lamp(room: Literal["kitchen", "living_room"], on: Annotated[bool, "False for off."]) -> str:
            """Switch the lamp of a room on or off."""
            self.lamps[room] = on
            return f"The lamp in the {room.replace('_', ' ')} is {'on' if on else 'off'}."

        own = built_in(Ports(clock=lambda: NOW, end=self.end, volume=self, purse=self))
        return {skill.name: skill for skill in (*own, Skill.of(switch_lamp))}


class Asker:
    """One conversation with the server's session, in text."""

    def __init__(self) -> None:
        self.device = Device()
        self.calls: list[str] = []
        self._skills = self.device.skills()
        counter = itertools.count()
        self._session = Session("bench", lambda prefix: f"{prefix}_{next(counter)}", lambda: NOW, 0.0)
        tools = [skill.as_tool() for skill in self._skills.values()]
        self._send("session.update", session={"type": "realtime", "output_modalities": ["text"], "tools": tools})

    def ask(self, words: str) -> str:
        """What is said to `words`, the outputs of the skills included."""
        content = [{"type": "input_text", "text": words}]
        self._send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        said: list[str] = []
        for _ in range(4):
            output = self._send("response.create")[-1]["response"]["output"]
            said += [item["content"][0]["text"] for item in output if item["type"] == "message"]
            calls = [item for item in output if item["type"] == "function_call"]
            wanted = [self._run(call) for call in calls]
            if not any(wanted):
                break
        return " ".join(said)

    def _run(self, call: dict[str, Any]) -> bool:
        """Run a skill; True if its output is to be spoken of."""
        skill = self._skills[call["name"]]
        self.calls.append(call["name"])
        try:
            result = skill.function(**skill.parameters.read(call["arguments"]))
            if inspect.iscoroutine(result):
                result = asyncio.run(result)
        except Exception as error:  # noqa: BLE001 - as the runner of the skills does: the assistant is told
            result = f"error: {error}"
        output = result if isinstance(result, str) else json.dumps(result)
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
        self._send("conversation.item.create", item=item)
        return skill.wants_reply

    def _send(self, kind: str, **fields: object) -> list[dict[str, Any]]:
        effects = self._session.receive(json.dumps({"type": kind, **fields}), 0.0)
        return [json.loads(effect.text) for effect in effects if isinstance(effect, Send)]


def right(question: Question, asked: tuple[str, ...]) -> tuple[bool, str]:
    """Whether the answer to `asked` (the question's turns, perhaps as the ears heard them) is right, and the answer."""
    asker = Asker()
    said = [asker.ask(turn) for turn in asked][-1]
    return question.answer.search(said) is not None, said


def main() -> None:
    """Ask, print, and say what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spoken", action="store_true", help="through flite and the ears")
    parser.add_argument("--voices", default="slt,rms", help="voices of flite, commas between")
    parser.add_argument("--show", default="wrong", choices=["wrong", "all", "none"])
    parser.add_argument("--set", default="main,held", help="sets of questions, commas between")
    options = parser.parse_args()
    ways: list[tuple[str, Any]] = [("typed", lambda turn: turn)]
    if options.spoken:
        from speakerd.server.ears import Ears
        from speakerd.server.voice import Voice

        ears = Ears()
        for name in options.voices.split(","):
            voice = Voice(name)
            ways.append(
                (f"flite {name}", lambda turn, voice=voice: ears.transcribe(voice.synthesise(turn, 24_000), 24_000))
            )
    print("| questions | asked | right |\n|---|---|---|")
    wrong: list[str] = []
    for group in options.set.split(","):
        for way, heard in ways:
            chosen = [question for question in questions() if question.group == group]
            count = 0
            for question in chosen:
                asked = tuple(heard(turn) for turn in question.turns)
                ok, said = right(question, asked)
                count += ok
                if options.show == "all" or (options.show == "wrong" and not ok):
                    wrong.append(f"{'ok ' if ok else 'BAD'} {group} {way}: {' / '.join(asked)!r} -> {said!r}")
            print(f"| {group} | {way} | {count} of {len(chosen)} |")
    print(*wrong, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
