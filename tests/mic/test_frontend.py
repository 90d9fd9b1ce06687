from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from speakerd.config.model import BargeIn, Wake, WakeWord
from speakerd.conversation.events import BargeInDetected, SpeechDetected, WakeDetected
from speakerd.errors import ConfigError
from speakerd.mic.frontend import FrontEnd, HeardEvent
from speakerd.pcm import NEAR_PERIOD_FRAMES, NearFrame, Samples

JARVIS = Wake(words=(WakeWord(model="hey_jarvis"),))


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * 16_000), np.int16)


def heard(
    front_end: FrontEnd,
    *sound: Samples,
    first_index: int = 0,
    far_dbfs: float | None = None,
    gaps: tuple[int, ...] = (),
) -> list[HeardEvent]:
    samples = np.concatenate(sound)
    whole = samples[: len(samples) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    frames = (NearFrame(frame, first_index + i, 0.0, gap=i in gaps) for i, frame in enumerate(whole))
    return [event for frame in frames for event in front_end.process(frame, far_dbfs)]


def test_a_wake_word_and_its_speech_are_heard_in_order_on_the_sample_clock(say: Callable[..., Samples]) -> None:
    said = say("Hey Jarvis")
    events = heard(FrontEnd(JARVIS), silence(2), said, silence(1.5), first_index=1_000)
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
    events = heard(FrontEnd(JARVIS), silence(2), cut, silence(1.5), gaps=(gap,))
    assert [type(event) for event in events].count(WakeDetected) == 1


def test_an_interruption_is_heard_only_while_the_loudspeaker_plays(say: Callable[..., Samples]) -> None:
    front_end = FrontEnd(JARVIS)
    sound = (silence(1), say("Please stop talking now."))
    assert not any(isinstance(e, BargeInDetected) for e in heard(front_end, *sound))
    front_end.far_end_active(True)
    during = [e for e in heard(front_end, *sound, first_index=5_000) if isinstance(e, BargeInDetected)]
    assert during
    assert 5_050 <= during[0].onset_index < 5_080
    front_end.far_end_active(False)
    assert not any(isinstance(e, BargeInDetected) for e in heard(front_end, *sound, first_index=9_000))


def test_frames_from_before_a_pause_of_the_loudspeaker_do_not_count(say: Callable[..., Samples]) -> None:
    sound = np.concatenate([silence(0.4), say("Please stop talking now.")])

    def frames_until_decision(pause_at: int | None) -> int:
        front_end = FrontEnd(JARVIS)
        front_end.far_end_active(True)
        for index, samples in enumerate(sound[: len(sound) // 320 * 320].reshape(-1, 320)):
            if index == pause_at:
                front_end.far_end_active(False)
                front_end.far_end_active(True)
            if any(isinstance(e, BargeInDetected) for e in front_end.process(NearFrame(samples, index, 0.0))):
                return index
        raise AssertionError("no interruption was heard")

    decided = frames_until_decision(None)
    assert frames_until_decision(pause_at=decided) >= decided + 7


def test_a_far_end_louder_than_the_voice_hides_it(say: Callable[..., Samples]) -> None:
    front_end = FrontEnd(JARVIS)
    front_end.far_end_active(True)
    events = heard(front_end, silence(0.2), say("Please stop talking now."), far_dbfs=-3.0)
    assert not any(isinstance(e, BargeInDetected) for e in events)


@pytest.mark.parametrize("barge_in", [BargeIn.OFF, BargeIn.WAKE_WORD])
def test_speech_interrupts_only_if_the_configuration_says_so(say: Callable[..., Samples], barge_in: BargeIn) -> None:
    front_end = FrontEnd(JARVIS, barge_in)
    front_end.far_end_active(True)
    events = heard(front_end, silence(1), say("Hey Jarvis, please stop talking now."), silence(1))
    assert any(isinstance(e, WakeDetected) for e in events)
    assert not any(isinstance(e, BargeInDetected) for e in events)


def test_frames_that_passed_the_wake_models_are_counted() -> None:
    front_end = FrontEnd(JARVIS)
    assert front_end.frames_scored == 0
    assert heard(front_end, silence(1)) == []
    assert front_end.frames_scored == 48  # 50 frames, in fours


def test_a_model_that_cannot_be_used_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="did you mean hey_jarvis"):
        FrontEnd(Wake(words=(WakeWord(model="hey_jarvi"),)))


def test_importing_it_loads_nothing_heavy_and_no_native_code_of_pyopen_wakeword() -> None:
    code = (
        "import sys, speakerd.mic.frontend\n"
        "heavy = {'scipy', 'sklearn', 'pandas', 'tensorflow', 'torch', 'onnxruntime', 'pyopen_wakeword', 'websockets',"
        " 'numpy.random', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
