"""What is said aloud, when, and how often."""

from __future__ import annotations

import asyncio
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from speakerd import herald as module
from speakerd.config.model import Sounds
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.herald import Herald, notices_folder
from speakerd.pcm import WIRE_RATE_HZ
from speakerd.realtime.troubles import NOTICES, Trouble

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
REFUSED = ev.SessionEnded(1, "key_refused", "no")
WAKE = ev.WakeDetected("w", 0.9, 1)
CLOSED = ev.SessionEnded(1)
SENTENCE = NOTICES[Trouble.KEY_REFUSED].spoken

pytestmark = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")


class Street:
    """A herald, and what is heard of it."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup, **sounds: object) -> None:
        self.heard: list[bytes] = []
        self.said: list[str] = []
        self.herald = Herald(Sounds(**sounds), "slt", folder, self.play, tasks)

    def play(self, pcm: bytes) -> bool:
        self.heard.append(pcm)
        return True

    def listen_to_words(self) -> None:
        """Words, not their sound, from now on."""
        self.herald.say = self.said.append

    def observe(self, event: ev.Event, before: State, after: State) -> None:
        self.herald.observe(event, before, after, 0.0)

    async def silence(self) -> None:
        """Wait until nothing is being made."""
        making = self.herald._making
        if making is not None:
            await asyncio.wait({making}, timeout=10)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)


@pytest.fixture
async def street(tmp_path):
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path / "notices", tasks)
        yield street
        street.herald.close()


async def test_a_refused_key_is_told_in_a_voice(street):
    street.observe(REFUSED, CONNECTING, IDLE)
    await street.silence()
    [pcm] = street.heard
    samples = np.frombuffer(pcm, "<i2")
    assert np.abs(samples).max() > 3_000
    assert 1.0 < samples.size / WIRE_RATE_HZ < 8.0
    assert street.herald.sounding
    street.herald.hush()
    assert not street.herald.sounding


async def test_who_speaks_is_not_talked_over(street, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 5.0)
    street.herald.heard(speech=True)
    street.herald.say("one")
    await asyncio.sleep(0.3)
    assert street.heard == []
    street.herald.heard(speech=False)
    await street.silence()
    assert len(street.heard) == 1


async def test_a_television_does_not_silence_it(street):
    street.herald.heard(speech=True)
    street.herald.say("one")
    await street.silence()
    assert len(street.heard) == 1


async def test_who_calls_again_is_not_told(street, monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0.3)
    street.herald.say("one")
    await asyncio.sleep(0.1)
    street.herald.hush()
    await asyncio.sleep(0.4)
    assert street.heard == []


async def test_what_was_not_said_for_a_call_is_said_the_next_time(street, monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0.3)
    street.herald.say("one")
    await asyncio.sleep(0.1)
    street.herald.hush()
    street.herald.say("one")
    await street.silence()
    assert len(street.heard) == 1


async def test_it_is_made_once_and_kept(street, tmp_path, monkeypatch):
    street.herald.say(SENTENCE)
    await street.silence()
    monkeypatch.setenv("PATH", str(tmp_path))
    async with asyncio.TaskGroup() as tasks:
        other = Street(tmp_path / "notices", tasks)
        other.herald.say(SENTENCE)
        await other.silence()
    assert other.heard == street.heard


async def test_without_flite_it_is_said_once_in_the_journal(street, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    for sentence in ("one", "two"):
        street.herald.say(sentence)
        await street.silence()
    assert caplog.messages == ["Notices are not spoken: flite is not installed."]
    assert street.heard == []


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Only these programs are installed; espeak-ng is one that keeps what it was asked to say, and beeps."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "flite").symlink_to(shutil.which("flite"))
    (folder / "cat").symlink_to(shutil.which("cat"))
    with wave.open(str(tmp_path / "beep.wav"), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(np.full(22_050, 9_000, "<i2").tobytes())
    espeak = folder / "espeak-ng"
    espeak.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec cat {tmp_path}/beep.wav\n')
    espeak.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_in_another_language_by_another_voice(tmp_path, programs):
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            street = Street(tmp_path / "notices", tasks, language="de")
            street.herald.remark("Today's budget is nearly used up.")
            street.observe(REFUSED, CONNECTING, IDLE)
            await street.silence()
            [pcm] = street.heard
            assert len(pcm) == pytest.approx(2 * WIRE_RATE_HZ, rel=0.02)
    german = "Mein Zugangsschlüssel wurde abgelehnt. Bitte prüfe ihn. Das Budget für heute ist fast aufgebraucht."
    assert (tmp_path / "asked").read_text() == f"-v de --stdout -- {german}\n", "once: then it is kept"


@pytest.mark.parametrize("sentence", [SENTENCE, "Something new."], ids=["no espeak-ng", "no words"])
async def test_what_cannot_be_said_in_another_language_is_said_in_english(tmp_path, programs, caplog, sentence):
    if sentence == SENTENCE:
        (programs / "espeak-ng").unlink()
    async with asyncio.TaskGroup() as tasks:
        english, other = Street(tmp_path / "1", tasks), Street(tmp_path / "2", tasks, language="fr", notice_pause_s=0)
        english.herald.say(sentence)
        for _ in range(2):
            other.herald.say(sentence)
            await other.silence()
        await english.silence()
    assert other.heard == english.heard * 2
    missed = ["Notices are spoken in English: espeak-ng is not installed."]
    assert caplog.messages == (missed if sentence == SENTENCE else [])


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
@pytest.mark.parametrize("language", ["de", "fr", "es", "it", "nl"])
async def test_the_real_voice_of_each_language(tmp_path, language):
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path / "notices", tasks, language=language)
        street.herald.say(SENTENCE)
        await street.silence()
    samples = np.frombuffer(street.heard[0], "<i2")
    assert np.abs(samples).max() > 3_000
    assert 1.0 < samples.size / WIRE_RATE_HZ < 8.0


@pytest.mark.parametrize("script", ["echo no sound", "exec cat /dev/null", "exit 3"])
async def test_a_voice_that_fails_costs_the_notice_alone(street, tmp_path, monkeypatch, caplog, script):
    flite = tmp_path / "flite"
    flite.write_text(f"#!/bin/sh\n{script}\n")
    flite.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    street.herald.say("one")
    await street.silence()
    assert "A notice could not be made" in caplog.text
    assert street.heard == []


async def test_a_voice_that_hangs_does_not_hold_up_the_end(tmp_path, monkeypatch):
    flite = tmp_path / "flite"
    flite.write_text("#!/bin/sh\nexec sleep 60\n")
    flite.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        street = Street(tmp_path / "notices", tasks)
        street.herald.say("one")
        await asyncio.sleep(0.2)
        street.herald.close()
        street.herald.say("two")
    assert street.heard == []


async def test_a_disk_that_takes_nothing_costs_nothing_but_time(tmp_path):
    (tmp_path / "file").write_text("")
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path / "file" / "notices", tasks)
        street.herald.say("one")
        await street.silence()
    assert len(street.heard) == 1


async def test_the_same_is_not_said_again_for_a_while(tmp_path):
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path, tasks, notice_pause_s=0.3)
        for _ in range(3):
            street.herald.say("one")
        await street.silence()
        assert len(street.heard) == 1
        await asyncio.sleep(0.3)
        street.herald.say("one")
        await street.silence()
        assert len(street.heard) == 2


async def test_what_was_said_is_not_said_again_beside_something_new(tmp_path):
    async with asyncio.TaskGroup() as tasks:
        street, other = Street(tmp_path, tasks), Street(tmp_path, tasks)
        for sentences in (("one",), ("one", "two")):
            street.herald.say(*sentences)
            await street.silence()
        other.herald.say("two")
        await other.silence()
    assert street.heard[1:] == other.heard


async def test_it_can_be_switched_off(tmp_path):
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path, tasks, notices=False)
        street.herald.say("one")
        await street.silence()
    assert street.heard == []


@pytest.mark.parametrize(
    ("happenings", "said"),
    [
        ([(REFUSED, CONNECTING, IDLE)], [SENTENCE]),
        ([(CLOSED, CLOSING, IDLE)], []),
        ([(ev.DeadlineReached(), CONNECTING, CLOSING), (CLOSED, CLOSING, IDLE)], [NOTICES[Trouble.UNREACHABLE].spoken]),
        (
            [(ev.DeadlineReached(), THINKING, LISTENING), (CLOSED, CLOSING, IDLE)],
            [NOTICES[Trouble.SERVER_SILENT].spoken],
        ),
        # A response that fails is told when the conversation is over: meanwhile the user is being listened to.
        (
            [(ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"), THINKING, LISTENING)],
            [],
        ),
        (
            [
                (ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"), THINKING, LISTENING),
                (CLOSED, CLOSING, IDLE),
            ],
            [NOTICES[Trouble.RATE_LIMITED].spoken],
        ),
        # One that is followed by an answer is not told at all.
        (
            [
                (ev.ResponseEnded(1, "r", "failed", 0, "rate_limit_exceeded"), THINKING, LISTENING),
                (ev.ResponseEnded(1, "s", "completed", 900), SPEAKING, SPEAKING),
                (CLOSED, CLOSING, IDLE),
            ],
            [],
        ),
        (
            [
                (ev.ResponseEnded(1, "r", "incomplete", 0, "content_filter"), THINKING, LISTENING),
                (CLOSED, CLOSING, IDLE),
            ],
            [NOTICES[Trouble.CONTENT_FILTERED].spoken],
        ),
        (
            [
                (ev.ResponseEnded(1, "r", "incomplete", 900, "max_output_tokens"), SPEAKING, SPEAKING),
                (CLOSED, CLOSING, IDLE),
            ],
            [NOTICES[Trouble.CUT_SHORT].spoken],
        ),
        # Who is not heeded does not find out anew.
        (
            [
                (REFUSED, SPEAKING, FINISHING),
                (WAKE, FINISHING, FINISHING),
                (ev.PlayoutDrained(), FINISHING, IDLE),
            ],
            [SENTENCE],
        ),
        # Who has called again in the meantime finds out anew.
        ([(REFUSED, CLOSING, CONNECTING), (WAKE, CONNECTING, CONNECTING), (CLOSED, CLOSING, IDLE)], []),
    ],
)  # fmt: skip
async def test_trouble_is_said_when_the_conversation_is_over(street, happenings, said):
    street.listen_to_words()
    for happening in happenings:
        street.observe(*happening)
    assert street.said == said


async def test_a_remark_waits_for_the_end_and_is_made_once(street):
    street.listen_to_words()
    street.herald.remark("The budget is nearly used up.")
    street.observe(CLOSED, CLOSING, IDLE)
    street.observe(WAKE, IDLE, CONNECTING)
    street.observe(CLOSED, CLOSING, IDLE)
    assert street.said == ["The budget is nearly used up."]


async def test_remarks_about_several_things_are_all_made_and_of_one_thing_the_last(street):
    street.herald.say = lambda *sentences: street.said.extend(sentences)
    for sentence, about in [("Nearly.", "day"), ("Used up.", "day"), ("Nearly the month.", "month"), ("I hear.", "")]:
        street.herald.remark(sentence, about)
    street.observe(REFUSED, LISTENING, IDLE)
    assert street.said == [SENTENCE, "Used up.", "Nearly the month.", "I hear."]


async def test_a_warning_for_which_somebody_called_too_soon_is_given_after_the_next_conversation(street, monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0.2)
    street.herald.remark("Today's budget is nearly used up.", "day")
    street.herald.remark("I can hear you again.")
    street.observe(CLOSED, CLOSING, IDLE)
    street.herald.hush()  # a wake word
    await asyncio.sleep(0.3)
    assert street.heard == []
    for _ in range(2):
        street.observe(WAKE, IDLE, CONNECTING)
        street.observe(CLOSED, CLOSING, IDLE)
        await street.silence()
        assert len(street.heard) == 1
        assert street.herald._words == "Today's budget is nearly used up.", "the other is old news"


def test_where_notices_are_kept():
    assert notices_folder({"CACHE_DIRECTORY": "/var/cache/speakerd"}) == Path("/var/cache/speakerd/notices")
    assert notices_folder({"HOME": "/home/me"}) == Path("/home/me/.cache/speakerd/notices")


# ---------------------------------------------------------------- texts of the household's own


async def test_a_text_is_read_out_at_once_and_kept_nowhere(street, tmp_path):
    assert await street.herald.read_out("Dinner is ready.") == ""
    [pcm] = street.heard
    assert 0.5 < len(pcm) / 2 / WIRE_RATE_HZ < 4.0
    assert street.herald.sounding
    assert street.herald.busy
    assert list(tmp_path.rglob("*.pcm")) == []


async def test_two_texts_follow_each_other(street, monkeypatch):
    monkeypatch.setattr(module, "TAIL_S", 0.0)
    began_s = street.herald._loop.time()
    assert await asyncio.gather(*(street.herald.read_out("One two three.") for _ in range(2))) == ["", ""]
    length_s = sum(len(pcm) for pcm in street.heard) / 2 / WIRE_RATE_HZ
    assert street.herald._until_s >= began_s + length_s


async def test_a_text_that_looks_like_an_option_is_a_text(tmp_path, programs):
    async with asyncio.TaskGroup() as tasks:
        street = Street(tmp_path / "notices", tasks, language="de")
        assert await street.herald.read_out("-5 Grad") == ""
        street.herald.close()
    assert (tmp_path / "asked").read_text() == "-v de --stdout -- -5 Grad\n"


@pytest.mark.parametrize(("language", "program"), [("en", "flite"), ("fr", "espeak-ng")])
async def test_why_a_text_is_not_read_out(street, tmp_path, monkeypatch, language, program):
    street.herald._section = Sounds(language=language)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await street.herald.read_out("x") == f"{program} is not installed, and nothing else speaks {language}."


async def test_letters_that_the_voice_does_not_know_are_not_said_to_be_said(street):
    assert await street.herald.read_out("日本語") == "No sound could be made of it."
    assert street.heard == []


async def test_no_text_is_read_out_where_nobody_may_talk(street):
    street.herald._play = lambda _pcm: False
    assert await street.herald.read_out("x") == "The loudspeaker is not free for it."
    assert not street.herald.sounding
    street.herald.close()
    assert await street.herald.read_out("x") == "The daemon is stopping."


async def test_a_text_that_was_not_begun_when_silence_was_asked_for_is_not_read_out(street):
    reading = street.herald._tasks.create_task(street.herald.read_out("One two three."))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert street.herald.busy
    street.herald.hush()
    assert await reading == "It was told to be silent."
    assert street.heard == []
    assert not street.herald.busy
