"""One line and one set of data, from the same facts."""

from __future__ import annotations

import json

import pytest

from speakerd.conversation.state import State
from speakerd.service.standing import Standing


def test_all_that_is_wrong_is_in_the_line_and_in_the_data():
    standing = Standing(ready=True, away="the embedded server answers", service="no quota", note="read anew")
    standing.devices["microphone"] = "gone"
    standing.stalled.append("loudspeaker")
    standing.half_duplex = "loud echo"
    assert standing.line() == (
        "Waiting for the wake word; the embedded server answers; no quota; microphone: gone; "
        "nothing passes the loudspeaker; "
        "only the wake word interrupts: loud echo; read anew"
    )
    data = json.loads(json.dumps(standing.data()))
    assert data["service"] == ["the embedded server answers", "no quota"]
    assert (data["state"], data["devices"], data["note"]) == ("IDLE", {"microphone": "gone"}, "read anew")
    assert data["stalled"] == ["loudspeaker"]


@pytest.mark.parametrize(
    ("ready", "muted", "state", "told"),
    [
        (False, False, State.IDLE, "Starting"),
        (False, True, State.IDLE, "Starting, the microphone muted"),
        (True, True, State.IDLE, "Microphone muted"),
        (True, True, State.CLOSING, "Ending the conversation"),
        (True, False, State.SPEAKING, "Answering"),
    ],
)
def test_what_goes_on(ready, muted, state, told):
    assert Standing(state=state, ready=ready, muted=muted).line() == told
