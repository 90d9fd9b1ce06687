"""Reading the configuration anew: every setting that may change while the daemon runs takes effect, the others stay."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from speakerd import refit as module
from speakerd.app import App
from speakerd.config.credentials import ApiKey
from speakerd.config.keys import ENTRY, Kind, dotted, known_keys
from speakerd.config.live import parts_of
from speakerd.config.model import Config
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import FarFrame, NearFrame
from speakerd.purse.usage import Tokens, Usage
from speakerd.realtime.session import Session
from speakerd.surroundings import Servers
from speakerd.wallclock import local_now

KEYS = [dotted(path) for path, key in known_keys().items() if key.kind is not Kind.SECTION and ENTRY not in path]


class House:
    """A daemon that was built and not started: its threads stand still, so that one can look into its parts."""

    def __init__(self, tasks: asyncio.TaskGroup, config: Config) -> None:
        self.wanted: Config | Exception = config
        self.app = App(config, Servers("ws://127.0.0.1:9"), ApiKey("k", "test"), None, tasks, self.read)
        self.refit = self.app._reception._refit
        self.board = self.app._board

    def read(self) -> Config:
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted

    async def reload(self, config: Config | Exception):
        self.wanted = config
        reply = await self.refit.reload()
        self.app._listener._change()
        return reply

    def session(self) -> dict[str, Any]:
        """What the next session asks for."""
        return self.app._link._dialler.asked[1]

    def dialled(self) -> Session:
        """The next session."""
        dialler = self.app._link._dialler
        tasks, dialler._tasks = dialler._tasks, MagicMock(create_task=lambda work, name: work.close() or MagicMock())
        try:
            return dialler.dial(0)
        finally:
            dialler._tasks = tasks


@asynccontextmanager
async def house(config: Config) -> AsyncIterator[House]:
    async with asyncio.TaskGroup() as tasks:
        house = House(tasks, config)
        yield house
        house.app._stop()


@pytest.fixture(autouse=True)
def _own_journal(monkeypatch):
    """The tests' own handlers of log entries stay."""
    ours = logging.getLogger("speakerd")
    monkeypatch.setattr(module, "setup_logging", lambda level: ours.setLevel(level.upper()))
    ours.setLevel(logging.INFO)
    yield
    ours.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch, tmp_path):
    for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


def with_value(key: str, value: object, config: Config | None = None) -> Config:
    """The configuration with one value changed, as if it had been read."""
    content = (config or Config()).model_dump(mode="json")
    section, *path = key.split(".")
    target = content[section]
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return Config.model_validate_json(json.dumps(content))


def earcon(name: str) -> Callable[[House], object]:
    return lambda h: h.app._playback._line._earcons[name].tobytes()


def rule(name: str) -> Callable[[House], object]:
    return lambda h: getattr(h.board.conductor._machine.facts.rules, name)


def dial(name: str) -> Callable[[House], object]:
    return lambda h: getattr(h.dialled()._dial, name)


def said(name: str) -> Callable[[House], object]:
    return lambda h: getattr(h.app._herald._section, name)


def turn(name: str) -> Callable[[House], object]:
    return lambda h: h.session()["audio"]["input"]["turn_detection"][name]


def front_end(what: Callable[[Any], object]) -> Callable[[House], object]:
    return lambda h: what(h.app._listener.front_end)


def words(h: House) -> object:
    heard = [(word.name, word.threshold) for word in h.app._listener.front_end._wake._words]
    return heard, h.board.cast.words, h.app._cashier._cast.words


WORDS = [{"model": "alexa", "threshold": 0.7}]
MCP = [{"label": "home", "url": "https://x.example/mcp"}]
CASES: dict[str, tuple[object, Callable[[House], object], object]] = {
    # key: another value, where to look, what is to be found there then
    "audio.volume_percent": (40, lambda h: h.app._playback.volume_percent, 40),
    "audio.echo_cancellation": (False, front_end(lambda f: f._duplex._canceller is None), True),
    "wake.words": (WORDS, words, ([("alexa", 0.7)], ("alexa",), ("alexa",))),
    "realtime.model": ("gpt-realtime-2.1", lambda h: h.app._link._dialler.asked[0], "gpt-realtime-2.1"),
    "realtime.voice": ("cedar", lambda h: h.session()["audio"]["output"]["voice"], "cedar"),
    "realtime.instructions": ("Be short.", lambda h: h.session()["instructions"], "Be short."),
    "realtime.noise_reduction": (
        "near_field",
        lambda h: h.session()["audio"]["input"]["noise_reduction"],
        {"type": "near_field"},
    ),
    "realtime.turn_detection.threshold": (0.7, turn("threshold"), 0.7),
    "realtime.turn_detection.prefix_padding_ms": (100, turn("prefix_padding_ms"), 100),
    "realtime.turn_detection.silence_duration_ms": (
        900,
        lambda h: (turn("silence_duration_ms")(h), h.board.gatekeeper._end_turn_ms),
        (900, 1_200),
    ),
    "realtime.auth": ("none", lambda h: "Authorization" in dict(dial("headers")(h)), False),
    "realtime.headers": ("X-A: b", lambda h: "X-A" in dict(dial("headers")(h)), True),
    "realtime.keep_warm": (True, lambda h: h.app._link._keep_warm, True),
    "realtime.ping_interval_s": (7.0, dial("ping_s"), 7.0),
    "realtime.ping_timeout_s": (7.0, dial("ping_timeout_s"), 7.0),
    "realtime.network_timeout_s": (7.0, dial("network_s"), 7.0),
    "realtime.stall_timeout_s": (7.0, lambda h: h.dialled()._protocol._silence.limit_s, 7.0),
    "realtime.max_tool_rounds": (7, lambda h: h.dialled()._protocol._tools.max_rounds, 7),
    "realtime.history_tokens": (
        500,
        lambda h: h.session()["truncation"]["token_limits"]["post_instructions"],
        500,
    ),
    "realtime.connect_timeout_s": (
        9.0,
        lambda h: (rule("connect_s")(h), h.app._link._seat._stand_in._whole_s, h.board.gatekeeper._uplink._ring.maxlen),
        (9.0, 8.0, 600),
    ),
    "conversation.barge_in": (
        "off",
        lambda h: (rule("barge_in")(h), h.app._listener.front_end._duplex._judge is None),
        ("off", True),
    ),
    "conversation.barge_in_detector": (
        "rule",
        front_end(lambda f: type(f._duplex._detector).__name__),
        "Rule",
    ),
    "conversation.silence_timeout_s": (3.0, rule("silence_s"), 3.0),
    "conversation.words_timeout_s": (3.0, rule("words_s"), 3.0),
    "conversation.preroll_ms": (1_000, rule("preroll_frames"), 50),
    "conversation.barge_in_preroll_ms": (100, rule("barge_in_preroll_frames"), 5),
    "conversation.echo_tail_ms": (400, rule("echo_tail_ms"), 400),
    "conversation.max_turn_s": (30.0, rule("turn_s"), 30.0),
    "conversation.think_timeout_s": (5.0, rule("think_s"), 5.0),
    "conversation.max_conversation_s": (60.0, rule("conversation_s"), 60.0),
    "conversation.max_reply_s": (
        60.0,
        lambda h: (rule("reply_s")(h), h.app._playback._line.playout.bound_frames / h.app._playback._line.rate_hz),
        (60.0, 90.0),
    ),
    "conversation.duck_db": (20.0, lambda h: h.app._playback._duck_gain, pytest.approx(0.1)),
    "sounds.notices": (False, said("notices"), False),
    "sounds.language": ("de", said("language"), "de"),
    "sounds.notice_pause_s": (1.0, said("notice_pause_s"), 1.0),
    "sounds.level_dbfs": (
        -40.0,
        lambda h: round(np.max(np.abs(h.app._playback._line._earcons["wake"].astype(int))), -1),
        330,
    ),
    **{f"sounds.{name}": ("none", earcon(name), b"") for name in ("wake", "goodbye", "error", "mute", "unmute")},
    "skills.off": (["set_volume"], lambda h: "set_volume" in str(h.session()["tools"]), False),
    "skills.timeout_s": (99.0, lambda h: (h.board.clerk._runner._timeout_s, rule("tools_s")(h)), (99.0, 99.0)),
    "skills.output_characters": (500, lambda h: h.board.clerk._runner._output_characters, 500),
    "skills.mcp": (MCP, lambda h: "home" in str(h.session()["tools"]), True),
    "purse.limit_per_day_usd": (2.0, lambda h: h.app._cashier._account._budget.limits.per_day, 2),
    "purse.limit_per_month_usd": (3.0, lambda h: h.app._cashier._account._budget.limits.per_month, 3),
    "purse.warn_at_percent": (50, lambda h: h.app._cashier._account._budget.limits.warn_at_percent, 50),
    "transcripts.events": (True, lambda h: h.app._scribe._section.events, True),
    "transcripts.in_messages": (True, lambda h: h.app._scribe._section.in_messages, True),
    "transcripts.journal": (
        True,
        lambda h: (h.app.transcripts.wanted, "transcription" in h.session()["audio"]["input"]),
        (True, True),
    ),
    "log.level": ("debug", lambda _h: logging.getLogger("speakerd").level, logging.DEBUG),
}


APART = {"skills.folder", "purse.prices", "wake.personas", "realtime.transcription_model"}
"""Shown by tests of their own."""


def test_every_live_key_is_shown_to_take_effect():
    assert {*CASES, *APART} == {key for key in KEYS if parts_of([key])}


@pytest.mark.parametrize("key", CASES)
async def test_it_takes_effect(key):
    value, look, expected = CASES[key]
    async with house(Config()) as h:
        before = look(h)
        assert before != expected, "else this shows nothing"
        reply = await h.reload(with_value(key, value))
        assert reply.ok, reply
        assert reply.data == {"changed": [key], "waits": False, "needs_restart": []}
        assert look(h) == expected
        await h.reload(Config())
        assert look(h) == before


async def test_personas_take_effect():
    async with house(with_value("wake.words", [{"model": "alexa"}])) as h:
        chef = {"name": "chef", "voice": "cedar"}
        wake = {"words": [{"model": "alexa", "persona": "chef"}], "personas": [chef]}
        assert (await h.reload(Config.model_validate_json(json.dumps({"wake": wake})))).ok
        assert h.board.sessions["chef"][1]["audio"]["output"]["voice"] == "cedar"
        assert h.board.cast.answering("alexa").name == h.app._cashier._cast.answering("alexa").name == "chef"


async def test_the_model_that_writes_down_takes_effect():
    base = with_value("transcripts.journal", True)
    async with house(base) as h:
        await h.reload(with_value("realtime.transcription_model", "gpt-live-transcribe", base))
        assert h.session()["audio"]["input"]["transcription"] == {"model": "gpt-live-transcribe"}
        assert h.app._cashier._cast.default.realtime.transcription_model == "gpt-live-transcribe"


async def test_a_loudspeaker_that_the_user_muted_stays_muted():
    async with house(Config()) as h:
        h.refit.own_volume.set_muted(True)
        await h.reload(with_value("audio.volume_percent", 40))
        assert h.app._playback.volume_percent == 0
        h.refit.own_volume.set_muted(False)
        assert h.app._playback.volume_percent == 40


async def test_a_folder_of_skills_takes_effect(tmp_path):
    folder = tmp_path / "skills"
    folder.mkdir()
    lines = [
        "from speakerd.skills import skill",
        "@skill",
        "def feed_the_cat() -> str:",
        "    'Feed it.'",
        "    return ''",
    ]
    (folder / "cat.py").write_text("\n".join(lines))
    async with house(Config()) as h:
        calls = h.board.clerk.counters()
        await h.reload(with_value("skills.folder", str(folder)))
        assert "feed_the_cat" in str(h.session()["tools"])
        assert h.board.clerk.counters() == calls


async def test_prices_take_effect(tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("my-model: {text: {in: 0, out: 0}, audio: {in: 1, out: 2}}\n")
    async with house(Config()) as h:
        reply = await h.reload(with_value("purse.prices", str(prices)))
        assert reply.ok, reply
        usage = Usage(model="my-model", at=local_now(), tokens=Tokens(audio_in=1_000_000))
        assert h.app._cashier._account._prices.cost(usage) == 1


# ---------------------------------------------------------------- what stays


async def test_what_takes_a_restart_stays_and_is_named(caplog):
    async with house(Config()) as h:
        wanted = with_value("audio.capture_device", "hw:7", with_value("realtime.voice", "cedar"))
        reply = await h.reload(wanted)
        assert reply.told == "Taken over: realtime.voice.\nNeeds a restart: audio.capture_device."
        assert reply.data["needs_restart"] == ["audio.capture_device"]
        assert h.refit.config.audio.capture_device == "default"
        assert "Needs a restart: audio.capture_device." in caplog.messages
        assert h.board.reporter.standing.note == "needs a restart: audio.capture_device"
        again = await h.reload(wanted)
        assert again.told == "Nothing changes.\nNeeds a restart: audio.capture_device."
        assert h.app._reception._butler.status().data["needs_restart"] == ["audio.capture_device"]
        assert (await h.reload(with_value("realtime.voice", "cedar"))).told == "Nothing changes."
        assert h.app._reception._butler.status().data["needs_restart"] == []


async def test_what_belongs_to_the_relay_is_not_named():
    async with house(Config()) as h:
        assert (await h.reload(with_value("relay.port", 1))).told == "Nothing changes."


BAD = ConfigError("speakerd.yaml:3: conversation.silence_timeout_s: found 0\nspeakerd.yaml:9: wake: found 1")


async def test_a_bad_file_changes_nothing_and_every_mistake_is_told(caplog):
    async with house(Config()) as h:
        before = h.session()
        reply = await h.reload(BAD)
        assert (reply.ok, reply.error, len(reply.data["mistakes"])) == (False, "bad_config", 2)
        assert "speakerd.yaml:9: wake: found 1" in reply.told
        assert reply.told in caplog.text.replace("as it was: ", "as it was:\n")
        assert h.session() is before
        assert h.refit.config == Config()
        assert h.board.reporter.standing.note == "the configuration has mistakes, the old one stays"
        assert (await h.reload(with_value("realtime.voice", "cedar"))).ok
        assert h.board.reporter.standing.note == ""


@pytest.mark.parametrize("key", ["sounds.wake", "purse.prices", "wake.words"])
async def test_a_file_that_cannot_be_used_changes_nothing(key, tmp_path):
    file = tmp_path / "broken.tflite"
    file.write_bytes(b"no sound, no prices, no model" * 9)
    value = [{"model": str(file)}] if key == "wake.words" else str(file)
    async with house(Config()) as h:
        before = (h.session(), h.app._listener.front_end, earcon("wake")(h), h.app._cashier._account._prices)
        reply = await h.reload(with_value("realtime.voice", "cedar", with_value(key, value)))
        assert reply.error == "bad_config"
        assert (h.session(), h.app._listener.front_end, earcon("wake")(h), h.app._cashier._account._prices) == before


async def test_an_installation_that_lacks_something_changes_nothing(monkeypatch):
    def missing(*_):
        raise SpeakerdError("the wake word models are not installed")

    monkeypatch.setattr(module, "FrontEnd", missing)
    async with house(Config()) as h:
        reply = await h.reload(with_value("wake.words", [{"model": "alexa"}]))
        assert (reply.error, h.refit.config) == ("bad_config", Config())
        assert "models are not installed" in reply.told


async def test_what_takes_too_long_changes_nothing(monkeypatch):
    monkeypatch.setattr(module, "READING_S", 0.05)
    async with house(Config()) as h:
        ended = threading.Event()
        h.refit.read = lambda: ended.wait(5) and Config()
        reply = await h.refit.reload()
        assert (reply.error, h.refit.config) == ("too_slow", Config())
        ended.set()


async def test_two_at_a_time_are_one():
    async with house(Config()) as h:
        h.wanted = with_value("realtime.voice", "cedar")
        replies = await asyncio.gather(h.refit.reload(), h.refit.reload())
        assert [reply.error for reply in replies] == ["", "busy"]


async def test_who_is_not_answered_is_served_after_the_others():
    """As SIGHUP: what was written while the file was being read is not forgotten."""
    async with house(Config()) as h:
        read, go_on = threading.Event(), threading.Event()
        h.refit.read = lambda: (read.set(), go_on.wait(5)) and h.wanted
        h.wanted = with_value("realtime.voice", "cedar")
        first = h.app._tasks.create_task(h.refit.reload())
        await asyncio.to_thread(read.wait, 5)
        second = h.app._tasks.create_task(h.refit.reload(wait=True))
        await asyncio.sleep(0)
        go_on.set()
        assert (await first).error == ""
        h.wanted = with_value("realtime.voice", "sage")
        assert (await second).error == ""
        assert h.session()["audio"]["output"]["voice"] == "sage"


# ---------------------------------------------------------------- in a conversation


async def begin(h: House) -> None:
    h.app._link.open = MagicMock()
    h.board.conductor.dispatch(ev.WakeDetected("hey_jarvis", 1.0, 0, by_hand=True))
    assert h.board.conductor.state is not State.IDLE


async def end(h: House) -> None:
    h.board.conductor.dispatch(ev.SessionEnded(h.board.conductor._machine.facts.session))
    assert h.board.conductor.state is State.IDLE
    await asyncio.sleep(0)


async def test_in_a_conversation_it_waits_for_the_end(caplog):
    caplog.set_level(logging.INFO)
    async with house(Config()) as h:
        await begin(h)
        reply = await h.reload(with_value("conversation.silence_timeout_s", 3.0))
        assert reply.told == "Takes effect when the conversation is over: conversation.silence_timeout_s."
        assert reply.data["waits"]
        assert (rule("silence_s")(h), h.refit.config) == (8.0, Config())
        assert h.board.reporter.standing.note == "a changed configuration waits for the end of the conversation"
        await end(h)
        assert rule("silence_s")(h) == 3.0
        assert h.board.reporter.standing.note == ""
        assert caplog.messages.count("The configuration was read anew: conversation.silence_timeout_s.") == 1


async def test_the_newest_of_several_that_wait_counts():
    async with house(Config()) as h:
        await begin(h)
        await h.reload(with_value("conversation.silence_timeout_s", 3.0))
        await h.reload(with_value("conversation.think_timeout_s", 4.0))
        await end(h)
        assert (rule("silence_s")(h), rule("think_s")(h)) == (8.0, 4.0)
        await begin(h)
        await h.reload(Config())
        await h.reload(with_value("conversation.think_timeout_s", 4.0))
        await end(h)
        assert rule("think_s")(h) == 4.0, "taken back before it came"


async def test_what_is_taken_back_while_the_conversation_ends_is_taken_back_whole(monkeypatch):
    async with house(Config()) as h:
        await begin(h)
        await h.reload(with_value("wake.words", WORDS))
        made, ended = threading.Event(), threading.Event()
        load_earcons = module.load_earcons
        monkeypatch.setattr(module, "load_earcons", lambda s: (made.set(), ended.wait(5)) and load_earcons(s))
        h.wanted = with_value("sounds.level_dbfs", -30.0)
        reload = h.app._tasks.create_task(h.refit.reload())
        await asyncio.to_thread(made.wait, 5)
        await end(h)
        ended.set()
        assert (await reload).error == ""
        h.app._listener._change()
        heard = h.app._listener.front_end._wake._words
        assert [word.name for word in heard] == [word.model for word in h.refit.config.wake.words] == ["hey_jarvis"]


async def test_what_waits_is_put_on_though_the_next_reading_fails_meanwhile():
    async with house(Config()) as h:
        await begin(h)
        await h.reload(with_value("conversation.silence_timeout_s", 3.0))
        read, ended = threading.Event(), threading.Event()

        def fail() -> Config:
            read.set()
            ended.wait(5)
            raise ConfigError("no")

        h.refit.read = fail
        reload = h.app._tasks.create_task(h.refit.reload())
        await asyncio.to_thread(read.wait, 5)
        await end(h)
        ended.set()
        assert (await reload).error == "bad_config"
        await asyncio.sleep(0)
        assert rule("silence_s")(h) == 3.0


# ---------------------------------------------------------------- what goes on


async def test_another_front_end_goes_on_counting_and_knows_what_was_told():
    async with house(Config()) as h:
        old = h.app._listener.front_end
        far = FarFrame(np.zeros(320, np.int16), False, True)
        for index in range(8):
            old.process(NearFrame(np.zeros(320, np.int16), index, 0.0), far)
        old._half_duplex = "loud"
        assert h.app._gauges.progress()[0] == 8
        await h.reload(with_value("wake.words", WORDS))
        new = h.app._listener.front_end
        assert new is not old
        assert h.board.front_end is new
        assert h.app._gauges.progress()[0] == 8
        _, heard = new.process(NearFrame(np.zeros(320, np.int16), 8, 0.0), far)
        assert [type(event) for event in heard] == [ev.DuplexChanged], "it is not so any more, and that is told"


async def test_systemd_is_told_of_the_beginning_and_of_the_end(monkeypatch):
    told: list[str] = []
    monkeypatch.setattr("speakerd.service.notify.notify", told.append)
    async with house(Config()) as h:
        await h.reload(BAD)
        assert [line for line in told if "READY" in line or "RELOADING" in line] == [], "before the first READY none"
        h.board.reporter.standing.ready = True
        for config in (BAD, Config()):
            told.clear()
            await h.reload(config)
            first, *_ = told
            assert first.startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert abs(int(first.rpartition("=")[2]) / 1e6 - time.monotonic()) < 5
            assert told[1] == "READY=1"
            assert told[2].startswith("STATUS=Waiting for the wake word")


async def test_a_volume_that_was_asked_for_is_there_after_a_restart_until_the_configuration_says_another():
    config = with_value("audio.playback_device", "hw:Nowhere")  # whose mixer, if any, would keep it
    async with house(config) as h:
        h.app._volume.set_volume_percent(35)
    async with house(config) as h:
        h.app._reception.open()
        assert h.app._playback.volume_percent == 35
        await h.reload(with_value("audio.volume_percent", 60, config))
    async with house(config) as h:
        h.app._reception.open()
        assert h.app._playback.volume_percent == 100


# ---------------------------------------------------------------- files under the same name


def write_sound(path: Path, value: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(np.full(2_400, value, np.int16).tobytes())


async def test_a_sound_that_was_written_anew_is_taken_over_and_a_broken_one_is_not(tmp_path):
    path = tmp_path / "wake.wav"
    write_sound(path, 1_000)
    config = with_value("sounds.wake", str(path))
    async with house(config) as h:
        before = earcon("wake")(h)
        assert (await h.reload(config)).told == "Nothing changes."
        path.write_bytes(b"half of it")
        assert (await h.reload(config)).error == "bad_config"
        assert earcon("wake")(h) == before
        write_sound(path, 2_000)
        assert (await h.reload(config)).told == "Taken over: sounds.wake."
        assert earcon("wake")(h) != before
        assert (await h.reload(config)).told == "Nothing changes."


SKILL = '''
from speakerd.skills import skill

@skill
def {name}() -> str:
    """Do it."""
    return "done"
'''


async def test_a_skill_that_was_changed_or_added_is_there_after_a_reload_even_one_amid_a_conversation(tmp_path):
    (tmp_path / "own").mkdir()
    file, config = tmp_path / "own" / "lamps.py", with_value("skills.folder", str(tmp_path / "own"))
    file.write_text(SKILL.format(name="lamp_on"))
    async with house(config) as h:
        assert "lamp_on" in h.board.clerk.names
        file.write_text(SKILL.format(name="lamp_dimmed"))
        await begin(h)
        assert (await h.reload(config)).data["waits"]
        assert "lamp_on" in h.board.clerk.names
        await end(h)
        assert "lamp_dimmed" in h.board.clerk.names
        assert "lamp_on" not in h.board.clerk.names
        assert "lamp_dimmed" in {tool["name"] for tool in h.session()["tools"]}
        (tmp_path / "own" / "fans.py").write_text(SKILL.format(name="fan_on"))
        assert (await h.reload(config)).told == "Taken over: skills.folder."
        assert {"fan_on", "lamp_dimmed"} <= set(h.board.clerk.names)
