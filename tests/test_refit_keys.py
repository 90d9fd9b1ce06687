"""Every setting that may change while the daemon runs takes effect when the configuration is read anew."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.still_house import House, house, with_value

from speakerd.config.keys import ENTRY, Kind, dotted, known_keys
from speakerd.config.live import parts_of
from speakerd.config.model import Config
from speakerd.purse.usage import Tokens, Usage
from speakerd.wallclock import local_now

pytestmark = pytest.mark.usefixtures("still_house")

KEYS = [dotted(path) for path, key in known_keys().items() if key.kind is not Kind.SECTION and ENTRY not in path]


def earcon(name: str) -> Callable[[House], object]:
    return lambda h: h.earcon(name)


def rule(name: str) -> Callable[[House], object]:
    return lambda h: h.rule(name)


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
