"""Says aloud what went wrong, once the conversation is over: in English by flite, in other languages by espeak-ng.

Made once and kept. Without espeak-ng it is English; without flite the error sound must do. Owned by the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import logging
import shutil
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerd.config.model import Sounds
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.dsp.resample import Resampler
from speakerd.logfields import fields
from speakerd.pcm import WIRE_RATE_HZ, from_bytes, to_bytes
from speakerd.phrases import translated
from speakerd.realtime.troubles import NOTICES
from speakerd.service.sentences import trouble_with

log = logging.getLogger(__name__)

DELAY_S = 1.5
"""Who heard the error sound may call again at once; over the first words of a loudspeaker nobody is heard well."""
PATIENCE_S = 3.0
"""A notice waits so long, and no longer, for somebody who speaks."""
TIMEOUT_S = 10.0
MAX_BYTES = 20 * 2 * WIRE_RATE_HZ
"""Longest notice, 20 s."""
MAX_BYTES_READ = 60 * 2 * WIRE_RATE_HZ
"""Longest text of the household's own, 60 s."""
LEAST_PEAK = 328
"""1 % of full scale: less is what a voice makes of letters that it does not know."""
TAIL_S = 1.0
"""A notice may sound so much longer than it is, for the loudspeaker's buffers."""


def notices_folder(environ: Mapping[str, str]) -> Path:
    """Where notices are kept: below systemd's `CACHE_DIRECTORY`, else in the user's own cache."""
    cache = environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if cache:
        return Path(cache) / "notices"
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or "/") / ".cache")
    return Path(home) / "speakerd" / "notices"


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words and who speaks them: `command` writes them as .wav when they are added to it."""

    words: str
    voice: str
    """Under which they are kept."""
    command: tuple[str, ...]


class Herald:
    """One for the life of the daemon."""

    def __init__(
        self, section: Sounds, voice: str, folder: Path, play: Callable[[bytes], bool], tasks: asyncio.TaskGroup
    ) -> None:
        """`voice` of flite; `play` takes a notice as int16 mono 24 kHz bytes, and says whether it will sound."""
        self._section = section
        self._voice = voice
        self._folder = folder
        self._play = play
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._trouble = ""
        """To be said when the conversation is over."""
        self._remarks: dict[str, str] = {}
        """The same, after it: by what they are about. What is about something is kept until it was said."""
        self._not_before_s: dict[str, float] = {}
        self._until_s = 0.0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._words = ""
        """What is being made, or was last."""
        self._making: asyncio.Task[None] | None = None
        self._mute = self._closed = False
        self._reading = asyncio.Lock()
        """One text at a time is made into speech."""
        self._hushed = 0
        """Times that it was told to be silent."""
        self._missed: set[str] = set()

    @property
    def sounding(self) -> bool:
        """A notice may be audible."""
        return self._loop.time() < self._until_s

    @property
    def busy(self) -> bool:
        """A notice may be audible, or soon will be."""
        return self.sounding or self._reading.locked() or (self._making is not None and not self._making.done())

    def use(self, section: Sounds) -> None:
        """These settings from now on."""
        self._section = section

    def observe(self, event: ev.Event, before: State, after: State, _now_s: float) -> None:
        """The conductor's observer."""
        match event:
            case _ if trouble := trouble_with(event, before, after):
                self._trouble = NOTICES[trouble].spoken
            case ev.ResponseEnded(status="completed"):
                self._trouble = ""
            case ev.WakeDetected() if after is not State.FINISHING:  # there it was not heeded
                self._trouble = ""
        if after is State.IDLE and before is not State.IDLE:
            sentences = [sentence for sentence in (self._trouble, *self._remarks.values()) if sentence]
            self._trouble = ""
            self._remarks.pop("", None)
            if sentences:
                self.say(*sentences)

    def heard(self, *, speech: bool) -> None:
        """Local voice activity began or ended."""
        if speech:
            self._quiet.clear()
        else:
            self._quiet.set()

    def remark(self, sentence: str, about: str = "") -> None:
        """Say this when the conversation is over, in the place of what was to be said about the same."""
        if self._section.notices:
            self._remarks[about] = sentence

    def say(self, *sentences: str) -> None:
        """Say these, given in English, in a moment; unless they are about to be said, or were a short while ago."""
        sentences = tuple(one for one in sentences if self._loop.time() >= self._not_before_s.get(one, 0.0))
        words = " ".join(sentences)
        if not self._section.notices or self._mute or not words:
            return
        if self._making is not None and not self._making.done() and self._words == words:
            return
        self._cancel()
        self._words = words
        self._making = self._tasks.create_task(self._say(sentences), name="notice")

    async def read_out(self, text: str) -> str:
        """Say a text of the household's own, in the language of the notices, now; why not, empty if it is said.

        Unlike a notice it is not kept. What sounds already is not cut.
        """
        language = self._section.language
        utterance = self._in_english(text) if language == "en" else _by_espeak(text, language)
        if shutil.which(utterance.command[0]) is None:
            return f"{utterance.command[0]} is not installed, and nothing else speaks {language}."
        hushed = self._hushed
        async with self._reading:
            pcm = await self._make(utterance)
            if self._closed:
                return "The daemon is stopping."
            if self._hushed != hushed:
                return "It was told to be silent."
            if np.abs(from_bytes(pcm).astype(np.int32)).max(initial=0) < LEAST_PEAK:
                return "No sound could be made of it."
            return "" if self._sound(pcm[:MAX_BYTES_READ]) else "The loudspeaker is not free for it."

    def hush(self) -> None:
        """What was not begun is not said; what sounds is flushed by the caller."""
        self._cancel()
        self._hushed += 1
        self._until_s = 0.0

    def close(self) -> None:
        """From now on be silent. May be called twice."""
        self._closed = self._mute = True
        self.hush()

    def _cancel(self) -> None:
        if self._making is not None:
            self._making.cancel()
            self._making = None

    async def _say(self, sentences: tuple[str, ...]) -> None:
        for utterance in self._utterances(sentences):
            if pcm := await self._sound_of(utterance):
                break
        else:
            return
        await asyncio.sleep(DELAY_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._quiet.wait()
        if self._sound(pcm):
            self._not_before_s |= dict.fromkeys(sentences, self._loop.time() + self._section.notice_pause_s)
            self._remarks = {about: one for about, one in self._remarks.items() if one not in sentences}

    def _sound(self, pcm: bytes) -> bool:
        if not self._play(pcm):
            return False
        begin_s = max(self._loop.time(), self._until_s - TAIL_S)
        self._until_s = begin_s + len(pcm) / 2 / WIRE_RATE_HZ + TAIL_S
        return True

    def _utterances(self, sentences: tuple[str, ...]) -> Iterator[Utterance]:
        """Ways to say it, the best first."""
        language = self._section.language
        if words := translated(sentences, language):
            yield _by_espeak(words, language)
        yield self._in_english(" ".join(sentences))

    def _in_english(self, words: str) -> Utterance:
        return Utterance(words, self._voice, ("flite", "-voice", self._voice, "-o", "/dev/stdout", "-t"))

    async def _sound_of(self, utterance: Utterance) -> bytes:
        """int16 mono 24 kHz bytes, kept or made; empty if it cannot be made."""
        name = hashlib.sha256(f"{utterance.voice} {utterance.words}".encode()).hexdigest()[:16]
        path = self._folder / f"{name}.pcm"
        pcm = _read(path)
        if not pcm:
            pcm = await self._make(utterance)
            _keep(path, pcm)
        return pcm

    async def _make(self, utterance: Utterance) -> bytes:
        name, *arguments = utterance.command
        program = shutil.which(name)
        if program is None:
            self._miss(name)
            return b""
        try:
            return _converted(await _output([program, *arguments, utterance.words]))
        except (OSError, EOFError, wave.Error) as error:  # a TimeoutError is an OSError
            log.warning("A notice could not be made: %s.", type(error).__name__, extra=fields(event="NoticeFailed"))
            return b""

    def _miss(self, program: str) -> None:
        """It is not installed: say so once."""
        if program == "flite":
            self._mute = True
            log.warning("Notices are not spoken: flite is not installed.", extra=fields(event="NoticesSilent"))
        elif program not in self._missed:
            self._missed.add(program)
            log.warning(
                "Notices are spoken in English: %s is not installed.",
                program,
                extra=fields(event="NoticesEnglish", program=program),
            )


def _by_espeak(words: str, language: str) -> Utterance:
    return Utterance(words, f"espeak-ng {language}", ("espeak-ng", "-v", language, "--stdout", "--"))


async def _output(command: list[str]) -> bytes:
    """What the program writes. Raises OSError; the program ends with the call."""
    none = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, stdin=none, stdout=asyncio.subprocess.PIPE, stderr=none)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return (await child.communicate())[0]
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def _converted(sound: bytes) -> bytes:
    """A .wav file of 16-bit mono as 24 kHz bytes."""
    with wave.open(io.BytesIO(sound)) as file:
        resampler = Resampler(file.getframerate(), WIRE_RATE_HZ)
        samples = from_bytes(file.readframes(file.getnframes()))
    return to_bytes(np.concatenate([resampler.push(samples), resampler.flush()]))


def _read(path: Path) -> bytes:
    """What is kept; empty if there is none."""
    try:
        pcm = path.read_bytes()[:MAX_BYTES]
    except OSError:
        return b""
    return pcm[: len(pcm) // 2 * 2]


def _keep(path: Path, pcm: bytes) -> None:
    """For the next time; a disk that takes nothing costs the making of it."""
    if not pcm:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_bytes(pcm)
        half.rename(path)
    except OSError as error:
        log.debug("A notice cannot be kept: %s", error)
