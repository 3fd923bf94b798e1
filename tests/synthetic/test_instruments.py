import numpy as np
import pytest

from genre.synthetic.instruments import DRUMS, INSTRUMENTS, RELEASE_SECONDS, render_drum, render_note, render_texture

RATE = 22050


def peak_frequency(samples: np.ndarray) -> float:
    """Frequency of the largest peak of the spectrum in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_a_note_has_its_length_and_ends_in_silence(name: str) -> None:
    samples = render_note(INSTRUMENTS[name], 220.0, 0.5, RATE, np.random.default_rng(0))
    assert samples.shape == (int((0.5 + RELEASE_SECONDS) * RATE),)
    assert np.isfinite(samples).all()
    assert samples.std() > 0.01
    assert abs(samples[-1]) < 1e-6


@pytest.mark.parametrize("hz", [110.0, 440.0, 880.0])
def test_a_note_has_its_pitch(hz: float) -> None:
    samples = render_note(INSTRUMENTS["flute"], hz, 1.0, RATE, np.random.default_rng(0))
    assert peak_frequency(samples) == pytest.approx(hz, rel=0.02)


def test_harmonics_above_the_nyquist_frequency_do_not_fold_back() -> None:
    samples = render_note(INSTRUMENTS["saw"], 5000.0, 1.0, RATE, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    assert power[hz < 4000].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("name", DRUMS)
def test_a_drum_decays(name: str) -> None:
    samples = render_drum(DRUMS[name], RATE, np.random.default_rng(0))
    assert np.isfinite(samples).all()
    quarter = len(samples) // 4
    assert np.abs(samples[:quarter]).max() > 10 * np.abs(samples[-quarter:]).max()


def test_a_texture_is_different_for_each_seed() -> None:
    one, other = (render_texture(RATE, RATE, np.random.default_rng(seed)) for seed in (0, 1))
    assert one.shape == (RATE,)
    assert np.isfinite(one).all()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5
