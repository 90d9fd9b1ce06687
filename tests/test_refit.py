"""Reading the configuration anew: what cannot change stays, and conversations are not disturbed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import wave
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from support.still_house import House, house, with_value

from speakerd import refit as module
from speakerd.config.model import Config
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import FarFrame, NearFrame

pytestmark = pytest.mark.usefixtures("still_house")

WORDS = [{"model": "alexa", "threshold": 0.7}]


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
        before = (h.session(), h.app._listener.front_end, h.earcon("wake"), h.app._cashier._account._prices)
        reply = await h.reload(with_value("realtime.voice", "cedar", with_value(key, value)))
        assert reply.error == "bad_config"
        assert (h.session(), h.app._listener.front_end, h.earcon("wake"), h.app._cashier._account._prices) == before


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


async def test_what_hangs_holds_one_thread_however_often_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(module, "READING_S", 0.05)
    async with house(Config()) as h:
        ended, readings = threading.Event(), []

        def read() -> Config:
            readings.append(threading.get_ident())
            ended.wait(5)
            return with_value("audio.volume_percent", 30)

        h.refit.read = read
        replies = [await h.refit.reload(wait=True) for _ in range(3)]
        assert [reply.error for reply in replies] == ["too_slow"] * 3
        assert len(readings) == 1
        ended.set()
        monkeypatch.setattr(module, "READING_S", 5.0)
        assert (await h.refit.reload()).ok
        assert h.refit.config.audio.volume_percent == 30


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
        assert (h.rule("silence_s"), h.refit.config) == (8.0, Config())
        assert h.board.reporter.standing.note == "a changed configuration waits for the end of the conversation"
        await end(h)
        assert h.rule("silence_s") == 3.0
        assert h.board.reporter.standing.note == ""
        assert caplog.messages.count("The configuration was read anew: conversation.silence_timeout_s.") == 1


async def test_the_newest_of_several_that_wait_counts():
    async with house(Config()) as h:
        await begin(h)
        await h.reload(with_value("conversation.silence_timeout_s", 3.0))
        await h.reload(with_value("conversation.think_timeout_s", 4.0))
        await end(h)
        assert (h.rule("silence_s"), h.rule("think_s")) == (8.0, 4.0)
        await begin(h)
        await h.reload(Config())
        await h.reload(with_value("conversation.think_timeout_s", 4.0))
        await end(h)
        assert h.rule("think_s") == 4.0, "taken back before it came"


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
        assert h.rule("silence_s") == 3.0


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
        before = h.earcon("wake")
        assert (await h.reload(config)).told == "Nothing changes."
        path.write_bytes(b"half of it")
        assert (await h.reload(config)).error == "bad_config"
        assert h.earcon("wake") == before
        write_sound(path, 2_000)
        assert (await h.reload(config)).told == "Taken over: sounds.wake."
        assert h.earcon("wake") != before
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
