"""Where the whole daemon is tried: its user, the virtual card, and what the card played."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from speakerd.demo.daemon import Daemon
from speakerd.demo.recording import Recorder, Speech, speak
from speakerd.demo.soundcard import VirtualSoundCard

SECRET = "sk-test-0123456789"


WARM_S = 2.6
"""Of playback: no interruption is heard in the first two seconds, in which the echo is learnt."""


class Room:
    """The user's side; whatever was started in it ends with the test."""

    def __init__(self, card: VirtualSoundCard, folder: Path, voice: dict[str, np.ndarray], cleanup: ExitStack) -> None:
        self._card, self._folder, self._voice, self._cleanup = card, folder, voice, cleanup

    def daemon(self, config: str, **environment: str) -> Daemon:
        """A daemon that is ready."""
        daemon = self.bare_daemon(config, **environment)
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        return daemon

    def bare_daemon(self, config: str, **environment: str) -> Daemon:
        """A daemon that was started a moment ago."""
        daemon = Daemon(self._card, self._folder, config, {"OPENAI_API_KEY": SECRET, **environment})
        daemon.start()
        self._cleanup.callback(lambda: daemon.exit_status is None and daemon.stop())
        return daemon

    def daemon_at(self, url: str) -> Daemon:
        """A daemon that is ready and uses this server."""
        return self.daemon(f'realtime: {{url: "{url}"}}\nconversation: {{silence_timeout_s: 1.5}}\n')

    def say(self, line: str) -> Speech:
        """Speak into the microphone; returns at once."""
        speech = speak(self._card, self._voice[line], 16_000)
        self._cleanup.callback(speech.stop)
        return speech

    def echo(self) -> None:
        """From now on the microphone hears the loudspeaker."""
        self._card.loop(40, -20)
        self._cleanup.callback(self._card.noloop)

    def record(self) -> Recorder:
        """Record the loudspeaker from now on."""
        recorder = Recorder(self._card, "speaker")
        recorder.start()
        self._cleanup.callback(recorder.stop)
        return recorder


def losses(sound: np.ndarray, reply: np.ndarray) -> list[tuple[float, float]]:
    """What of `reply` (24 kHz) is nowhere in `sound` (48 kHz): where and how much, in s, by tenths of a second.

    One tenth by itself may be a stutter of the virtual sound card, which a busy machine brings; a word is longer.
    """
    heard = sound[::2].astype(float)
    size = 1 << (heard.size + 2_400).bit_length()
    spectrum = np.fft.rfft(heard, size)
    lost: list[tuple[float, float]] = []
    for tenth in range(reply.size // 2_400):
        clip = reply[2_400 * tenth :][:2_400].astype(float)
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(clip, size)), size)
        here = heard[int(np.argmax(match[: heard.size - clip.size + 1])) :][: clip.size]
        if float(np.dot(here, clip)) >= 0.9 * float(np.linalg.norm(here) * np.linalg.norm(clip)):
            continue
        start_s, length_s = lost.pop() if lost and round(sum(lost[-1]) * 10) == tenth else (tenth / 10, 0.0)
        lost.append((start_s, round(length_s + 0.1, 1)))
    return lost


def likeness(sound: np.ndarray, clip: np.ndarray) -> float:
    """How like the loudness of `clip` (24 kHz) that of `sound` (48 kHz) is over time, at the likeliest place, to 1.

    Other notices come to 0.68 at most. Of loudness, because a stutter of the virtual card on a busy machine shifts
    every sample after it.
    """
    heard, words = loudness(sound[::2]), loudness(clip)
    words -= words.mean()
    pieces = np.lib.stride_tricks.sliding_window_view(heard, words.size)
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    return float(np.max(pieces @ words / np.linalg.norm(words) / (np.linalg.norm(pieces, axis=1) + 1.0)))


def loudness(sound: np.ndarray) -> np.ndarray:
    """RMS of each 20 ms at 24 kHz."""
    blocks = sound[: sound.size // 480 * 480].reshape(-1, 480).astype(float)
    return np.sqrt((blocks**2).mean(axis=1))


def spoken(folder: Path) -> list[np.ndarray]:
    """The notices that were made: int16 mono 24 kHz."""
    return [np.frombuffer(path.read_bytes(), "<i2") for path in (folder / "cache" / "notices").glob("*.pcm")]
