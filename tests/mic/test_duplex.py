"""Full duplex with a canceller and a detector that do as they are told, then with the real canceller."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from support.echo_parts import LOUD, Canceller, Detector, Judge, far, make, near

from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected
from speakerd.dsp.aec import WebRtcCanceller
from speakerd.dsp.echoview import ERROR, ESTIMATE, MICROPHONE, OUT, Spectra
from speakerd.mic.duplex import (
    ALONE_FRAMES,
    ANSWER_FRAMES,
    JUDGED_FRAMES,
    REST_AFTER_FRAMES,
    TAIL_FRAMES,
    WARM_UP_FRAMES,
    WORD_FRAMES,
    Duplex,
)
from speakerd.mic.echoless import LOUD_FRAMES
from speakerd.mic.echometer import WINDOW_FRAMES, WINDOWS
from speakerd.pcm import NOTHING_PLAYS, FarFrame, NearFrame, Samples

FloatArray: TypeAlias = NDArray[np.float64]


def test_at_rest_the_frame_passes_untouched_and_nothing_runs() -> None:
    duplex, canceller, _ = make()
    clean, events = duplex.process(near(0), NOTHING_PLAYS)
    assert clean.samples is LOUD
    assert clean.echo_free
    assert events == ()
    assert canceller.calls == 0


def test_it_goes_on_for_two_seconds_after_the_last_sound() -> None:
    duplex, canceller, _ = make()
    duplex.process(near(0), far())
    for index in range(1, REST_AFTER_FRAMES + 50):
        duplex.process(near(index), NOTHING_PLAYS)
    assert canceller.calls == REST_AFTER_FRAMES


def test_what_comes_out_is_the_cancellers_output_with_the_frames_own_place() -> None:
    duplex, _, _ = make()
    clean, _ = duplex.process(near(7), far())
    assert clean.index == 7
    assert np.abs(clean.samples).max() < 200


def test_the_judge_is_asked_only_while_the_assistant_is_audible() -> None:
    duplex, _, judge = make()
    duplex.process(near(0), far(playing=False))  # an earcon
    duplex.process(near(1), far())
    assert judge.fed == [(1, 0.7)]


def test_an_earcon_leaves_the_microphone_as_it_is() -> None:
    duplex, canceller, _ = make()
    clean, _ = duplex.process(near(0), far(playing=False))
    assert clean.samples is LOUD
    assert canceller.calls == 1, "but the canceller learns from it"


def test_the_tail_of_the_assistants_sound_is_cancelled_too() -> None:
    duplex, _, _ = make()
    duplex.process(near(0), far())
    tail = [duplex.process(near(1 + i), NOTHING_PLAYS)[0] for i in range(TAIL_FRAMES + 1)]
    assert all(frame.samples is not LOUD for frame in tail[: TAIL_FRAMES - 1])
    assert tail[TAIL_FRAMES - 1].samples is LOUD


def test_echo_is_not_trusted_to_be_gone_before_its_path_was_learnt() -> None:
    duplex, _, _ = make()
    for index in range(WARM_UP_FRAMES - 1):
        assert not duplex.process(near(index), far())[0].echo_free
    assert not duplex.process(near(200), NOTHING_PLAYS)[0].echo_free, "silence teaches nothing"
    assert duplex.process(near(201), far())[0].echo_free
    assert not duplex.process(near(202), far(aligned=False))[0].echo_free
    for index in range(TAIL_FRAMES):
        clean, _ = duplex.process(near(203 + index), NOTHING_PLAYS)
    assert clean.echo_free, "it has died away"


def test_its_verdicts_come_out() -> None:
    duplex, _, judge = make()
    judge.says = BargeInSuspected(3)
    assert duplex.process(near(4), far())[1] == (BargeInSuspected(3),)
    judge.says = BargeInDetected(3, -20.0)
    assert duplex.process(near(5), far())[1] == (BargeInDetected(3, -20.0),)


def test_an_open_suspicion_ends_with_the_assistants_sound() -> None:
    duplex, _, judge = make()
    judge.at_silence = BargeInDismissed()
    duplex.process(near(0), far())
    assert duplex.process(near(1), far(playing=False))[1] == (BargeInDismissed(),)
    assert duplex.process(near(2), far(playing=False))[1] == ()


def test_it_is_alone_after_two_seconds_in_which_the_detector_heard_nobody() -> None:
    detector = Detector(0.05)
    duplex = Duplex(Canceller(), detector, Judge())
    for index in range(ALONE_FRAMES):
        duplex.process(near(index), far())
        assert not duplex.alone
    duplex.process(near(0), far())
    assert duplex.alone
    detector.says = 0.2
    duplex.process(near(0), far())
    assert not duplex.alone, "somebody may have begun to speak"


def test_it_is_not_alone_in_a_pause_of_the_assistant_in_which_no_detector_judges() -> None:
    duplex = Duplex(Canceller(), Detector(0.05), Judge())
    for index in range(2 * ALONE_FRAMES):
        duplex.process(near(index), far())
    pause = FarFrame(NOTHING_PLAYS.samples, playing=True)
    for index in range(ALONE_FRAMES - 1):
        duplex.process(near(index), pause)
        assert duplex.alone == (index < JUDGED_FRAMES - 1)
    duplex.process(near(0), far())
    assert duplex.alone


def test_a_wake_word_is_doubtful_while_nobody_was_heard_over_the_assistant() -> None:
    detector = Detector(0.6)
    duplex = Duplex(Canceller(), detector, Judge())
    duplex.process(near(0), far())
    detector.says = 0.3
    for index in range(WORD_FRAMES):
        duplex.process(near(index), far())
        assert not duplex.doubtful
    duplex.process(near(0), far())
    assert duplex.doubtful
    assert not duplex.alone, "but somebody may speak faintly, so the models run"
    detector.says = 0.6
    duplex.process(near(0), far())
    assert not duplex.doubtful
    detector.says = 0.3
    for index in range(WORD_FRAMES + 1):
        duplex.process(near(index), far())
    for index in range(ANSWER_FRAMES):
        assert duplex.doubtful, "its last word may still be taken for a wake word"
        duplex.process(near(index), NOTHING_PLAYS)
    assert not duplex.doubtful


def test_after_a_reply_that_ends_in_silence_wake_words_count() -> None:
    duplex = Duplex(Canceller(), Detector(0.3), Judge())
    duplex.process(near(0), far())
    for index in range(2 * REST_AFTER_FRAMES):
        duplex.process(near(index), FarFrame(NOTHING_PLAYS.samples, playing=True))
        assert duplex.doubtful
    for index in range(ANSWER_FRAMES):
        duplex.process(near(index), NOTHING_PLAYS)
    assert duplex.resting
    assert not duplex.doubtful


class Looking(Detector):
    """Keeps what it was shown."""

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        self.out, self.spectra = out, spectra
        return super().score(near, out, far, spectra)


def test_where_the_loudspeaker_is_not_heard_no_wake_word_is_doubtful_and_nothing_is_taken_away() -> None:
    detector = Looking(says=0.3)
    duplex = Duplex(Canceller(), detector, Judge())
    silence = np.zeros(320, np.int16)
    for index in range(LOUD_FRAMES):
        assert duplex.wake_samples is not silence
        duplex.process(NearFrame(silence, index, 0.0), far())
    assert not duplex.doubtful
    clean, _ = duplex.process(near(99), far())
    assert duplex.wake_samples is LOUD
    assert clean.samples is LOUD
    assert detector.out is LOUD
    assert np.array_equal(detector.spectra[OUT], detector.spectra[MICROPHONE])
    assert np.array_equal(detector.spectra[ERROR], detector.spectra[MICROPHONE])
    assert not detector.spectra[ESTIMATE].any()
    assert not duplex.doubtful, "what is heard now is the user"
    duplex.process(near(100), far(aligned=False))
    assert duplex.doubtful, "another card, it may be"


def test_the_beginning_of_a_reply_is_doubtful_though_somebody_spoke_over_the_last_one() -> None:
    detector = Detector(0.6)
    duplex = Duplex(Canceller(), detector, Judge())
    duplex.process(near(0), far())
    assert not duplex.doubtful
    duplex.process(near(1), NOTHING_PLAYS)
    detector.says = 0.3
    duplex.process(near(2), NOTHING_PLAYS)
    assert not duplex.doubtful
    duplex.process(near(3), far())
    assert duplex.doubtful


def test_it_is_never_alone_with_an_earcon() -> None:
    duplex = Duplex(Canceller(), Detector(0.05), Judge())
    for index in range(2 * ALONE_FRAMES):
        duplex.process(near(index), far(playing=False))
    assert not duplex.alone


def test_the_figures_of_a_conversation() -> None:
    duplex, _, _ = make(erle_db=30.0)
    for index in range(WINDOW_FRAMES * WINDOWS):
        duplex.process(near(index), far())
    echo, _ = duplex.take_figures()
    assert echo.erle_db is not None
    assert abs(echo.erle_db - 30) < 1


def in_a_room(sound: FloatArray, delay_frames: int) -> Duplex:
    """After the loudspeaker played all of `sound`, ±1: its echo comes so much later; the real canceller."""
    rng = np.random.default_rng(5)
    taps = np.concatenate([np.zeros(delay_frames), rng.standard_normal(800) * np.exp(-np.arange(800) / 150)])
    echo = np.convolve(sound, taps / np.sqrt((taps**2).sum()))[: sound.size] * 0.5
    played = (sound / np.abs(sound).max() * 9_000).astype(np.int16).reshape(-1, 320)
    heard = (echo / np.abs(sound).max() * 9_000 + rng.standard_normal(echo.size) * 5).astype(np.int16).reshape(-1, 320)
    duplex = Duplex(WebRtcCanceller(), Detector(), Judge())
    for index, (one, other) in enumerate(zip(heard, played, strict=True)):
        duplex.process(NearFrame(one, index, 0.0), FarFrame(other, playing=True))
    return duplex


def test_the_real_canceller_in_a_small_room() -> None:
    rng = np.random.default_rng(5)
    sound = np.convolve(rng.standard_normal(16_000 * 8), np.ones(6) / 6, "same")
    duplex = in_a_room(sound * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(sound.size) / 16_000)), 960)
    assert duplex.half_duplex == ""
    echo_figures, delay_ms = duplex.take_figures()
    assert echo_figures.erle_db is not None
    assert echo_figures.erle_db > 20
    assert delay_ms is not None
    assert 60 <= delay_ms < 70
