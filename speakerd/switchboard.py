"""Hands what comes in, from the sound cards and from the server, to those whom it concerns. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from speakerd.cashier import Cashier
from speakerd.cast import Cast
from speakerd.clerk import Clerk
from speakerd.conversation.actions import Earcon
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.events import (
    GOODBYE,
    DeadlineReached,
    DuplexChanged,
    EchoMeasured,
    Event,
    FellSilent,
    ResponseStarted,
    Sounded,
    SpeechDetected,
    StopRequested,
    UserSpeechStarted,
    WakeDetected,
)
from speakerd.conversation.state import IN_REPLY, TALKING, UNSERVED, State
from speakerd.deafness import MUTED, Deafness
from speakerd.errors import DeviceError
from speakerd.herald import Herald
from speakerd.logfields import fields
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.pcm import NearFrame
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import (
    Delivery,
    ItemAudio,
    Report,
    ResponseFailed,
    ResponseUsage,
    Said,
    SaidCut,
    SaidPartly,
    ServiceBack,
    StandingIn,
    ToolsCalled,
    TranscriptionUsage,
    VoiceComplete,
)
from speakerd.realtime.reader import Json
from speakerd.service.reporter import Reporter
from speakerd.service.stopwatch import Stopwatch
from speakerd.speaker.playback import Playback
from speakerd.transcripts import Transcripts

log = logging.getLogger(__name__)

SHORTEST_WORD_FRAMES = 25
"""Near frames, half a second: no wake word is said faster."""

Tidings: TypeAlias = Event | SpeechDetected | DuplexChanged | EchoMeasured | Sounded | FellSilent
"""What the threads of the sound cards tell."""


@dataclass(slots=True)
class Switchboard:
    """One for the life of the daemon."""

    conductor: Conductor
    link: Link
    gatekeeper: Gatekeeper
    front_end: FrontEnd
    playback: Playback
    reporter: Reporter
    stopwatch: Stopwatch
    cashier: Cashier
    clerk: Clerk
    herald: Herald
    cast: Cast
    sessions: Mapping[str, tuple[str, Json]] = field(repr=False)
    """Model and session of each role of the cast, by its name; with the tokens of MCP servers."""
    transcripts: Transcripts
    stopping: bool = False
    """No conversation may begin."""
    closed: bool = False
    """Nothing that the server says is heard: it could begin what nobody would end."""
    _heard_from_s: float = field(default=-math.inf, init=False)
    """Frames captured before this were heard while muted: they are nobody's business."""
    _words_from_index: int | None = field(default=-1, init=False)
    """A wake word detected before this frame began while muted; None: no frame has come since."""
    _beyond_limit: bool = field(default=False, init=False)
    """The newest answer began when the money was spent: who talks over it is given no other."""
    _deafness: Deafness = field(init=False)

    def __post_init__(self) -> None:
        self._deafness = Deafness(self._mention, lambda: self.gatekeeper.muted)

    def take_event(self, event: Tidings) -> None:
        """What happened at the sound cards."""
        if isinstance(event, SpeechDetected):
            self.reporter.local_speech(event)
            self.herald.heard(speech=event.started)
        elif isinstance(event, DuplexChanged | EchoMeasured):
            self.reporter.echo(event)
        elif isinstance(event, Sounded | FellSilent):
            self.stopwatch.sound(event)
        elif not isinstance(event, WakeDetected) or self._may_begin(event):
            self.conductor.dispatch(event)

    def take_device(self, name: str, error: DeviceError | None) -> None:
        """A card (microphone, loudspeaker) works (None) or does not (why): told anew with every retry."""
        self.reporter.device(name, error)
        self._deafness.device(name, error)

    def mute(self, *, muted: bool) -> None:
        """Shut the microphone off: no wake word counts, a conversation ends, nothing is sent; or take it in again."""
        if self.gatekeeper.muted and not muted:
            self._heard_from_s, self._words_from_index = asyncio.get_running_loop().time(), None
        self.gatekeeper.mute(muted=muted)
        if muted and self.conductor.state is not State.IDLE:
            self.conductor.dispatch(StopRequested("mute"))

    def take_frames(self, frames: list[NearFrame]) -> None:
        """What the microphone heard."""
        for frame in frames:
            if frame.captured_at_s < self._heard_from_s:  # on its way while muted
                continue
            if self._words_from_index is None and not self.gatekeeper.muted:
                self._words_from_index = frame.index + SHORTEST_WORD_FRAMES
            self.gatekeeper.push(frame)
        self.stopwatch.frame(frames[-1].index, frames[-1].captured_at_s)

    def send(self, pcm: bytes) -> None:
        """What the gatekeeper lets through."""
        self.cashier.sent(pcm)
        self.link.append_audio(pcm)

    def take_output(self, output: Delivery) -> None:
        """What the server says and tells."""
        if self.closed:
            return
        match output:
            case ItemAudio(item_id, pcm):
                self.cashier.received(pcm)
                # Else nobody waits for it any more: it was on its way when the conversation was stopped.
                if self.conductor.state in IN_REPLY and not self.playback.enqueue(item_id, pcm):
                    self.reporter.overflow()
            case VoiceComplete():
                self.playback.end_response()
            case Said():
                self.transcripts.take(output)
            case _:
                self.conductor.dispatch(output)

    def take_report(self, report: Report) -> None:
        """What the session tells beside the conversation."""
        if self.closed:
            return
        match report:
            case ToolsCalled():
                if self.conductor.state in TALKING:
                    self.clerk.serve(report)
            case ResponseUsage() | TranscriptionUsage():
                self.cashier.charge(report)
            case ResponseFailed():
                self.reporter.failed(report)
            case SaidPartly() | SaidCut():
                self.transcripts.take(report)
            case StandingIn() | ServiceBack():
                self.reporter.service(report)

    def observe(self, event: Event, before: State, after: State, _now_s: float) -> None:
        """The conductor's observer, on behalf of the parts that know no conversation."""
        self.link.pausing(after in (State.IDLE, State.LISTENING, State.FINISHING))
        if after is State.IDLE and before is not State.IDLE:
            self._call("")  # a session that is kept warm is for the default one
        if isinstance(event, ResponseStarted):
            self._beyond_limit = self.cashier.used_up
        answered = after is State.LISTENING and before in IN_REPLY
        goes_on = isinstance(event, UserSpeechStarted | WakeDetected) and not self._beyond_limit
        if answered and not goes_on and self.cashier.used_up:
            self.conductor.dispatch(GOODBYE)  # the answer was heard; why there is no other the herald tells
        if isinstance(event, DeadlineReached) and before is State.INTERRUPTED:
            self.front_end.no_words_followed()

    def play_notice(self, pcm: bytes) -> bool:
        """Say what the herald has to say, if nobody talks, and somebody can hear it; whether that is so."""
        if self.stopping or self.conductor.state is not State.IDLE or "loudspeaker" in self.reporter.standing.devices:
            return False
        if not self.playback.enqueue("notice", pcm):
            return False
        self.playback.end_response()
        return True

    def _mention(self, sentence: str) -> None:
        """Say it as soon as nobody talks."""
        if self.conductor.state is State.IDLE:
            self.herald.say(sentence)
        else:
            self.herald.remark(sentence)

    def _call(self, word: str) -> None:
        """From the next session on, whoever answers to this word."""
        self.link.use(*self.sessions[self.cast.answering(word).name])

    def _may_begin(self, event: WakeDetected) -> bool:
        """Whether a wake word counts: not muted or at the end, and a new conversation only if there is money for it."""
        if self.gatekeeper.muted:
            self._answer_muted(event)
            return False
        if not event.by_hand and (self._words_from_index is None or event.frame_index < self._words_from_index):
            return False
        if self.stopping or self.conductor.state not in UNSERVED:
            return not self.stopping
        if refusal := self.cashier.refusal():
            self.playback.play_earcon(Earcon.ERROR)
            self.reporter.refused(refusal.told, asyncio.get_running_loop().time())
            self.herald.say(refusal.spoken)
            return False
        self._call(event.word)
        if self.herald.sounding:
            self.playback.flush()
        self.herald.hush()
        return True

    def _answer_muted(self, event: WakeDetected) -> None:
        """Whoever calls is to know that it is shut off, not broken."""
        log.info("Heard %s, but the microphone is muted.", event.word, extra=fields(event="WakeWhileMuted"))
        self.playback.play_earcon(Earcon.MUTE)
        if self.conductor.state is State.IDLE:
            self.herald.say(MUTED)
