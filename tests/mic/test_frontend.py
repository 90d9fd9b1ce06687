from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from speakerd.config.model import Wake, WakeWord
from speakerd.conversation.events import DuplexChanged, SpeechDetected, WakeDetected
from speakerd.dsp.aec import WebRtcCanceller
from speakerd.errors import ConfigError
from speakerd.mic.bargein import BargeInJudge
from speakerd.mic.doubletalk import DoubleTalk
from speakerd.mic.duplex import OFF, Duplex
from speakerd.mic.echometer import EchoMeter
from speakerd.mic.frontend import FrontEnd, HeardEvent
from speakerd.pcm import NEAR_PERIOD_FRAMES, NOTHING_PLAYS, FarFrame, NearFrame, Samples, level_dbfs

JARVIS = Wake(words=(WakeWord(model="hey_jarvis"),))


def front() -> FrontEnd:
    return FrontEnd(JARVIS, Duplex(WebRtcCanceller(), None, None))


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * 16_000), np.int16)


def heard(
    front_end: FrontEnd,
    *sound: Samples,
    first_index: int = 0,
    gaps: tuple[int, ...] = (),
) -> list[HeardEvent]:
    samples = np.concatenate(sound)
    whole = samples[: len(samples) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    frames = (NearFrame(frame, first_index + i, 0.0, gap=i in gaps) for i, frame in enumerate(whole))
    return [event for frame in frames for event in front_end.process(frame, NOTHING_PLAYS)[1]]


def test_a_wake_word_and_its_speech_are_heard_in_order_on_the_sample_clock(say: Callable[..., Samples]) -> None:
    said = say("Hey Jarvis")
    events = heard(front(), silence(2), said, silence(1.5), first_index=1_000)
    start, wake, stop = events
    assert isinstance(start, SpeechDetected)
    assert isinstance(wake, WakeDetected)
    assert isinstance(stop, SpeechDetected)
    assert (start.started, stop.started) == (True, False)
    assert 1_100 <= start.frame_index < 1_120
    assert start.frame_index < wake.frame_index < 1_100 + len(said) // NEAR_PERIOD_FRAMES + 25
    assert start.frame_index < stop.frame_index <= 1_100 + len(said) // NEAR_PERIOD_FRAMES + 10
    assert wake.word == "hey_jarvis"
    assert 0.5 <= wake.score <= 1
    assert start.level_dbfs > -50


def test_a_gap_in_the_word_is_survived(say: Callable[..., Samples]) -> None:
    said = say("Hey Jarvis")
    middle = len(said) // 2 // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES
    cut = np.concatenate([said[:middle], said[middle + NEAR_PERIOD_FRAMES :]])
    gap = 100 + middle // NEAR_PERIOD_FRAMES
    events = heard(front(), silence(2), cut, silence(1.5), gaps=(gap,))
    assert [type(event) for event in events].count(WakeDetected) == 1


def hiss(seconds: float) -> Samples:
    """Of a room with a fan: what may be an echo of the tone, for all that can be told from its level."""
    return (np.random.default_rng(1).standard_normal(round(seconds * 16_000)) * 100).astype(np.int16)


def over_a_tone(front_end: FrontEnd, *sound: Samples, playing: bool = True) -> list[HeardEvent]:
    """What is heard of the sound while the loudspeaker plays a tone that no microphone catches."""
    samples = np.concatenate(sound)
    tone = (3_000 * np.sin(2 * np.pi * 440 * np.arange(NEAR_PERIOD_FRAMES) / 16_000)).astype(np.int16)
    frames = samples[: len(samples) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    far = FarFrame(tone, playing)
    return [e for i, frame in enumerate(frames) for e in front_end.process(NearFrame(frame, i, 0.0), far)[1]]


def test_a_wake_word_over_the_loudspeaker_is_heard_behind_the_canceller(say: Callable[..., Samples]) -> None:
    front_end = FrontEnd(JARVIS, Duplex(WebRtcCanceller(), None, None))
    events = over_a_tone(front_end, hiss(2), say("Hey Jarvis"), hiss(1))
    assert [event.word for event in events if isinstance(event, WakeDetected)] == ["hey_jarvis"]


class Deafening:
    """A canceller that takes the user for echo."""

    def process(self, near: Samples, far: Samples) -> Samples:
        return np.zeros_like(near)


def test_a_wake_word_is_heard_though_the_canceller_leaves_nothing(say: Callable[..., Samples]) -> None:
    front_end = FrontEnd(JARVIS, Duplex(Deafening(), None, None))
    events = over_a_tone(front_end, hiss(4), say("Hey Jarvis"), hiss(1))
    assert [event.word for event in events if isinstance(event, WakeDetected)] == ["hey_jarvis"]


class ToldMeter(EchoMeter):
    """Knows what it is told, and measures nothing."""

    def feed(self, near_dbfs: float, out_dbfs: float, *, far_audible: bool) -> None:
        pass


@pytest.mark.parametrize("room", range(3))
def test_a_reply_that_ends_with_a_wake_word_wakes_nobody(say: Callable[..., Samples], room: int) -> None:
    alexa = Wake(words=(WakeWord(model="alexa"),))
    front_end = FrontEnd(alexa, Duplex(WebRtcCanceller(), DoubleTalk(), BargeInJudge()))
    said = say("I am Alexa")
    said = said[: np.flatnonzero(np.abs(said) > 300)[-1] + 400]
    played = np.concatenate([silence(3), said, silence(2)])
    played = played[: played.size // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES]
    rng, ms = np.random.default_rng(room), 200 * (room + 1)
    answer = rng.standard_normal(16 * ms) * np.exp(-6.9 * np.arange(16 * ms) / (16 * ms))
    answer[0] += 3
    echo = np.convolve(played, np.concatenate([np.zeros(960), 0.4 * answer / np.linalg.norm(answer)]))[: played.size]
    sound = (echo + rng.standard_normal(echo.size) * 15).astype(np.int16)
    events: list[HeardEvent] = []
    for index, start in enumerate(range(0, played.size, NEAR_PERIOD_FRAMES)):
        part = slice(start, start + NEAR_PERIOD_FRAMES)
        audible = 48_000 <= start < 48_000 + said.size + 3 * NEAR_PERIOD_FRAMES
        events += front_end.process(NearFrame(sound[part], index, 0.0), FarFrame(played[part], playing=audible))[1]
    assert not [event for event in events if isinstance(event, WakeDetected)]


def test_poor_cancellation_is_told_once_when_it_begins_and_when_it_ends() -> None:
    duplex = Duplex(WebRtcCanceller(), None, BargeInJudge())
    duplex._meter = ToldMeter()
    front_end = FrontEnd(JARVIS, duplex)
    assert over_a_tone(front_end, hiss(1)) == []
    duplex._meter.poor = True
    (told,) = over_a_tone(front_end, hiss(1))
    assert isinstance(told, DuplexChanged)
    assert told.reason
    duplex._meter.poor = False
    assert over_a_tone(front_end, hiss(1)) == [DuplexChanged("")]


def test_a_canceller_that_is_switched_off_is_told_at_the_start() -> None:
    front_end = FrontEnd(JARVIS, Duplex(None, None, None))
    assert heard(front_end, silence(1)) == [DuplexChanged(OFF)]


def test_the_users_level_is_measured_while_nothing_plays(say: Callable[..., Samples]) -> None:
    front_end = FrontEnd(JARVIS, Duplex(None, None, None))
    said = say("Please turn on the lights in the kitchen.")
    heard(front_end, silence(1), said)
    near_dbfs = front_end.take_figures().near_dbfs
    assert near_dbfs is not None
    assert abs(near_dbfs - level_dbfs(said)) < 8
    assert front_end.take_figures().near_dbfs is None


def test_frames_that_passed_the_wake_models_are_counted() -> None:
    front_end = front()
    assert front_end.frames_scored == 0
    assert heard(front_end, silence(1)) == []
    assert front_end.frames_scored == 48  # 50 frames, in fours


def test_speech_that_began_before_another_took_its_place_ends(say: Callable[..., Samples]) -> None:
    old, new = front(), front()
    said = say("Hey Jarvis")
    begun = heard(old, silence(2), said[: len(said) // 2])
    assert [event.started for event in begun if isinstance(event, SpeechDetected)] == [True]
    new.succeed(old)
    ended = heard(new, silence(1), first_index=200)
    assert [event.started for event in ended if isinstance(event, SpeechDetected)] == [False]


def test_a_model_that_cannot_be_used_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="did you mean hey_jarvis"):
        FrontEnd(Wake(words=(WakeWord(model="hey_jarvi"),)), Duplex(None, None, None))


def test_importing_it_loads_nothing_heavy_and_no_native_code_of_pyopen_wakeword() -> None:
    code = (
        "import sys, speakerd.mic.frontend\n"
        "heavy = {'scipy', 'sklearn', 'pandas', 'tensorflow', 'torch', 'onnxruntime', 'pyopen_wakeword', 'websockets',"
        " 'numpy.random', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
