"""What the daemon tells of itself in figures: to the journal, the events file and `speakerd ctl status`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

from speakerd import __version__
from speakerd.cashier import Cashier
from speakerd.mic.capture import Capture
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame
from speakerd.reception import Reception
from speakerd.service.eventlog import EventLog
from speakerd.speaker.playback import Playback
from speakerd.switchboard import Switchboard, Tidings
from speakerd.threads import Mailbox


@dataclass(slots=True)
class Gauges:
    """Reads counters of parts, and keeps none."""

    board: Switchboard
    cashier: Cashier
    capture: Capture
    listener: Listener
    playback: Playback
    frames: Mailbox[list[NearFrame]]
    events: Mailbox[Tidings]
    eventlog: EventLog | None
    reception: Reception
    server: str
    """Where the daemon connects to, without secrets."""
    _started_s: float = field(default_factory=time.monotonic, init=False)

    def counters(self) -> dict[str, int]:
        """Totals since the start."""
        board = self.board
        return {
            "capture_xruns": self.capture.xruns,
            "capture_dropped": self.capture.dropped,
            "playback_xruns": self.playback.xruns,
            "playout_underruns": self.playback.underruns,
            "reference_late": self.playback.reference.late,
            "reference_realigned": self.playback.reference.realigned,
            "echo_jumps": self.listener.front_end.echo_jumps,
            "frame_batches_dropped": self.frames.dropped,
            "events_dropped": self.events.dropped,
            "uplink_frames": board.gatekeeper.sent_frames,
            "uplink_overflowed": board.gatekeeper.overflowed_frames,
            "events_ignored": board.conductor.ignored,
            "events_unwritten": self.eventlog.lost if self.eventlog else 0,
            "ledger_unwritten": self.cashier.lost,
            "sessions_renewed": board.link.renewed,
            "sessions_revived": board.link.revived,
            "transcript_failures": board.transcripts.failures,
            **self.reception.counters(),
            **board.clerk.counters(),
        }

    def progress(self) -> tuple[int, int]:
        """Near frames that passed the wake detector, and periods played: they move while all is well."""
        return self.listener.front_end.frames_scored, self.playback.periods

    def facts(self) -> dict[str, Any]:
        """What is told of the daemon as a whole, as JSON values."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "running_s": round(time.monotonic() - self._started_s, 1),
            "wake_words": list(self.board.cast.words),
            "server": self.server,
            "counters": self.counters(),
        }
