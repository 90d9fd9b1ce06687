"""The port for what was said."""

from __future__ import annotations

import base64

import pytest
from support.rig import CHUNK, rig

from speakerd.conversation.events import ItemHeard
from speakerd.realtime.outputs import Said, SaidCut, SaidPartly
from speakerd.transcripts import MOST, Transcripts

HELLO = Said("user", "Hello.", "u1")


def test_nobody_gets_anything_without_asking():
    transcripts = Transcripts()
    assert not transcripts.wanted
    transcripts.take(HELLO)
    assert vars(transcripts) == {"_subscribers": [], "failures": 0}, "not a word is kept"


def test_who_subscribes_gets_all_until_he_stops():
    transcripts, got = Transcripts(), []
    stop = transcripts.subscribe(got.append)
    assert transcripts.wanted
    transcripts.take(SaidPartly("user", "u1", "Hel"))
    transcripts.take(HELLO)
    stop()
    stop()
    transcripts.take(SaidCut("a1", "x"))
    assert got == [SaidPartly("user", "u1", "Hel"), HELLO]
    assert not transcripts.wanted


def test_one_that_subscribes_twice_stops_once():
    transcripts, got = Transcripts(), []
    stop = transcripts.subscribe(got.append)
    transcripts.subscribe(got.append)
    stop()
    stop()
    transcripts.take(HELLO)
    assert got == [HELLO]


def test_a_subscriber_that_fails_disturbs_nobody(caplog):
    transcripts, got = Transcripts(), []

    def fail(said: object) -> None:
        raise ValueError(str(said))

    transcripts.subscribe(fail)
    transcripts.subscribe(got.append)
    for _ in range(3):
        transcripts.take(HELLO)
    assert got == [HELLO] * 3
    assert transcripts.failures == 3
    assert len(caplog.records) == 1
    assert "Hello" not in caplog.text


def test_one_may_stop_in_the_middle():
    transcripts, got = Transcripts(), []
    stops = [transcripts.subscribe(lambda _said: stops[1]()), transcripts.subscribe(got.append)]
    transcripts.take(HELLO)
    transcripts.take(HELLO)
    assert got == [HELLO], "the one that was on its way"


def test_there_are_not_too_many():
    transcripts = Transcripts()
    for _ in range(MOST):
        transcripts.subscribe(lambda _said: None)
    with pytest.raises(RuntimeError, match="16"):
        transcripts.subscribe(lambda _said: None)


@pytest.mark.parametrize("stopped", [False, True])
async def test_both_sides_in_pieces_and_whole_and_cut_where_the_reply_was_cut(stopped):
    transcripts, got = Transcripts(), []
    transcripts.subscribe(got.append)
    async with rig(keep_warm=False) as r:
        r.link.open(1)
        await r.next()
        spoken, heard = "conversation.item.input_audio_transcription", "response.output_audio_transcript"
        sound = base64.b64encode(CHUNK * 100).decode()
        for kind, fields in (
            (f"{spoken}.delta", {"item_id": "u1", "delta": "Tell me "}),
            (f"{spoken}.completed", {"item_id": "u1", "transcript": "Tell me a story."}),
            ("response.created", {"response": {"id": "r1"}}),
            (f"{heard}.delta", {"response_id": "r1", "item_id": "a1", "delta": "Once upon a time there was"}),
            ("response.output_audio.delta", {"response_id": "r1", "item_id": "a1", "delta": sound}),
        ):
            await r.peer.send(kind, **fields)
        await r.until(lambda: r.outputs.qsize() >= 3)
        if stopped:  # by hand: what was heard is known a moment later
            r.link.close()
        r.link.truncate((ItemHeard("a1", 1_000, 2_000),))
        await r.until(lambda: r.reports and isinstance(r.reports[-1], SaidCut))
        # As the switchboard does: deliveries and reports alike.
        said = [r.outputs.get_nowait() for _ in range(r.outputs.qsize())] + r.reports
        for one in said:
            if isinstance(one, Said | SaidPartly | SaidCut):
                transcripts.take(one)
    assert sorted(got, key=repr) == [
        Said("user", "Tell me a story.", "u1"),
        SaidCut("a1", "Once upon a"),
        SaidPartly("assistant", "a1", "Once upon a time there was"),
        SaidPartly("user", "u1", "Tell me "),
    ]
