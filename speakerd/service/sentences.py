"""What the journal and `systemctl status` say of what happened, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from logging import DEBUG, INFO, WARNING

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.realtime import troubles
from speakerd.realtime.troubles import Trouble

STATUS = {
    State.IDLE: "Waiting for the wake word",
    State.CONNECTING: "Heard the wake word, connecting",
    State.LISTENING: "Listening to the user",
    State.THINKING: "Waiting for the answer",
    State.SPEAKING: "Answering",
    State.INTERRUPTED: "Interrupted, listening for words",
    State.FINISHING: "Answering, though the connection is lost",
    State.CLOSING: "Ending the conversation",
}


@dataclass(frozen=True, slots=True)
class Telling:
    """An entry of the journal."""

    level: int
    """As in `logging`."""
    kind: str
    """A key of `message_ids.MESSAGE_IDS`."""
    sentence: str


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


def kind_of(trouble: Trouble) -> str:
    """Trouble with the service as a kind of journal entry: `key_refused` is KeyRefused."""
    return "".join(word.capitalize() for word in trouble.split("_"))


def trouble_with(event: ev.Event, before: State, after: State) -> Trouble | None:
    """What an event tells is wrong with the service; None: nothing."""
    match event:
        case ev.SessionEnded(error=code) if code:
            return troubles.trouble_of(code)
        case ev.ResponseEnded(status="failed" | "incomplete", error=code):
            return troubles.trouble_of(code) or Trouble.SERVER_ERROR  # some give no reason
        case ev.DeadlineReached(ran_dry=True) if before is State.SPEAKING and after is not before:
            return Trouble.SERVER_SILENT
        case ev.DeadlineReached() if after is not before:
            return _SILENT.get(before)
        case _:
            return None


def describe(event: ev.Event, before: State, after: State, figures: dict[str, float], said: str = "") -> Telling:
    """What the journal says of an event; `said` is what the service said of a failure."""
    name = type(event).__name__
    match event:
        case ev.WakeDetected(word, score):
            told = {State.SPEAKING: " over the reply; listening"}.get(before, "")
            told = "; connecting" if after is State.CONNECTING else told
            heard = "Called by hand" if event.by_hand else f"Heard {word} (score {score:.2f})"
            return Telling(INFO, name, f"{heard}{told}.")
        case ev.SessionReady():
            live_ms = figures.get("wake_to_live_ms", 0)
            return Telling(INFO, name, f"Connected {live_ms:.0f} ms after the wake word; listening.")
        case ev.SessionEnded(error=error, message=message) if error:
            return failure(error, message, "The session ended")
        case ev.NothingAsked():
            return Telling(INFO, name, "That was the wake word alone; still listening.")
        case ev.PlayoutStarted() if before is State.THINKING:
            return Telling(INFO, name, "Answering.")
        case ev.BargeInDetected() if before is State.SPEAKING and after is not before:
            return Telling(INFO, name, "The user speaks over the reply; listening.")
        case ev.PlayoutFlushed(items) if items:
            return Telling(INFO, name, f"The reply was cut after {items[0].heard_ms} ms.")
        case ev.ResponseEnded(response_id="", error=error) if error:
            return failure(error, said, "The service gave no answer")
        case ev.ResponseEnded(status=status, error=error) if status in ("failed", "incomplete"):
            return failure(error, said, f"The service did not finish its answer ({status})")
        case ev.ToolsCalled(names=names):
            return Telling(INFO, name, f"The assistant calls {', '.join(names)}.")
        case ev.DeadlineReached(ran_dry=True) if before is State.SPEAKING and after is not before:
            return Telling(WARNING, "AnswerTooLate", "The rest of the reply did not come in time; listening again.")
        case ev.DeadlineReached():
            return _describe_deadline(before, after)
        case ev.StopRequested(reason):
            return Telling(INFO, name, f"The conversation is to end ({reason}).")
        case _ if after is State.IDLE and before is not State.IDLE:
            return Telling(INFO, "ConversationOver", "The conversation is over; waiting for the wake word.")
        case _ if after is not before:  # every transition is in the journal
            return Telling(INFO, name, _NOW[after])
        case _:
            return Telling(DEBUG, name, f"{name}: {before} to {after}.")


def failure(code: str, said: str, what: str) -> Telling:
    """`what` happened, for the reason that `code` and what the service `said` tell."""
    trouble = troubles.trouble_of(code)
    kind = "ResponseFailed" if trouble is None else kind_of(trouble)
    return Telling(WARNING, kind, f"{what}: {troubles.describe(code, said) or said or 'it gave no reason'}.")


def _describe_deadline(before: State, after: State) -> Telling:
    if before is State.LISTENING and after is State.CLOSING:
        return Telling(INFO, "SilenceReached", "Silence; ending the conversation.")
    if before is State.INTERRUPTED:
        return Telling(INFO, "FalseInterruption", "No words followed; the reply goes on where it was.")
    late = _TOO_LATE.get(before) if after is not before else None
    return late or Telling(DEBUG, "DeadlineReached", f"DeadlineReached: {before} to {after}.")


_NOW = {
    State.IDLE: "Waiting for the wake word.",
    State.CONNECTING: "Connecting.",
    State.LISTENING: "Listening.",
    State.THINKING: "The turn is over; waiting for the answer.",
    State.SPEAKING: "Answering.",
    State.INTERRUPTED: "The reply pauses.",
    State.FINISHING: "The session ended; the reply goes on to its end.",
    State.CLOSING: "Ending the session.",
}

_TOO_LATE = {
    State.CONNECTING: Telling(
        WARNING, "ConnectTooLate", "The server did not answer in time; giving up. Is the network up?"
    ),
    State.LISTENING: Telling(WARNING, "TurnTooLong", "The user's turn lasted too long; asking for an answer."),
    State.THINKING: Telling(WARNING, "AnswerTooLate", "No answer came in time; listening again."),
    State.SPEAKING: Telling(WARNING, "ReplyTooLong", "The reply lasted too long; listening again."),
    State.FINISHING: Telling(WARNING, "ReplyTooLong", "The reply lasted too long; it was cut."),
    State.CLOSING: Telling(WARNING, "CloseTooLate", "The server did not close the session in time; cut off."),
}


_SILENT = {State.CONNECTING: Trouble.UNREACHABLE, State.THINKING: Trouble.SERVER_SILENT}
"""Where a deadline that is reached is the service's doing."""


def describe_turn(number: int, figures: Mapping[str, float]) -> str:
    """What was measured in a turn."""
    parts = {
        "wake_to_chime_ms": "the chime came {:.0f} ms after the wake word",
        "wake_to_live_ms": "the microphone was live {:.0f} ms after it",
        "speech_end_to_sound_ms": "the reply sounded {:.0f} ms after the user's last word",
        "turn_end_to_sound_ms": "it sounded {:.0f} ms after the server saw the turn's end",
        "voice_to_silence_ms": "it fell silent {:.0f} ms after the user broke in",
        "wake_to_silence_ms": "it fell silent {:.0f} ms after the wake word over it",
    }
    if "speech_end_to_sound_ms" not in figures:
        parts["turn_end_to_sound_ms"] = parts["turn_end_to_sound_ms"].replace("it", "the reply", 1)
    told = [text.format(figures[name]) for name, text in parts.items() if name in figures]
    return f"Turn {number}: {', '.join(told) or 'nothing was measured'}."
