import pandas as pd
import pytest

from genre.synthetic.catalogue import FAULTS, MIN_ARTISTS, catalogue
from tests.synthetic.conftest import small_catalogue


def intact(seed: int) -> pd.DataFrame:
    """Intact tracks of a data set of the default size."""
    return pd.DataFrame([vars(entry) for entry in catalogue(seed, 400, 10.0) if not entry.fault])


def test_the_default_data_set_is_imbalanced_and_has_many_artists() -> None:
    tracks = intact(42)
    share = tracks["genre"].value_counts(normalize=True)
    assert len(share) >= 8
    assert 0.2 < share.max() < 0.25
    assert 0.03 < share.min() < 0.08
    assert tracks.groupby("genre")["artist"].nunique().min() >= MIN_ARTISTS
    assert tracks["artist"].nunique() > 60
    assert (tracks.groupby("artist")["genre"].nunique() == 1).all()
    assert set(tracks["rate"]) == {22050, 44100, 48000}
    assert set(tracks["channels"]) == {1, 2}


@pytest.mark.parametrize("seed", [42, *range(30)])
def test_the_official_splits_are_artist_disjoint_and_contain_each_genre(seed: int) -> None:
    tracks = intact(seed)
    assert (tracks.groupby("artist")["split"].nunique() == 1).all()
    assert (tracks.groupby("genre")["split"].nunique() == 3).all()
    assert 0.65 < (tracks["split"] == "training").mean() < 0.85


def test_one_track_with_each_fault_follows_the_intact_ones() -> None:
    entries = small_catalogue()
    assert [entry.fault for entry in entries[-len(FAULTS) :]] == list(FAULTS)
    assert not any(entry.fault for entry in entries[: -len(FAULTS)])
    numbers = [entry.number for entry in entries]
    assert numbers == sorted(set(numbers))


def test_the_seed_determines_the_tracks() -> None:
    assert small_catalogue(1) == small_catalogue(1) != small_catalogue(2)
