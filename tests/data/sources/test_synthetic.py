from pathlib import Path

from genre.data.sources.synthetic import Synthetic
from genre.data.tracks import COLUMNS
from genre.synthetic.catalogue import catalogue
from genre.synthetic.genres import GENRES


def test_tracks_are_written_and_listed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    tracks = Synthetic(str(root), seed=1, count=56, seconds=0.5).tracks()
    assert list(tracks.columns) == COLUMNS
    assert tracks["path"].str.fullmatch(r"fma_large/\d{3}/\d{6}\.mp3").all()
    assert set(tracks["genre"].dropna()) == set(GENRES)
    assert set(tracks["split"]) == {"train", "val", "test"}
    entries = {entry.number: entry for entry in catalogue(1, 56, 0.5)}
    assert tracks["track_id"].tolist() == [str(number) for number in entries]
    faults = tracks["track_id"].astype(int).map(lambda number: entries[number].fault)
    assert tracks["genre"].isna().equals(faults == "unlabeled")
    exists = tracks["path"].map(lambda path: (root / path).is_file())
    assert (~exists).equals(faults == "missing")
