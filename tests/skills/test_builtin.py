"""The skills that every speaker has, called as the model calls them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from speakerd.errors import DeviceError
from speakerd.skills.builtin import built_in
from speakerd.skills.ports import Ports
from speakerd.skills.registry import Registry
from speakerd.skills.runner import Call, Runner

BERLIN = ZoneInfo("Europe/Berlin")


class Loudspeaker:
    """A volume to turn."""

    def __init__(self):
        self.percent, self.muted = 40, False

    def volume_percent(self):
        return self.percent

    def set_volume_percent(self, percent):
        if percent == 99:
            raise DeviceError("hw:1", "gone", hint="is it plugged in?")
        self.percent = percent

    def is_muted(self):
        return self.muted

    def set_muted(self, muted):
        self.muted = muted


class Purse:
    """Answers as the account gives them."""

    def costs(self):
        return {"today": {"spent": "0.12"}}

    def sent_today(self):
        return {"seconds_of_sound_sent": 12}


@pytest.fixture
def loudspeaker():
    return Loudspeaker()


@pytest.fixture
def ended():
    return []


@pytest.fixture
def ports(loudspeaker, ended):
    return Ports(
        clock=lambda: datetime(2026, 11, 22, 7, 5, tzinfo=BERLIN),
        end=lambda: ended.append(1),
        volume=loudspeaker,
        purse=Purse(),
    )


@pytest.fixture
async def call(ports):
    async with asyncio.TaskGroup() as tasks:
        runner = Runner(Registry(built_in(ports)), tasks)

        async def once(name, **arguments):
            (output,) = await runner.run([Call("1", name, json.dumps(arguments))])
            return output

        yield once


async def test_the_end(call, ended):
    output = await call("end_conversation")
    assert (output.text, output.wants_reply) == ("The conversation ends.", False)
    assert ended == [1]


async def test_time_and_date(call):
    assert (await call("time_and_date")).text == "07:05 on Sunday, 22 November 2026 (UTC+0100)"
    tokyo = await call("time_and_date", time_zone="Asia/Tokyo")
    assert tokyo.text == "15:05 on Sunday, 22 November 2026 (UTC+0900) in Asia/Tokyo"


@pytest.mark.parametrize("zone", ["Middle/Earth", "../../etc/passwd", "Europe", "/etc/localtime", "x" * 5_000, "\0"])
async def test_a_place_that_is_no_zone(call, zone):
    output = await call("time_and_date", time_zone=zone)
    assert output.failed
    assert "they are called like Europe/Berlin" in output.text


@pytest.mark.parametrize(
    ("arguments", "percent"),
    [
        ({"percent": 70}, 70), ({"percent": 0}, 0), ({"change": 10}, 50), ({"change": -60}, 0), ({"change": 100}, 100),
        ({}, 40), ({"percent": 5, "change": 50}, 5),
    ],
)  # fmt: skip
async def test_volume(call, loudspeaker, arguments, percent):
    assert (await call("set_volume", **arguments)).text == f"The volume is {percent} percent."
    assert loudspeaker.percent == percent


@pytest.mark.parametrize("arguments", [{"percent": 101}, {"percent": -1}, {"change": 101}, {"percent": "max"}])
async def test_a_volume_that_there_is_not(call, loudspeaker, arguments):
    assert (await call("set_volume", **arguments)).failed
    assert loudspeaker.percent == 40


async def test_mute(call, loudspeaker):
    assert (await call("mute_loudspeaker", muted=True)).text == "The loudspeaker is muted."
    assert loudspeaker.muted
    assert (await call("set_volume", change=10)).text == "The volume is 50 percent; the loudspeaker is muted."
    assert (await call("mute_loudspeaker", muted=False)).text == "It sounds again, at 50 percent."
    assert (await call("mute_loudspeaker")).failed


async def test_a_card_that_is_gone_is_told_in_words(call):
    assert (await call("set_volume", percent=99)).text == "It failed: hw:1: gone (is it plugged in?)"


async def test_purse(call):
    assert json.loads((await call("what_did_it_cost")).text) == {"today": {"spent": "0.12"}}
    assert json.loads((await call("what_was_sent_today")).text) == {"seconds_of_sound_sent": 12}


def test_what_has_no_port_is_not_offered(ports):
    assert built_in(Ports()) == []
    names = [skill.name for skill in built_in(ports)]
    assert names == [
        "end_conversation", "time_and_date", "set_volume", "mute_loudspeaker", "what_did_it_cost",
        "what_was_sent_today",
    ]  # fmt: skip


def test_they_are_valid_by_the_published_schema_and_small(ports):
    from openai.types.realtime import RealtimeFunctionTool

    tools = Registry(built_in(ports)).tools()
    for tool in tools:
        RealtimeFunctionTool.model_validate(tool, strict=True)
    assert len(json.dumps(tools)) < 2_500  # paid for with every response


async def test_the_real_clock():
    from speakerd.wallclock import local_now

    async with asyncio.TaskGroup() as tasks:
        runner = Runner(Registry(built_in(Ports(clock=local_now))), tasks)
        (output,) = await runner.run([Call("1", "time_and_date", "{}")])
    assert f"{local_now():%Y}" in output.text
    assert local_now().utcoffset() is not None
