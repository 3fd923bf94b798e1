"""Copies are similar at any shift, other music is not, and the result is that of a plain loop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genre.config.validate import validate
from genre.data import audit, fingerprint
from genre.data.audit import MIN_CORRELATION, find_leaks
from genre.data.fingerprint import OVERLAP, fingerprints, similarity
from genre.data.prepared import PreparedData
from genre.training.components import build_components
from tests.composing import TINY, compose
from tests.conftest import write_sound
from tests.data.test_audit import melody

RATE = 22050
LATE = {"0.1": 0.1, "0.25": 0.25, "0.5": 0.5, "1": 1.0, "2": 2.0, "pause": -1.5}
"""Copies, by the seconds that they lack of the original's beginning; one has a pause before it."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """Twelve melodies that are faded in and out alike, and copies of the first ones that are encoded again."""
    root = tmp_path_factory.mktemp("copies")
    fade = np.clip(np.arange(len(melody(0, 8.0))) / (2 * RATE), 0.02, 1)[:, None]
    fade = (fade * fade[::-1]).astype(np.float32)
    for number in range(12):
        write_sound(root / ("low" if number < 6 else "high") / f"{number}.wav", fade * melody(number, 8.0))
    for number, (name, seconds) in enumerate(LATE.items()):
        samples = fade * melody(number, 8.0)
        pause = np.zeros((round(max(-seconds, 0) * RATE), 1), dtype=np.float32)
        copy = 0.5 * np.concatenate([pause, samples])[round(max(seconds, 0) * RATE) :]
        soundfile.write(root / "low" / f"{number} late {name}.mp3", copy, RATE, format="MP3")
    tiny = [*TINY, f"data.root={root}", f"paths.data={root}/data", "data.clip_seconds=8"]
    made = build_components(validate(compose([*tiny, "features.n_mels=64", "data.splits=stratified"]))).datamodule.data
    copies = made.tracks["path"].str.contains("late")
    return replace(made, tracks=made.tracks.assign(split=copies.map({True: "test", False: "train"})))


def test_copies_are_found_at_any_shift_and_nothing_else(prepared: PreparedData) -> None:
    found = find_leaks(prepared)
    names = {f"low/{number} late {name}.mp3 ~ low/{number}.wav" for number, name in enumerate(LATE)}
    assert set(found["name"]) == names
    assert len(found) == len(LATE)
    assert set(found["parts"]) == {"train, test"}


def test_other_melodies_with_the_same_fade_differ(prepared: PreparedData) -> None:
    rows = np.flatnonzero(prepared.tracks["split"] == "train")
    prints = fingerprints(prepared.cache, prepared.tracks.iloc[rows])
    alike = similarity(prints, prints, 128)
    assert np.diag(alike) == pytest.approx(np.ones(12), abs=1e-3)
    np.fill_diagonal(alike, 0)
    assert alike.max() < MIN_CORRELATION - 0.2


def test_blocks_and_chunks_change_nothing(prepared: PreparedData, monkeypatch: pytest.MonkeyPatch) -> None:
    prints, found = fingerprints(prepared.cache, prepared.tracks), find_leaks(prepared)
    monkeypatch.setattr(fingerprint, "CLIPS_PER_READ", 4)
    assert np.array_equal(fingerprints(prepared.cache, prepared.tracks), prints)
    monkeypatch.setattr(fingerprint, "PAIRS_PER_BLOCK", 6)
    monkeypatch.setattr(audit, "BLOCK_SIZE", 5)
    assert len(found) == len(LATE)
    assert find_leaks(prepared).equals(found)


def test_similarity_is_the_best_correlation_of_the_overlap() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(3, 20, 4)), random.normal(size=(5, 20, 4))
    second[0, 3:] = first[1, :17]  # late by 3 steps
    first[2, :15] *= 0.01  # most of its energy is at its end
    found = similarity(first.astype(np.float32), second.astype(np.float32), 8)

    def plain(one: np.ndarray, other: np.ndarray) -> float:
        best = 0.0
        for shift in range(-8, 9):
            a, b = (one[shift:], other[: 20 - shift]) if shift >= 0 else (one[:shift], other[-shift:])
            if (a**2).sum() >= OVERLAP * (one**2).sum() and (b**2).sum() >= OVERLAP * (other**2).sum():
                best = max(best, (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
        return best

    expected = [[plain(one, other) for other in second] for one in first]
    assert found == pytest.approx(np.array(expected), abs=1e-5)
    assert found[1, 0] == pytest.approx(1)
    assert not similarity(np.zeros((1, 20, 4), np.float32), second.astype(np.float32), 8).any()


REAL = Path(__file__).parents[2].parent / "shared" / "data" / "emotify"


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not here: it holds real music")
def test_real_music_has_the_copies_that_are_known(tmp_path: Path) -> None:
    given = ["data=folder", f"data.root={REAL}", f"paths.data={tmp_path}", "data.splits=stratified"]
    made = build_components(validate(compose(given))).datamodule.data
    prints = fingerprints(made.cache, made.tracks)
    alike = np.triu(similarity(prints, prints, 43), 1)
    ids = made.tracks["track_id"].str.removesuffix(".mp3")
    known = {("pop/59", "pop/66"), ("rock/70", "rock/76"), ("rock/72", "rock/75"), ("rock/63", "rock/66")}
    known |= {("electronic/28", "electronic/30"), ("classical/54", "classical/80")}
    assert {(ids[one], ids[other]) for one, other in np.argwhere(alike >= MIN_CORRELATION)} == known
    assert np.sort(alike.ravel())[-len(known) - 1] < MIN_CORRELATION - 0.1


def test_changes_common_to_all_bands_do_not_count(prepared: PreparedData, monkeypatch: pytest.MonkeyPatch) -> None:
    read = type(prepared.cache).read_windows

    def faded(*arguments: Any) -> np.ndarray:
        clips = read(*arguments).astype(np.float32)
        return (clips + np.linspace(1, 2, clips.shape[1])[:, None]).astype(np.float32)

    def lifted(*arguments: Any) -> np.ndarray:
        return read(*arguments).astype(np.float32) + 1.5

    monkeypatch.setattr(type(prepared.cache), "read_windows", lifted)
    expected = fingerprints(prepared.cache, prepared.tracks)
    monkeypatch.setattr(type(prepared.cache), "read_windows", faded)
    np.testing.assert_allclose(fingerprints(prepared.cache, prepared.tracks), expected, atol=1e-4)
