"""GTZAN (Tzanetakis and Cook, 2002): 10 genres of 100 clips of 30 s, `genres/blues/blues.00000.au` (or .wav)."""

import importlib
from pathlib import Path

import pandas as pd

from genre.data.tracks import COLUMNS
from genre.errors import GenreError

FOLDERS = ("genres", "genres_original", ".")
"""Folders that contain the genre folders in the copies in circulation."""
FAULT_FILTERED_LISTS = {"train": "filtered_train", "val": "filtered_valid", "test": "filtered_test"}


class Gtzan:
    """GTZAN as unpacked. The artists are unknown.

    Args:
        root: Folder that contains `genres/` or the genre folders.
        splits: `fault_filtered` lists the 930 tracks of the split without repeated, mislabeled and distorted tracks
            (Kereliuk, Sturm and Larsen, 2015, doi.org/10.1109/TMM.2015.2478068); any other value lists all files.
    """

    name = "gtzan"

    def __init__(self, root: str, splits: str = "auto") -> None:
        self.root = root
        self.splits = splits

    def tracks(self) -> pd.DataFrame:
        """List the tracks; see `Source.tracks`."""
        root = Path(self.root)
        for folder in FOLDERS:
            files = sorted((root / folder).glob("*/*.*"))
            found = {path.stem: path.relative_to(root).as_posix() for path in files if _is_track(path)}
            if found:
                break
        else:
            raise GenreError(f"{root} contains no genres/blues/blues.00000.au (or .wav): check data.root")
        splits = _fault_filtered() if self.splits == "fault_filtered" else dict.fromkeys(found)
        table = pd.DataFrame({"track_id": list(splits), "split": list(splits.values())})
        table["genre"] = table["track_id"].str.partition(".")[0]
        table["title"] = table["track_id"]
        table["path"] = [found.get(stem, f"genres/{stem.partition('.')[0]}/{stem}.au") for stem in splits]
        return table.reindex(columns=COLUMNS).astype("str").sort_values("track_id", ignore_index=True)


def _is_track(path: Path) -> bool:
    genre, _, number = path.stem.partition(".")
    return path.suffix in (".au", ".wav") and genre == path.parent.name and number.isdigit()


def _fault_filtered() -> dict[str, str]:
    """Return the split of each track by its name, from the lists in torchaudio."""
    lists = importlib.import_module("torchaudio.datasets.gtzan")
    return {stem: split for split, name in FAULT_FILTERED_LISTS.items() for stem in getattr(lists, name)}
