"""Joins the uplink's gate to the wire: what the gate lets through is sent. Owned by the loop."""

from __future__ import annotations

from collections.abc import Callable

from speakerd.config.model import Realtime
from speakerd.mic.uplink import Gate, Uplink, silence
from speakerd.pcm import NearFrame

END_TURN_MARGIN_MS = 300
"""Silence sent beyond what the server's turn detection asks for."""


HELD_MARGIN_MS = 3_000
"""Sound kept beyond the time that a connection may take."""


class Gatekeeper:
    """The conductor's uplink port."""

    def __init__(self, send: Callable[[bytes], None], realtime: Realtime) -> None:
        """`send` takes int16 mono 24 kHz bytes."""
        self._send = send
        self._uplink = Uplink(_held_ms(realtime))
        self._muted = False
        self._end_turn_ms = realtime.turn_detection.silence_duration_ms + END_TURN_MARGIN_MS

    def use(self, realtime: Realtime) -> None:
        """These settings from now on; between conversations. What was heard before is forgotten."""
        old, self._uplink = self._uplink, Uplink(_held_ms(realtime))
        self._uplink.sent_frames, self._uplink.overflowed_frames = old.sent_frames, old.overflowed_frames
        self._end_turn_ms = realtime.turn_detection.silence_duration_ms + END_TURN_MARGIN_MS

    @property
    def gate(self) -> Gate:
        """Closed, held or open."""
        return self._uplink.gate

    @property
    def muted(self) -> bool:
        """Nothing is sent and nothing is kept, whatever the gate."""
        return self._muted

    @property
    def sent_frames(self) -> int:
        """Near frames (20 ms) sent since the process started."""
        return self._uplink.sent_frames

    @property
    def overflowed_frames(self) -> int:
        """Near frames lost because the gate was held for too long."""
        return self._uplink.overflowed_frames

    def push(self, frame: NearFrame) -> None:
        """Take the next frame from the microphone."""
        if not self._muted:
            self._send_all(self._uplink.push(frame))

    def mute(self, *, muted: bool) -> None:
        """Shut the microphone off, or take it in again: what was heard before and meanwhile is never sent."""
        if muted is not self._muted:
            self._muted = muted
            self._uplink.forget()

    def hold(self, from_index: int | None) -> None:
        """Keep frames from this one on, send none."""
        self._send_all(self._uplink.hold(from_index))

    def open(self, from_index: int | None, skip_ms: int, voice_index: int | None = None) -> None:
        """Send what is held, then every frame; from `voice_index` on with more of the user in it."""
        self._send_all(self._uplink.open(from_index, skip_ms, voice_index))

    def end_turn(self) -> None:
        """Send silence until the server's turn detection must believe that the user has finished."""
        self._send_all(silence(self._end_turn_ms))

    def close(self) -> None:
        """Send nothing, hold nothing."""
        self._uplink.close()

    def _send_all(self, chunks: list[bytes]) -> None:
        if not self._muted:
            for chunk in chunks:
                self._send(chunk)


def _held_ms(realtime: Realtime) -> int:
    return round(realtime.connect_timeout_s * 1000) + HELD_MARGIN_MS
