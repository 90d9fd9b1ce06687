"""The gentle filter: nothing to explain, nothing lost; an explained echo goes down by its floor at most."""

import numpy as np

from speakerd.dsp.residual import FLOOR, ResidualFilter

RNG = np.random.default_rng(6)
WINDOW = np.hanning(641)[:-1]


def filtered(error: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Whole frames, without the one that it is late."""
    gentle = ResidualFilter()
    out = []
    for start in range(0, error.size - 639, 320):
        spectra = (np.fft.rfft(x[start : start + 640] * WINDOW).astype(np.complex64) for x in (error, estimate))
        out.append(gentle.process(*spectra))
    return np.concatenate(out[1:]) / 32768


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


def test_without_an_echo_the_sound_comes_out_as_it_went_in_one_frame_late() -> None:
    user = RNG.standard_normal(6_400) * 0.05
    out = filtered(user, np.zeros(6_400))
    assert np.allclose(out, user[320 : 320 + out.size], atol=1e-4)


def test_what_the_estimate_explains_is_lowered_to_the_floor() -> None:
    left = RNG.standard_normal(16_000) * 0.01
    out = filtered(left, 10 * left)
    assert level_db(left) - level_db(out) > 12
    assert level_db(left) - level_db(out) <= -20 * np.log10(FLOOR) + 0.5


def test_a_user_louder_than_what_is_left_stays() -> None:
    user = RNG.standard_normal(16_000) * 0.1
    out = filtered(user, RNG.standard_normal(16_000) * 0.03)
    assert abs(level_db(user) - level_db(out)) < 1
