"""The view shows each sound in its own row, under a window that adds up to one."""

import numpy as np

from speakerd.dsp.echoview import ERROR, ESTIMATE, EchoView

RNG = np.random.default_rng(4)


def noise() -> np.ndarray:
    return (RNG.standard_normal(320) * 2_000).astype(np.int16)


def test_each_sound_has_its_row() -> None:
    view = EchoView()
    sounds = [noise() for _ in range(3)]
    view.process(*(np.zeros(320, np.int16) for _ in range(3)))
    spectra = view.process(*sounds)
    window = np.hanning(641)[:-1]
    for row, sound in enumerate(sounds):
        wanted = np.fft.rfft(np.concatenate([np.zeros(320), sound / 32768]) * window)
        assert np.allclose(spectra[row], wanted, atol=1e-3)


def test_error_and_estimate_add_up_to_the_microphone() -> None:
    view = EchoView()
    for _ in range(50):
        far = noise()
        near = (far * 0.3).astype(np.int16)
        spectra = view.process(near, near, far)
    assert np.allclose(spectra[ERROR] + spectra[ESTIMATE], spectra[0], atol=1e-3)
    assert np.abs(spectra[ESTIMATE]).sum() > 5 * np.abs(spectra[ERROR]).sum()


def test_the_delay_is_that_of_the_echo() -> None:
    view = EchoView()
    far = (RNG.standard_normal(16_000 * 2) * 2_000).astype(np.int16)
    near = np.concatenate([np.zeros(1_600, np.int16), (far * 0.5).astype(np.int16)])
    assert view.echo_delay_ms is None
    for start in range(0, far.size, 320):
        block = slice(start, start + 320)
        view.process(near[block], near[block], far[block])
    delay_ms = view.echo_delay_ms
    assert delay_ms is not None
    assert abs(delay_ms - 100) < 1
