"""Does what is asked on the control socket, and says what came of it. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, assert_never

from speakerd.conversation.actions import Earcon
from speakerd.conversation.events import StopRequested, WakeDetected
from speakerd.conversation.state import UNSERVED, State
from speakerd.errors import DeviceError
from speakerd.herald import Herald
from speakerd.logfields import fields
from speakerd.refit import Refit
from speakerd.service.ctl.door import Caller
from speakerd.service.ctl.words import Command, Reply, Request
from speakerd.service.mutefile import MuteFile
from speakerd.service.reporter import Reporter
from speakerd.service.sentences import nothing_passes
from speakerd.skills.ports import VolumePort
from speakerd.switchboard import Switchboard

log = logging.getLogger(__name__)

MIXER_S = 3.0
"""Time that the card's mixer may take."""
DISK_S = 3.0
"""Time that the disk may take."""


@dataclass(slots=True)
class Butler:
    """One for the life of the daemon. Whatever is asked takes MIXER_S, or the time to make speech, at most."""

    board: Switchboard
    reporter: Reporter
    herald: Herald
    volume: VolumePort
    mute_file: MuteFile
    newest_index: Callable[[], int]
    """Of the newest near frame; -1 before the first."""
    facts: Callable[[], Mapping[str, Any]]
    """What `status` tells beside what is known here: JSON values."""
    refit: Refit
    _mixing: asyncio.Future[Reply] | None = field(default=None, init=False)
    _keeping: asyncio.Future[str] | None = field(default=None, init=False)

    async def serve(self, request: Request, caller: Caller) -> Reply:
        """The answer to a request of the control socket."""
        if request.command is not Command.STATUS:
            log.info(
                "User %s asked for `speakerd ctl %s`.",
                caller.uid,
                request.command,
                extra=fields(event="Asked", command=request.command, uid=caller.uid, pid=caller.pid),
            )
        match request.command:
            case Command.STATUS:
                return self.status()
            case Command.WAKE:
                return self.wake(request.word)
            case Command.STOP:
                return self.stop()
            case Command.MUTE | Command.UNMUTE:
                return await self.mute(muted=request.command is Command.MUTE)
            case Command.VOLUME:
                return await self.turn_volume(request.percent, request.change)
            case Command.SAY:
                return await self.say(request.text)
            case Command.RELOAD:
                return await self.refit.reload()
            case _:
                assert_never(request.command)

    def recall(self) -> None:
        """At the start: muted, if it was when the daemon ended."""
        if self.mute_file.recall():
            self.board.mute(muted=True)
            self.reporter.muted(muted=True, why="as it was before the restart")
            self.board.playback.play_earcon(Earcon.MUTE)

    def status(self) -> Reply:
        """How everything stands."""
        standing, facts = self.reporter.standing, self.facts()
        lines = [f"{standing.status}."]
        if standing.ready and standing.state is State.IDLE and not (standing.muted or standing.end):
            lines = [f"Waiting for {' or '.join(self.board.cast.words)}."]
        lines += [f"The {device} does not work: {why}" for device, why in standing.devices.items()]
        lines += [nothing_passes(standing.stalled).capitalize()] if standing.stalled else []
        lines += [f"{text[0].upper()}{text[1:].rstrip('.')}." for text in (*standing.troubles, standing.note) if text]
        if standing.half_duplex:
            lines.append(f"Only the wake word interrupts the assistant: {standing.half_duplex}.")
        if (keys := self.refit.needs_restart) and not standing.note:
            lines.append(f"Needs a restart: {', '.join(keys)}.")
        lines.append(f"speakerd {facts['version']}, running for {running_for(facts['running_s'])}.")
        return Reply("\n".join(lines), data={**standing.data(), **facts, "needs_restart": list(keys)})

    def wake(self, word: str) -> Reply:
        """Begin a conversation as the wake word would, or take part in the one that goes on."""
        words, board = self.board.cast.words, self.board
        if word and word not in words:
            return Reply(f"There is no wake word {word[:40]!r}; there are {', '.join(words)}.", "unknown_word")
        if board.stopping:
            return _STOPPING
        if board.gatekeeper.muted:
            return Reply("The microphone is muted; `speakerd ctl unmute` first.", "muted")
        began = board.conductor.state in UNSERVED
        refusal = board.cashier.refusal() if began else None
        board.take_event(WakeDetected(word or words[0], 1.0, self.newest_index(), by_hand=True))
        if refusal is not None:
            return Reply(refusal.told, "no_money")
        began = began and board.conductor.state is not State.FINISHING  # barge_in: off
        told = "Listening." if began else "There was a conversation already; it goes on."
        if trouble := self.reporter.standing.devices.get("microphone"):
            told += f"\nBut the microphone does not work: {trouble}"
        return Reply(told, data=self._state())

    def stop(self) -> Reply:
        """End the conversation, and whatever else is said."""
        board = self.board
        if board.conductor.state is not State.IDLE:
            board.conductor.dispatch(StopRequested("asked"))
            return Reply("The conversation ends.", data=self._state())
        if not self.herald.busy:
            return Reply("There was nothing to stop.", data=self._state())
        if self.herald.sounding:
            board.playback.flush()
        self.herald.hush()
        return Reply("Silent.", data=self._state())

    async def mute(self, *, muted: bool) -> Reply:
        """Shut the microphone off, or take it in again: at once, whatever the disk does."""
        was_muted = self.board.gatekeeper.muted
        self.board.mute(muted=muted)
        self.board.playback.play_earcon(Earcon.MUTE if muted else Earcon.UNMUTE)
        if muted is not was_muted:
            self.reporter.muted(muted=muted)
        told = "The microphone is muted." if muted else "The microphone is on."
        if trouble := await self._keep_mute():
            log.warning(
                "A restart will not remember whether the microphone is muted: %s.",
                trouble,
                extra=fields(event="MuteForgotten", reason=trouble),
            )
            told += f" A restart will not remember that: {trouble}."
        return Reply(told, data={"muted": muted, "remembered": not trouble})

    async def _keep_mute(self) -> str:
        """Remember over restarts how it stands; why that cannot be. In a thread, one at a time."""
        try:
            async with asyncio.timeout(DISK_S):
                while self._keeping is not None and not self._keeping.done():
                    await asyncio.wait({self._keeping})
                keep = partial(self.mute_file.keep, muted=self.board.gatekeeper.muted)
                self._keeping = asyncio.get_running_loop().run_in_executor(None, keep)
                return await asyncio.shield(self._keeping)
        except TimeoutError:
            return "the disk has not answered yet"

    async def turn_volume(self, percent: int | None, change: int | None) -> Reply:
        """Set the loudspeaker's volume, or tell it."""
        if self._mixing is not None and not self._mixing.done():
            return Reply("The card's mixer has not answered yet.", "busy")
        self._mixing = asyncio.get_running_loop().run_in_executor(None, self._turn, percent, change)
        try:
            async with asyncio.timeout(MIXER_S):
                return await asyncio.shield(self._mixing)
        except TimeoutError:
            return Reply(f"The card's mixer did not answer within {MIXER_S:.0f} s.", "device")

    def _turn(self, percent: int | None, change: int | None) -> Reply:
        """In a thread: a mixer may take its time."""
        try:
            now = self.volume.volume_percent()
            wanted = percent if percent is not None else min(100, max(0, now + (change or 0)))
            if wanted != now:
                self.volume.set_volume_percent(wanted)
            silent = self.volume.is_muted()
        except DeviceError as error:
            return Reply(f"The loudspeaker's mixer does not work: {error}.", "device")
        told = f"The volume is {wanted} percent{'; the loudspeaker is muted' if silent else ''}."
        return Reply(told, data={"volume_percent": wanted, "loudspeaker_muted": silent})

    async def say(self, text: str) -> Reply:
        """Speak a text, in the language of the notices, while nobody talks."""
        if self.board.stopping:
            return _STOPPING
        if self.board.conductor.state is not State.IDLE:
            return Reply("There is a conversation; it is not talked over.", "in_conversation")
        if trouble := self.reporter.standing.devices.get("loudspeaker"):
            return Reply(f"The loudspeaker does not work: {trouble}", "device")
        if trouble := await self.herald.read_out(text):
            return Reply(trouble, "not_said")
        return Reply("Saying it.")

    def _state(self) -> dict[str, str]:
        return {"state": str(self.board.conductor.state)}


_STOPPING = Reply("The daemon is stopping.", "stopping")


def running_for(seconds: float) -> str:
    """A length of time for humans, in its two largest units."""
    minutes = math.floor(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
