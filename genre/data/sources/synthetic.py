"""The synthetic data set, generated at first use."""

from pathlib import Path

import pandas as pd

from genre.data.sources.fma import Fma
from genre.synthetic.writer import write_dataset


class Synthetic(Fma):
    """A generated data set in the layout of FMA, whose genres differ in rhythm and melody and share timbre and level.

    Args:
        root: Folder to write to; it must not exist or must contain a synthetic data set.
        seed: Seed of the data set; the same seed gives the same audio.
        count: Approximate number of tracks, excluding a few broken ones.
        seconds: Duration of a track in seconds.
    """

    name = "synthetic"

    def __init__(self, root: str, seed: int = 42, count: int = 400, seconds: float = 10.0) -> None:
        super().__init__(root, "large")
        self.seed, self.count, self.seconds = seed, count, seconds

    def tracks(self) -> pd.DataFrame:
        """Write the data set if necessary and list its tracks; see `Source.tracks`."""
        write_dataset(Path(self.root), self.seed, self.count, self.seconds)
        return super().tracks()
