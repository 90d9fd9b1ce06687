"""What the control socket's commands do, and what they say."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import MISSING, fields
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from support.rig import rig

from speakerd import butler as module
from speakerd.butler import Butler, running_for
from speakerd.cashier import Refusal
from speakerd.cast import Cast
from speakerd.config.model import BargeIn, Config, Persona, Realtime, Wake, WakeWord
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.errors import DeviceError
from speakerd.hw.mixer import SoftwareVolume
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.service.ctl.door import Caller
from speakerd.service.ctl.words import Command, Reply, Request
from speakerd.service.mutefile import MuteFile
from speakerd.service.reporter import Reporter
from speakerd.switchboard import Switchboard

ROOT = Caller(1, 0)
WAKE = Wake(
    words=(WakeWord(model="hey_jarvis"), WakeWord(model="/models/alexa.tflite", persona="chef")),
    personas=(Persona(name="chef", voice="cedar"),),
)


class Household:
    """The butler, the parts that he orders about, and what they did."""

    def __init__(self, link, tmp_path) -> None:
        self.link = link
        self.told: list[str] = []
        self.percent = 40
        config = Config(wake=WAKE, realtime=Realtime(model=link._dialler.asked[0]))
        cast = Cast(config)
        self.gatekeeper = Gatekeeper(lambda pcm: self.board.send(pcm), config.realtime)
        self.playback = MagicMock(flush=lambda: self.conductor.dispatch(ev.PlayoutFlushed()))
        self.conductor = Conductor(Machine(Rules()), link, self.gatekeeper, self.playback, asyncio.get_running_loop())
        notifier = SimpleNamespace(status=self.told.append)
        self.reporter = Reporter(None, notifier, dict)
        self.reporter.standing.ready = True
        self.herald = MagicMock(sounding=False, busy=False)
        self.cashier = MagicMock()
        self.cashier.refusal.return_value = None
        given = {
            field.name: MagicMock() for field in fields(Switchboard) if field.init and field.default is MISSING
        } | {
            "conductor": self.conductor,
            "link": link,
            "gatekeeper": self.gatekeeper,
            "playback": self.playback,
            "reporter": self.reporter,
            "cashier": self.cashier,
            "herald": self.herald,
            "cast": cast,
            "sessions": cast.sessions(lambda _names: [], transcripts=False),
        }
        self.board = Switchboard(**given)
        for part in (self.reporter, self.board):
            self.conductor.observe(part.observe)
        self.mute_path = tmp_path / "state" / "muted"
        self.volume = SoftwareVolume(lambda: self.percent, lambda percent: setattr(self, "percent", percent))
        self.butler = Butler(
            self.board,
            self.reporter,
            self.herald,
            self.volume,
            MuteFile(self.mute_path),
            newest_index=lambda: 99,
            facts=lambda: {"running_s": 61.0, "version": "1.2"},
            refit=MagicMock(needs_restart=()),
        )

    async def ask(self, command: Command, **options: object) -> Reply:
        return await self.butler.serve(Request(command, **options), ROOT)

    def earcons(self) -> list[Earcon]:
        return [call.args[0] for call in self.playback.play_earcon.call_args_list]


@pytest.fixture
async def house(tmp_path):
    async with rig(keep_warm=False) as r:
        house = Household(r.link, tmp_path)
        house.rig = r
        yield house
        house.conductor.stop()


async def converse(house) -> None:
    ready = await house.rig.next()
    assert isinstance(ready, ev.SessionReady)
    house.conductor.dispatch(ready)
    assert house.conductor.state is State.LISTENING


async def part(house) -> None:
    house.conductor.dispatch(await house.rig.next())
    assert house.conductor.state is State.IDLE


# ---------------------------------------------------------------- wake and stop


async def test_wake_begins_a_conversation_and_stop_ends_it(house, caplog):
    caplog.set_level(logging.INFO)
    assert await house.ask(Command.WAKE) == Reply("Listening.", data={"state": "CONNECTING"})
    assert house.earcons() == [Earcon.WAKE]
    await converse(house)
    told = await house.ask(Command.WAKE)
    assert told.ok
    assert told.told == "There was a conversation already; it goes on."
    assert await house.ask(Command.STOP) == Reply("The conversation ends.", data={"state": "CLOSING"})
    await part(house)
    assert (await house.ask(Command.STOP)).told == "There was nothing to stop."
    assert "User 0 asked for `speakerd ctl wake`." in caplog.messages


@pytest.mark.parametrize(
    ("barge_in", "told"), [("wake_word", "Listening."), ("off", "There was a conversation already; it goes on.")]
)
async def test_over_a_reply_that_outlasts_its_session_it_tells_whether_it_was_heeded(house, barge_in, told):
    house.conductor.use(Rules(barge_in=BargeIn(barge_in)))
    await house.ask(Command.WAKE)
    await converse(house)
    for event in (
        ev.ResponseStarted(1, "r"),
        ev.PlayoutStarted("i"),
        ev.ResponseEnded(1, "r", "completed", 900),
        ev.SessionEnded(1, "connection_lost"),
    ):
        house.conductor.dispatch(event)
    assert house.conductor.state is State.FINISHING
    assert (await house.ask(Command.WAKE)).told == told


async def test_a_call_by_hand_does_not_hide_that_nothing_is_heard(house):
    house.reporter.standing.devices["microphone"] = "hw:1: No such device"
    assert (await house.ask(Command.WAKE)).told == "Listening.\nBut the microphone does not work: hw:1: No such device"


async def test_called_by_hand_the_first_word_however_short_is_no_wake_word(house):
    await house.ask(Command.WAKE)
    await converse(house)
    assert house.link._seat._wake_ms < -10_000, "the longest silence that ends a turn"


async def test_wake_answers_as_the_persona_of_the_word(house):
    assert (await house.ask(Command.WAKE, word="alexa")).ok
    await converse(house)
    assert house.rig.peer.of_type("session.update")[0]["session"]["audio"]["output"]["voice"] == "cedar"


async def test_a_word_that_there_is_not_is_told(house):
    reply = await house.ask(Command.WAKE, word="computer")
    assert reply == Reply("There is no wake word 'computer'; there are hey_jarvis, alexa.", "unknown_word")
    assert house.conductor.state is State.IDLE


async def test_without_money_no_conversation_begins(house):
    house.cashier.refusal.return_value = Refusal("No conversation begins before midnight.", "Broke.")
    assert await house.ask(Command.WAKE) == Reply("No conversation begins before midnight.", "no_money")
    assert house.conductor.state is State.IDLE
    assert house.herald.say.call_args.args == ("Broke.",)


async def test_at_the_end_nothing_begins(house):
    house.board.stopping = True
    assert [(await house.ask(c, **o)).error for c, o in ((Command.WAKE, {}), (Command.SAY, {"text": "x"}))] == [
        "stopping"
    ] * 2


async def test_stop_silences_what_is_being_said(house):
    house.herald.busy = house.herald.sounding = True
    assert (await house.ask(Command.STOP)).told == "Silent."
    house.herald.hush.assert_called_once_with()


async def test_called_while_the_last_conversation_ends_another_begins(house):
    await house.ask(Command.WAKE)
    await converse(house)
    await house.ask(Command.STOP)
    assert (await house.ask(Command.WAKE)).told == "Listening."
    house.conductor.dispatch(await house.rig.next())
    assert house.conductor.state is State.CONNECTING


# ---------------------------------------------------------------- mute


async def test_mute_is_heard_seen_and_remembered(house, caplog):
    caplog.set_level(logging.INFO)
    assert await house.ask(Command.MUTE) == Reply("The microphone is muted.", data={"muted": True, "remembered": True})
    assert house.gatekeeper.muted
    assert house.mute_path.exists()
    assert house.earcons() == [Earcon.MUTE]
    assert house.told[-1] == "Microphone muted"
    assert "The microphone is muted." in caplog.messages
    assert (await house.ask(Command.STATUS)).told.splitlines()[0] == "Microphone muted."

    assert (await house.ask(Command.UNMUTE)).told == "The microphone is on."
    assert not house.gatekeeper.muted
    assert not house.mute_path.exists()
    assert house.earcons() == [Earcon.MUTE, Earcon.UNMUTE]
    assert house.told[-1] == "Waiting for the wake word"


async def test_muted_twice_is_told_once_and_heard_twice(house, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(2):
        await house.ask(Command.MUTE)
    assert caplog.messages.count("The microphone is muted.") == 1
    assert house.earcons() == [Earcon.MUTE] * 2


async def test_muted_before_a_restart_is_muted_after_it(house, caplog):
    caplog.set_level(logging.INFO)
    house.butler.recall()
    assert not house.gatekeeper.muted
    MuteFile(house.mute_path).keep(muted=True)
    house.butler.recall()
    assert house.gatekeeper.muted
    assert house.earcons() == [Earcon.MUTE]
    assert "The microphone is muted, as it was before the restart." in caplog.messages


async def test_mute_ends_a_conversation(house):
    await house.ask(Command.WAKE)
    await converse(house)
    await house.ask(Command.MUTE)
    assert house.conductor.state is State.CLOSING
    await part(house)
    assert (await house.ask(Command.WAKE)).error == "muted"
    assert house.conductor.state is State.IDLE


async def test_who_calls_while_it_is_muted_hears_that(house, caplog):
    caplog.set_level(logging.INFO)
    await house.ask(Command.MUTE)
    house.board.take_event(ev.WakeDetected("hey_jarvis", 0.9, 7))
    assert house.conductor.state is State.IDLE
    assert house.earcons() == [Earcon.MUTE] * 2
    assert house.herald.say.call_args.args == ("My microphone is switched off.",)
    assert "Heard hey_jarvis, but the microphone is muted." in caplog.messages


async def test_a_disk_that_keeps_nothing_does_not_keep_from_muting(house):
    house.mute_path.parent.write_text("a file where the folder should be")
    reply = await house.ask(Command.MUTE)
    assert reply.ok
    assert reply.told == "The microphone is muted. A restart will not remember that: File exists."
    assert house.gatekeeper.muted


async def test_a_disk_that_takes_its_time_holds_up_neither_the_mute_nor_anybody(house, monkeypatch):
    monkeypatch.setattr(module, "DISK_S", 0.05)
    answers, kept = threading.Event(), []
    house.butler.mute_file = SimpleNamespace(keep=lambda *, muted: (answers.wait(3) and kept.append(muted)) or "")
    reply = await house.ask(Command.MUTE)
    assert (reply.ok, house.gatekeeper.muted, kept) == (True, True, [])
    assert reply.told.endswith("A restart will not remember that: the disk has not answered yet.")
    monkeypatch.setattr(module, "DISK_S", 3.0)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(house.ask(one)) for one in (Command.UNMUTE, Command.MUTE)]
        await asyncio.sleep(0.05)
        assert house.gatekeeper.muted
        answers.set()
    assert [task.result().data["remembered"] for task in asked] == [True, True]
    assert kept == [True, True, True], "what stands when the disk is free"


# ---------------------------------------------------------------- volume


@pytest.mark.parametrize(
    ("options", "after"),
    [({}, 40), ({"percent": 70}, 70), ({"change": 10}, 50), ({"change": -60}, 0), ({"change": 100}, 100)],
)
async def test_volume(house, options, after):
    reply = await house.ask(Command.VOLUME, **options)
    assert reply.told == f"The volume is {after} percent."
    assert reply.data == {"volume_percent": after, "loudspeaker_muted": False}
    assert house.percent == after


async def test_a_loudspeaker_that_is_muted_is_told(house):
    house.volume.set_muted(True)
    assert (await house.ask(Command.VOLUME, change=5)).told == "The volume is 45 percent; the loudspeaker is muted."


async def test_a_mixer_that_does_not_work_is_told(house):
    house.butler.volume = MagicMock()
    house.butler.volume.volume_percent.side_effect = DeviceError("hw:1", "no such device")
    reply = await house.ask(Command.VOLUME)
    assert reply == Reply("The loudspeaker's mixer does not work: hw:1: no such device.", "device")


async def test_a_mixer_that_hangs_holds_one_thread_and_nobody_up(house, monkeypatch):
    monkeypatch.setattr(module, "MIXER_S", 0.05)
    house.butler.volume = SimpleNamespace(volume_percent=lambda: time.sleep(0.5) or 1, is_muted=lambda: False)
    assert (await house.ask(Command.VOLUME)).error == "device"
    assert (await house.ask(Command.VOLUME)).error == "busy"
    await asyncio.wait([house.butler._mixing])
    house.butler.volume = house.volume
    monkeypatch.setattr(module, "MIXER_S", 3.0)
    assert (await house.ask(Command.VOLUME)).ok


# ---------------------------------------------------------------- say and status


async def test_say_speaks_while_nobody_talks(house):
    async def read_out(text: str) -> str:
        return "" if text == "Dinner." else "flite is not installed."

    house.herald.read_out = read_out
    assert await house.ask(Command.SAY, text="Dinner.") == Reply("Saying it.")
    assert await house.ask(Command.SAY, text="x") == Reply("flite is not installed.", "not_said")
    await house.ask(Command.WAKE)
    assert (await house.ask(Command.SAY, text="Dinner.")).error == "in_conversation"


async def test_say_without_a_loudspeaker_is_told(house):
    house.reporter.device("loudspeaker", DeviceError("hw:1", "no such device"))
    reply = await house.ask(Command.SAY, text="Dinner.")
    assert reply == Reply("The loudspeaker does not work: hw:1: no such device", "device")


async def test_what_is_to_be_said_is_in_no_log(house, caplog):
    caplog.set_level(logging.DEBUG)
    house.herald.read_out = MagicMock(side_effect=lambda _text: asyncio.sleep(0, ""))
    await house.ask(Command.SAY, text="pineapple")
    assert "pineapple" not in caplog.text


async def test_status_of_one_that_stops(house):
    house.reporter.standing.end = "Stopping"
    assert (await house.ask(Command.STATUS)).told.splitlines()[0] == "Stopping."


async def test_status_tells_what_is_wrong(house):
    up = "speakerd 1.2, running for 1 min."
    assert (await house.ask(Command.STATUS)).told == f"Waiting for hey_jarvis or alexa.\n{up}"
    house.reporter.device("microphone", DeviceError("hw:1", "no such device", hint="is it plugged in?"))
    house.reporter.standing.stalled.append("loudspeaker")
    house.reporter.refused("No conversation begins before midnight.", 0.0)
    house.reporter.echo(ev.DuplexChanged("the echo is too loud"))
    reply = await house.ask(Command.STATUS)
    assert reply.told.splitlines() == [
        "Waiting for hey_jarvis or alexa.",
        "The microphone does not work: hw:1: no such device (is it plugged in?)",
        "Nothing passes the loudspeaker.",
        "No conversation begins before midnight.",
        "Only the wake word interrupts the assistant: the echo is too loud.",
        up,
    ]
    assert reply.data["devices"] == {"microphone": "hw:1: no such device (is it plugged in?)"}
    assert (reply.data["state"], reply.data["muted"], reply.data["running_s"]) == ("IDLE", False, 61.0)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (3_600, "1 h 0 min"), (86_399, "23 h 59 min"), (180_000, "2 d 2 h")],
)
def test_running_for(seconds, told):
    assert running_for(seconds) == told
