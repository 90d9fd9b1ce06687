"""Takes a changed configuration over while the daemon runs. Owned by the loop.

It is read, checked and made ready in a thread: models, sounds, prices, skills. What goes wrong by then changes
nothing. What was made ready is put in place between two conversations, at once. `config.live` says what can be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from speakerd import parts, surroundings
from speakerd.cashier import Cashier
from speakerd.cast import Cast
from speakerd.config.live import Part, changed_keys, merged, parts_of, takes_restart
from speakerd.config.model import Config
from speakerd.config.named import State as FileState
from speakerd.config.named import changed_files, states
from speakerd.conversation.events import Event
from speakerd.conversation.state import Rules, State
from speakerd.errors import SpeakerdError
from speakerd.herald import Herald
from speakerd.logfields import fields
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.listener import Listener
from speakerd.purse.pricelist import load_prices
from speakerd.purse.prices import Prices
from speakerd.realtime.reader import Json
from speakerd.service.ctl.words import Reply
from speakerd.service.journal import setup_logging
from speakerd.service.volumefile import KeptVolume
from speakerd.skills.registry import Registry
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.sounds import load_earcons
from speakerd.switchboard import Switchboard

log = logging.getLogger(__name__)

READING_S = 20.0
"""Time to read the configuration and make all ready: plug-ins' code runs in it."""
MISTAKES_TOLD = 20


@dataclass(frozen=True, slots=True)
class Outfit:
    """All that a changed configuration needs, made ready."""

    config: Config
    keys: tuple[str, ...]
    """That change, or whose files did."""
    needs_restart: tuple[str, ...]
    """That differ, and stay as they are."""
    parts: frozenset[Part]
    files: Mapping[str, FileState]
    """As they stood when they were read."""
    front_end: FrontEnd | None = None
    earcons: Earcons | None = None
    prices: Prices | None = None
    skills: Registry | None = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Refit:
    """One for the life of the daemon."""

    config: Config
    """What the daemon runs with."""
    read: Callable[[], Config]
    """The configuration as it stands now. Raises ConfigError."""
    environ: Mapping[str, str]
    board: Switchboard
    listener: Listener
    herald: Herald
    cashier: Cashier
    own_volume: KeptVolume
    """Of the daemon's samples, whatever mixer the card has."""
    transcribe: Callable[[Config], None]
    """Write down what is said as this configuration asks."""
    needs_restart: tuple[str, ...] = field(default=(), init=False)
    """Keys that differ from what the daemon runs with."""
    _files: Mapping[str, FileState] = field(init=False)
    """Those that settings name, as the daemon runs with them."""
    _waiting: Outfit | None = field(default=None, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _preparing: asyncio.Future[Outfit] | None = field(default=None, init=False)
    """The last reading, in its thread; it may hang."""

    def __post_init__(self) -> None:
        self._files = states(self.config)

    async def reload(self, *, wait: bool = False) -> Reply:
        """Read the configuration anew; what came of it. A bad one changes nothing.

        While it is being read already that is told; `wait`, where nobody hears it: then it is read once more.
        """
        if self._reading.locked() and not wait:
            return Reply("The configuration is being read already.", "busy")
        async with self._reading:
            return await self._reload()

    async def _reload(self) -> Reply:
        self.board.reporter.reloading()
        note = ""
        try:
            async with asyncio.timeout(READING_S):
                outfit = await self._prepared()
            reply, note = self._take(outfit)
        except SpeakerdError as error:  # a ConfigError, or a part of the installation that is missing
            reply, note = _refused(str(error), "bad_config"), "the configuration has mistakes, the old one stays"
        except TimeoutError:
            reply = _refused(f"it was not read within {READING_S:.0f} s", "too_slow")
            note = "the configuration could not be read in time, the old one stays"
        finally:
            self._put_on_waiting()  # what waited for the end of a conversation that ended meanwhile
            self.board.reporter.reloaded(note)
        return reply

    def observe(self, _event: Event, before: State, after: State, _now_s: float) -> None:
        """The conductor's observer: what waits is put on when the conversation is over."""
        if self._waiting is not None and after is State.IDLE and before is not State.IDLE:
            asyncio.get_running_loop().call_soon(self._put_on_next)

    async def _prepared(self) -> Outfit:
        """What `_prepare` gives. One that hangs, and is given up, keeps one thread and not one more each time."""
        if self._preparing is not None and not self._preparing.done():
            await asyncio.wait({self._preparing})
        self._preparing = asyncio.get_running_loop().run_in_executor(None, self._prepare)
        return await asyncio.shield(self._preparing)

    def _prepare(self) -> Outfit:
        """In a thread. Raises ConfigError."""
        wanted = self.read()
        config = merged(self.config, wanted)
        files = states(config)  # ahead of their being read: what changes after that, the next time tells
        keys = [key for key in changed_keys(self.config, config) if parts_of([key])]
        keys += [key for key in changed_files(self._files, files) if key not in keys]
        needed = parts_of(keys)
        return Outfit(
            config,
            tuple(keys),
            tuple(key for key in changed_keys(config, wanted) if takes_restart(key)),
            needed,
            files,
            FrontEnd(config.wake, parts.make_duplex(config)) if Part.EARS in needed else None,
            load_earcons(config.sounds) if Part.LOUDSPEAKER in needed else None,
            load_prices(config.purse.prices) if Part.PURSE in needed else None,
            self.board.clerk.load(config.skills) if Part.SKILLS in needed else None,
            surroundings.tokens(config, self.environ) if Part.SERVICE in needed else {},
        )

    def _take(self, outfit: Outfit) -> tuple[Reply, str]:
        """Put it on now or later; the answer, and what is to be noted for a while."""
        waits = self.board.conductor.state is not State.IDLE and bool(outfit.keys)
        lines, note = [], ""
        if waits:
            self._waiting = outfit
            told = fields(event="ReloadWaits")
            log.info("A changed configuration takes effect when the conversation is over.", extra=told)
            lines.append(f"Takes effect when the conversation is over: {', '.join(outfit.keys)}.")
            note = "a changed configuration waits for the end of the conversation"
        else:
            self._waiting = None
            self._put_on(outfit)
            lines.append(f"Taken over: {', '.join(outfit.keys)}." if outfit.keys else "Nothing changes.")
        self.needs_restart = outfit.needs_restart
        if self.needs_restart:
            keys = ", ".join(self.needs_restart)
            log.warning("Needs a restart: %s.", keys, extra=fields(event="NeedsRestart", keys=keys))
            lines.append(f"Needs a restart: {keys}.")
            note = f"needs a restart: {keys}"
        data = {"changed": list(outfit.keys), "waits": waits, "needs_restart": list(self.needs_restart)}
        return Reply("\n".join(lines), data=data), note

    def _put_on_next(self) -> None:
        """What waits; unless another is being made ready, which knows only what it was to replace."""
        if not self._reading.locked():
            self._put_on_waiting()

    def _put_on_waiting(self) -> None:
        if self._waiting is None:
            return
        if self.board.stopping or self.board.conductor.state is not State.IDLE:
            return
        outfit, self._waiting = self._waiting, None
        self._put_on(outfit)
        self.board.reporter.note(f"needs a restart: {', '.join(self.needs_restart)}" if self.needs_restart else "")

    def _put_on(self, outfit: Outfit) -> None:
        """All of it, at once: nothing here fails, or takes long."""
        config, board = outfit.config, self.board
        self.config, self._files = config, outfit.files
        if outfit.skills is not None:
            board.clerk.use(config.skills, outfit.skills)
        if Part.SCRIBE in outfit.parts:
            self.transcribe(config)
        if Part.SERVICE in outfit.parts:
            board.cast = Cast(config)
            board.sessions = sessions_of(board, outfit.tokens)
            board.link.refit(config.realtime)
            board.link.use(*board.sessions[board.cast.default.name])
        if Part.GATE in outfit.parts:
            board.gatekeeper.use(config.realtime)
        if Part.RULES in outfit.parts:
            board.conductor.use(Rules.of(config.conversation, config.realtime, board.clerk.patience_s))
        if outfit.earcons is not None:
            board.playback.use(outfit.earcons, parts.reply_bound_s(config.conversation), config.conversation.duck_db)
        if Part.VOLUME in outfit.parts:
            self.own_volume.configure(config.audio.volume_percent)
        if Part.HERALD in outfit.parts:
            self.herald.use(config.sounds)
        if outfit.prices is not None:
            self.cashier.use(config, outfit.prices)
        if outfit.front_end is not None:
            self.listener.use(outfit.front_end)
            board.front_end = outfit.front_end
        if Part.JOURNAL in outfit.parts:
            setup_logging(config.log.level)
        keys = ", ".join(outfit.keys) or "nothing changes"
        log.info("The configuration was read anew: %s.", keys, extra=fields(event="Reloaded", keys=keys))


def sessions_of(board: Switchboard, tokens: Mapping[str, str]) -> dict[str, tuple[str, Json]]:
    """Model and session of each role of the cast; `tokens` are the secrets of MCP servers. Tells what is missing."""
    clerk, cast = board.clerk, board.cast
    clerk.complain(tokens)
    for sentence in cast.unknown_skills(clerk.names):
        log.warning("%s", sentence, extra=fields(event="SkillUnknown", reason=sentence))
    return cast.sessions(lambda names: clerk.tools(tokens, names), transcripts=board.transcripts.wanted)


def _refused(why: str, error: str) -> Reply:
    lines = why.splitlines()[:MISTAKES_TOLD]
    told = "\n".join(lines)
    log.error("The configuration stays as it was: %s", told, extra=fields(event="ReloadRefused", mistakes=len(lines)))
    return Reply(f"The configuration stays as it was:\n{told}", error, {"mistakes": lines})
