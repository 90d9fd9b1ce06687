"""What the journal and `systemctl status` say of what happened, in plain sentences."""

from __future__ import annotations

import logging

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.realtime import troubles

STATUS = {
    State.IDLE: "Waiting for the wake word",
    State.CONNECTING: "Heard the wake word, connecting",
    State.LISTENING: "Listening to the user",
    State.THINKING: "Waiting for the answer",
    State.SPEAKING: "Answering",
    State.INTERRUPTED: "Interrupted, listening for words",
    State.CLOSING: "Ending the conversation",
}


def nothing_passes(devices: list[str]) -> str:
    """No sound moves."""
    return f"nothing passes the {' and the '.join(devices)}."


def describe_echo(event: ev.EchoMeasured) -> str:
    """The figures of a conversation in one sentence."""
    parts = {
        "the echo came at {:.0f} dBFS": event.echo_dbfs,
        "{:.0f} dB of it were cancelled": event.erle_db,
        "it came {:.0f} ms after its reference": event.echo_delay_ms,
        "the user spoke at {:.0f} dBFS": event.near_dbfs,
    }
    told = ", ".join(text.format(value) for text, value in parts.items() if value is not None)
    return f"{told[0].upper()}{told[1:]}."


def describe(
    event: ev.Event, before: State, after: State, figures: dict[str, float], said: str = ""
) -> tuple[int, str]:
    """Log level and one plain sentence for the journal; `said` is what the service said of a failure."""
    match event:
        case ev.WakeDetected(word, score):
            told = {State.IDLE: "; connecting", State.SPEAKING: " over the reply; listening"}.get(before, "")
            return logging.INFO, f"Heard {word} (score {score:.2f}){told}."
        case ev.SessionReady():
            return logging.INFO, f"Connected {figures.get('wake_to_live_ms', 0):.0f} ms after the wake word; listening."
        case ev.SessionEnded(error=error, message=message) if error:
            return logging.WARNING, f"The session ended: {troubles.describe(error, message)}."
        case ev.NothingAsked():
            return logging.INFO, "That was the wake word alone; still listening."
        case ev.PlayoutStarted() if "turn_end_to_sound_ms" in figures:
            return logging.INFO, f"Answering, {figures['turn_end_to_sound_ms']:.0f} ms after the user had finished."
        case ev.BargeInDetected() if before is State.SPEAKING and after is not before:
            return logging.INFO, "The user speaks over the reply; listening."
        case ev.PlayoutFlushed(items) if items:
            return logging.INFO, f"The reply was cut after {items[0].heard_ms} ms."
        case ev.ResponseEnded(status=status, error=error) if status in ("failed", "incomplete"):
            why = troubles.describe(error, said) or "it gave no reason"
            return logging.WARNING, f"The service did not finish its answer ({status}): {why}."
        case ev.ToolsCalled(names=names):
            return logging.INFO, f"The assistant calls {', '.join(names)}."
        case ev.DeadlineReached():
            return _describe_deadline(before, after)
        case ev.StopRequested(reason):
            return logging.INFO, f"The conversation is to end ({reason})."
        case _ if after is State.IDLE and before is not State.IDLE:
            return logging.INFO, "The conversation is over; waiting for the wake word."
        case _:
            return logging.DEBUG, f"{type(event).__name__}: {before} to {after}."


def _describe_deadline(before: State, after: State) -> tuple[int, str]:
    if before is State.LISTENING and after is State.CLOSING:
        return logging.INFO, "Silence; ending the conversation."
    if before is State.INTERRUPTED:
        return logging.INFO, "No words followed; the reply goes on where it was."
    slow = {
        State.CONNECTING: "The server did not answer in time; giving up. Is the network up?",
        State.LISTENING: "The user's turn lasted too long; asking for an answer.",
        State.THINKING: "No answer came in time; listening again.",
        State.SPEAKING: "The reply lasted too long; listening again.",
        State.CLOSING: "The server did not close the session in time; cut off.",
    }
    return logging.WARNING, slow.get(before, "A deadline passed.")
