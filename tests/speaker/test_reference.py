"""The reference keeps step with the microphone by counting frames alone."""

import numpy as np
import pytest

from speakerd.pcm import NEAR_PERIOD_FRAMES
from speakerd.speaker.reference import (
    BOUND_FRAMES,
    KEPT_SLACK_FRAMES,
    MOST_LATE_PULLS,
    MOST_SLACK_FRAMES,
    URGENT_SLACK_FRAMES,
    WINDOW_PULLS,
    Reference,
)

P = NEAR_PERIOD_FRAMES


def when(sample: np.int16) -> int:
    """The place at which a sample was written."""
    return int(sample) + 32_000


class Card:
    """Pushes a counting signal, so that what is pulled tells when it was written."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.written = 1

    def write(self, frames: int = P, *, loud: bool = True) -> None:
        count = np.arange(self.written, self.written + frames) - 32_000  # 4 s of it fit
        self.reference.push(count.astype(np.int16) if loud else np.zeros(frames, np.int16), 16_000)
        self.written += frames


def run(reference: Reference, card: Card, pulls: int, *, loud: bool = True) -> list[bool]:
    """A push and a pull, again and again; the alignment told each time."""
    steps = []
    for _ in range(pulls):
        card.write(loud=loud)
        steps.append(reference.pull(gap=False)[1])
    return steps


def test_what_was_written_comes_out_once_and_in_order() -> None:
    reference = Reference()
    card = Card(reference)
    card.write()
    pulled = []
    for _ in range(20):
        card.write()
        pulled.append(reference.pull(gap=False)[0])
    sound = np.concatenate(pulled)
    assert np.array_equal(np.diff(sound), np.ones(sound.size - 1))


def test_a_resting_card_is_silence_in_step() -> None:
    reference = Reference()
    far, aligned = reference.pull(gap=False)
    assert far.size == P
    assert not far.any()
    assert aligned


def test_the_first_sound_begins_a_new_alignment_close_to_what_was_written() -> None:
    reference = Reference()
    card = Card(reference)
    card.write()
    card.write()  # a card that starts is filled at once
    far, aligned = reference.pull(gap=False)
    assert not aligned
    assert card.written - when(far[-1]) - 1 == KEPT_SLACK_FRAMES
    assert run(reference, card, 10) == [True] * 10


@pytest.mark.parametrize("late_pulls", [1, 3])
def test_a_late_thread_costs_silence_and_moves_nothing(late_pulls: int) -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 30)
    place = when(reference.pull(gap=False)[0][0]) - 30 * P  # what was left of the first two
    for _ in range(late_pulls):  # the playback thread sleeps
        far, aligned = reference.pull(gap=False)
        assert aligned
        assert not far[-1]
    assert reference.late >= late_pulls
    for _ in range(late_pulls + 1):  # and makes up for it
        card.write()
    card.write()
    for pull in range(31 + late_pulls, 60):
        far, aligned = reference.pull(gap=False)
        assert aligned
        assert when(far[0]) == place + pull * P, "each sample still goes with the near frame it went with before"
        card.write()


def test_one_that_stays_late_moves_the_rest() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 30)
    reference.pull(gap=False)
    steps = run(reference, card, 3 * WINDOW_PULLS)  # always a period too late
    assert steps.count(False) == 1
    assert reference.late == MOST_LATE_PULLS + 1
    assert reference.realigned >= 1


def test_slack_that_nobody_used_is_taken_away_in_silence() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 5, loud=False)
    card.write(MOST_SLACK_FRAMES - KEPT_SLACK_FRAMES + 32, loud=False)
    steps = run(reference, card, 2 * WINDOW_PULLS, loud=False)
    assert steps.count(False) == 1
    run(reference, card, 3)
    card.write()
    far = reference.pull(gap=False)[0]
    assert card.written - when(far[-1]) - 1 == KEPT_SLACK_FRAMES


def test_little_slack_stays_while_something_sounds_and_much_does_not() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 5)
    card.write(MOST_SLACK_FRAMES - KEPT_SLACK_FRAMES + 32)
    assert all(run(reference, card, WINDOW_PULLS))
    card.write(URGENT_SLACK_FRAMES)
    assert run(reference, card, 2 * WINDOW_PULLS).count(False) == 1
    assert reference.realigned >= 1


@pytest.mark.parametrize("ratio", [1.0001, 0.9999])
def test_clocks_that_drift_by_100_ppm_never_cost_the_alignment(ratio: float) -> None:
    """A minute of sound and a second of silence, for ten minutes."""
    reference = Reference()
    steps: list[bool] = []
    due = 0.0
    for pull in range(10 * 61 * 50):
        due += 320 * ratio
        block = np.full(int(due), 0 if pull % 3_050 >= 3_000 else 1_000, np.int16)
        due -= block.size
        reference.push(block, 16_000)
        steps.append(reference.pull(gap=False)[1])
    assert all(steps[2:])
    assert reference._frames <= MOST_SLACK_FRAMES + 128


def test_a_step_too_small_to_matter_is_none() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 30)
    card.write(P - KEPT_SLACK_FRAMES - 20)  # 20 frames are missing: 1.25 ms
    assert reference.pull(gap=False)[1]
    assert reference.late == 1


def test_lost_near_sound_moves_the_reference_up_to_the_present() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 10)
    card.write(5 * P)  # went on while the microphone stood still
    card.write()
    far, aligned = reference.pull(gap=True)
    assert not aligned
    assert card.written - when(far[-1]) - 1 == KEPT_SLACK_FRAMES


def test_what_a_silenced_card_held_is_not_handed_out() -> None:
    reference = Reference()
    card = Card(reference)
    run(reference, card, 10)
    card.write()
    reference.interrupt()
    assert not reference.pull(gap=False)[0].any()
    begun = card.written
    card.write(P + KEPT_SLACK_FRAMES)
    far, aligned = reference.pull(gap=False)
    assert not aligned
    assert when(far[0]) == begun


def test_a_reference_that_nobody_pulls_stays_small() -> None:
    reference = Reference()
    card = Card(reference)
    for _ in range(60):
        card.write()
        assert reference._frames <= BOUND_FRAMES
    far = reference.pull(gap=False)[0]
    assert card.written - when(far[-1]) < BOUND_FRAMES


def test_any_rate_gives_twenty_milliseconds_a_period() -> None:
    for rate_hz in (8_000, 24_000, 44_100, 48_000, 96_000):
        reference = Reference()
        tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(2 * rate_hz) / rate_hz)).astype(np.int16)
        pulled = []
        steps = []
        for start in range(0, tone.size, rate_hz // 50):
            reference.push(tone[start : start + rate_hz // 50], rate_hz)
            far, aligned = reference.pull(gap=False)
            pulled.append(far)
            steps.append(aligned)
        assert all(steps[3:])
        sound = np.concatenate(pulled[5:]).astype(float)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
        assert abs(np.argmax(spectrum) * 16_000 / sound.size - 440) < 1
