"""When the user begins and stops speaking, decided on the received sound; time is counted in its samples.

The only importer of `webrtcvad` in the server. A frame (20 ms) speaks when webrtcvad says so, when it is
clearly louder than the quiet before it, and when it does not hiss. Earcons are made of sine tones, which
webrtcvad takes for vowels: they are known by their thin, still lines in the spectrum of 300 ms.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import webrtcvad

from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, PERIOD_MS, Samples, level_dbfs, to_bytes
from speakerd.server.settings import ServerVad

ONSET_WINDOW_FRAMES = 15
ONSET_FRAMES = 9
"""Speech starts when 180 of 300 ms speak: shorter than a "no"."""
PAUSE_MS = 200
"""Silence after which a turn may be over: time for the ears to begin, so that the answer is ready sooner."""
HOLD_BELOW_PEAK_DB = 30.0
"""While a turn runs, sound so far below its loudest part is silence, whatever webrtcvad says."""
NOISE_FLATNESS = 0.3
"""Geometric by arithmetic mean of the spectrum's power: about 0.56 for white noise, under 0.1 for vowels."""
TONE_LINES = 4
TONE_SHARE = 0.95
"""300 ms are tones when so much of their energy lies in so many lines of 36 Hz."""
_FRAME_WINDOW = np.hanning(NEAR_PERIOD_FRAMES)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began. `audio_start_ms` includes the prefix padding."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user finished. `audio_end_ms` includes the silence that proved it."""

    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The user may have finished: the last of these before SpeechStopped already saw all words of the turn."""

    at_ms: int


TurnEvent: TypeAlias = SpeechStarted | SpeechPaused | SpeechStopped


def is_noise(frame: Samples) -> bool:
    """True if the spectrum of a 20 ms frame is flat as a hiss, a knock or a rustle is, not that of a vowel."""
    power = np.square(np.abs(np.fft.rfft(frame * _FRAME_WINDOW)))[2:80] + 1e-3
    flatness = float(np.exp(np.mean(np.log(power))) / np.mean(power))
    return flatness > NOISE_FLATNESS


def is_tonal(samples: Samples) -> bool:
    """True if nearly all energy of 300 ms lies in a few thin lines: tones stand still, the pitch of a voice moves."""
    power = np.square(np.abs(np.fft.rfft(samples * np.hanning(samples.size))))
    total = float(power.sum())
    found = 0.0
    for _ in range(TONE_LINES):
        peak = int(power.argmax())
        line = slice(max(0, peak - 5), peak + 6)
        found += float(power[line].sum())
        power[line] = 0.0
    return found > TONE_SHARE * total


class TurnDetector:
    """Feed it 16 kHz sound, it tells turns. Made anew when its settings change; not thread-safe."""

    def __init__(self, settings: ServerVad, start_ms: int, max_turn_ms: int = 120_000) -> None:
        """`start_ms`: audio received in this session before the first sample that is fed."""
        mode = 1 if settings.threshold < 0.3 else 2 if settings.threshold < 0.7 else 3
        self._vad = webrtcvad.Vad(mode)
        self._settings = settings
        self._margin_db = 6.0 + 8.0 * settings.threshold
        self._least_dbfs = -62.0 + 20.0 * settings.threshold
        self._silence_frames = max(1, settings.silence_duration_ms // PERIOD_MS)
        self._pause_frames = min(PAUSE_MS // PERIOD_MS, self._silence_frames // 2)
        self._max_turn_frames = max_turn_ms // PERIOD_MS
        self._pending = np.empty(0, dtype=np.int16)
        self._frames = 0
        self._start_ms = start_ms
        self._earliest_ms = start_ms
        self._recent: deque[bool] = deque(maxlen=ONSET_WINDOW_FRAMES)
        self._recent_sound: deque[Samples] = deque(maxlen=ONSET_WINDOW_FRAMES)
        self._floor_dbfs = -60.0
        self._peak_dbfs = -120.0
        self._quiet_frames = 0
        self._turn_frames = 0
        self.speaking = False

    @property
    def now_ms(self) -> int:
        """Audio judged so far, on the session's clock."""
        return self._start_ms + self._frames * PERIOD_MS

    def feed(self, samples: Samples) -> list[TurnEvent]:
        """Judge more sound (int16 mono 16 kHz, any length)."""
        pending = np.concatenate([self._pending, samples])
        events: list[TurnEvent] = []
        whole = pending.size // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES
        for start in range(0, whole, NEAR_PERIOD_FRAMES):
            self._frames += 1
            event = self._judge(pending[start : start + NEAR_PERIOD_FRAMES])
            if event is not None:
                events.append(event)
        self._pending = pending[whole:]
        return events

    def _judge(self, frame: Samples) -> TurnEvent | None:
        level = level_dbfs(frame)
        voiced = level > self._least_dbfs and self._vad.is_speech(to_bytes(frame), NEAR_RATE_HZ)
        if self.speaking:
            return self._judge_turn(voiced, level)
        voiced = voiced and level > self._floor_dbfs + self._margin_db and not is_noise(frame)
        self._follow_floor(level)
        self._recent.append(voiced)
        self._recent_sound.append(frame)
        if sum(self._recent) < ONSET_FRAMES or is_tonal(np.concatenate(self._recent_sound)):
            return None
        self.speaking = True
        self._quiet_frames = 0
        self._turn_frames = len(self._recent)
        self._peak_dbfs = level
        onset_ms = self.now_ms - (len(self._recent) - self._recent.index(True)) * PERIOD_MS
        self._recent.clear()
        self._recent_sound.clear()
        return SpeechStarted(max(self._earliest_ms, onset_ms - self._settings.prefix_padding_ms))

    def _judge_turn(self, voiced: bool, level: float) -> TurnEvent | None:
        self._peak_dbfs = max(self._peak_dbfs - 0.02, level)
        self._turn_frames += 1
        if voiced and level > self._peak_dbfs - HOLD_BELOW_PEAK_DB:
            # One lone frame does not renew the turn: a click in the pause must not delay the answer.
            self._quiet_frames = max(0, self._quiet_frames - 5)
        else:
            self._quiet_frames += 1
            if self._quiet_frames == self._pause_frames:
                return SpeechPaused(self.now_ms)
        if self._quiet_frames < self._silence_frames and self._turn_frames < self._max_turn_frames:
            return None
        self.speaking = False
        self._earliest_ms = self.now_ms
        return SpeechStopped(self.now_ms)

    def _follow_floor(self, level: float) -> None:
        """The noise floor falls at once and rises 3 dB a second."""
        self._floor_dbfs = max(-75.0, min(level, self._floor_dbfs + 0.06))
