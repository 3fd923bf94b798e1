from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genre.synthetic import composer
from genre.synthetic.artist import Artist, Timbre
from genre.synthetic.composer import render
from genre.synthetic.genres import GENRES, ROLES

RATE, BLOCK = 22050, 1024


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Power in dB of 24 bands between 40 Hz and 11 kHz, spaced evenly in log frequency, shape (frames, 24)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * BLOCK)[:: BLOCK // 2] * np.hanning(2 * BLOCK)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.maximum(np.geomspace(4, BLOCK, 25).astype(int), np.arange(4, 29))
    return 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) + 1e-6)


def solo(role: str, genre: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Ten seconds of one role of a track without equalizer and noise; no role is borrowed."""
    monkeypatch.setattr(composer, "BORROWED", 0.0)
    artist = Artist.sample(0, 1, genre)
    timbres = [Timbre(0.0 if name == role else -200.0, 0.05, 1.0, 2.0, 0.5) for name in ROLES]
    return render(replace(artist, timbres=tuple(timbres), eq=(0.0,) * 9, noise=-200.0), 0, 10.0, RATE)


def test_the_artist_and_the_track_number_determine_every_sample() -> None:
    artist = Artist.sample(5, 3, "Jazz")
    first = render(artist, 0, 1.0, RATE)
    assert first.shape == (RATE,)
    assert np.array_equal(first, render(Artist.sample(5, 3, "Jazz"), 0, 1.0, RATE))
    assert not np.array_equal(first, render(artist, 1, 1.0, RATE))
    assert not np.array_equal(first, render(Artist.sample(6, 3, "Jazz"), 0, 1.0, RATE))
    assert np.abs(first).max() <= 1


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_is_audible(genre: str) -> None:
    samples = render(Artist.sample(0, 1, genre), 0, 3.0, RATE)
    assert np.isfinite(samples).all()
    blocks = samples[: len(samples) // 1102 * 1102].reshape(-1, 1102)
    assert (np.sqrt((blocks**2).mean(axis=1)) > 1e-3).mean() > 0.5


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize("seconds", [0.3, 0.5, 2.0])
def test_any_start_in_the_bar_and_any_length_can_be_rendered(genre: str, seconds: float) -> None:
    for number in range(20):
        assert render(Artist.sample(1, number, genre), 0, seconds, RATE).shape == (round(seconds * RATE),)


def test_the_kick_of_electronic_music_is_on_each_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    level = np.abs(solo("kick", "Electronic", monkeypatch))[: 10 * RATE // 441 * 441].reshape(-1, 441).mean(axis=1)
    level -= level.mean()
    lags = np.arange(15, 40)  # of 20 ms: 75 to 200 beats per minute
    best = lags[np.argmax([(level[:-lag] * level[lag:]).sum() for lag in lags])]
    low, high = GENRES["Electronic"].tempo
    assert low - 4 < 60 / (best * 0.02) < high + 4


@pytest.mark.parametrize(("genre", "swells"), [("Rock", False), ("Experimental", True)])
def test_notes_that_swell_are_loudest_at_their_end(genre: str, swells: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    level = np.abs(solo("snare", genre, monkeypatch))[: 10 * RATE // 441 * 441].reshape(-1, 441).mean(axis=1)
    change = np.diff(level)
    assert (abs(change.min()) > 1.5 * change.max()) == swells
    assert (change.max() > 1.5 * abs(change.min())) != swells


@pytest.mark.parametrize(("genre", "direction"), [("Rock", -1), ("Electronic", 1)])
def test_the_melody_of_rock_falls_and_that_of_electronic_music_rises(
    genre: str, direction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.lib.stride_tricks.sliding_window_view(solo("lead", genre, monkeypatch), 4096)[::512]
    pitch = np.abs(np.fft.rfft(frames * np.hanning(4096), axis=1)).argmax(axis=1)
    steps = np.sign(np.diff(pitch[np.append(True, np.diff(pitch) != 0)]))
    assert (steps == direction).mean() > 0.7


def test_a_tone_has_no_harmonic_above_the_nyquist_frequency() -> None:
    for samples, harmonics in ((100.0, 10), (9.0, 4), (2.5, 1)):
        levels = np.abs(np.fft.rfft(composer._period(Timbre(0.0, 0.1, 1.0, 1.0, 0.5), samples)))
        assert np.flatnonzero(levels > 1e-3 * levels.max()).tolist() == list(range(1, harmonics + 1))


def test_time_tells_genres_apart_and_the_mean_spectrum_hardly_does() -> None:
    """What the data set is for. One track by each artist, so no artist is in training and test."""
    names = [name for name in GENRES for _ in range(20)]
    tracks = [spectrogram(render(Artist.sample(3, n, name), 0, 8.0, RATE)) for n, name in enumerate(names)]
    spectra = [np.concatenate([track.mean(axis=0), track.std(axis=0)]) for track in tracks]
    rhythms = []
    for track in tracks:
        onsets = np.maximum(np.diff(track, axis=0), 0)
        bands = np.stack([part.mean(axis=1) for part in np.split(onsets, [8, 18], axis=1)])  # kick, snare, hat
        bands = (bands - bands.mean(axis=1, keepdims=True)) / bands.std(axis=1, keepdims=True)
        pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
        lags = range(100)  # up to 2.3 s
        rhythms.append([np.mean(bands[a, : -lag or None] * bands[b, lag:]) for a, b in pairs for lag in lags])

    def accuracy(features: list) -> float:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        return float(cross_val_score(model, np.array(features), names, cv=folds).mean())

    assert accuracy(spectra) < 0.5  # 0.43; one in eight by chance
    assert accuracy(rhythms) > 0.75  # 0.84
