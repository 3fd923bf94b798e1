"""The default collection: music made by rule, written the way the Free Music Archive unpacks."""

import csv
import io
import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
from filelock import FileLock
from joblib import cpu_count

from genre import files
from genre.data.sources.fma import Fma
from genre.errors import GenreError
from genre.progress import progress_bar
from genre.synthetic.artist import Artist
from genre.synthetic.catalogue import COLUMNS, TrackEntry, catalogue
from genre.synthetic.composer import GENERATOR_VERSION, render

README = """This is not music of anybody. Every file here was computed by rule, to have something to run on that
lies as the Free Music Archive does: real mp3 files, a real tracks.csv, and a few broken files on purpose. Results on
it say that a program works; they say nothing about music.
"""
RENDER_RATE = 22050
"""Sound is made at this rate and then brought to the file's: features hear nothing above half of it."""
BYTES_PER_SECOND = 12_500
"""Of the mp3 files, on average."""


class Synthetic(Fma):
    """A stand-in for FMA, made by rule at the first use; the same seed gives the same sound.

    Args:
        root: The folder to write to; one that holds something else is left alone.
        seed: Of everything.
        count: Tracks, a few broken ones aside.
        seconds: Length of a track.
    """

    name = "synthetic"

    def __init__(self, root: str, seed: int = 42, count: int = 300, seconds: float = 10.0) -> None:
        super().__init__(root, "large")
        self.seed, self.count, self.seconds = seed, count, seconds

    def tracks(self) -> pd.DataFrame:
        """Make sure that the collection is there, and list it; see `Source.tracks`."""
        self.write()
        return super().tracks()

    def write(self) -> None:
        """Make the folder, unless it is there as these settings have it.

        Raises:
            GenreError: The folder holds something that was not made here, or the disk is full.
        """
        root = Path(self.root)
        about = root / "synthetic.json"
        settings = {"rules": GENERATOR_VERSION, "seed": self.seed, "count": self.count, "seconds": self.seconds}
        text = json.dumps(settings, indent=1) + "\n"
        # Asked before the lock: a collection that is whole may lie where nobody may write.
        if _read(about) == text:
            return
        root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root.with_name(root.name + ".lock")):
            if _read(about) == text:
                return
            if root.exists() and not about.is_file():
                raise GenreError(
                    f"{root} holds something else than synthetic data: set data.root to a folder of its own"
                )
            temporary = root.with_name(f".{root.name}-unfinished")
            shutil.rmtree(temporary, ignore_errors=True)
            try:
                with files.explain_full_disk(root.parent, round(self.count * self.seconds * BYTES_PER_SECOND)):
                    self._write(temporary)
                    (temporary / "synthetic.json").write_text(text)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)  # of no use: the next start makes it again
                raise
            old = root.with_name(f".{root.name}-old")
            shutil.rmtree(old, ignore_errors=True)
            if root.exists():
                # Away first: one that is killed while half deleted would still say that it is whole.
                root.rename(old)
            temporary.rename(root)
            shutil.rmtree(old, ignore_errors=True)

    def _write(self, root: Path) -> None:
        entries = catalogue(self.seed, self.count, self.seconds)
        jobs = [(entry, self.seed, self.seconds, str(root)) for entry in entries]
        for entry in entries:
            entry.path(root).parent.mkdir(parents=True, exist_ok=True)
        # Not the forkserver: once it runs, the extraction could no longer have it import torch for all workers.
        context = multiprocessing.get_context("spawn")
        with (
            ProcessPoolExecutor(cpu_count(), context) as executor,
            progress_bar("writing synthetic music", "tracks") as progress,
        ):
            for _ in progress.track(executor.map(_write_track, jobs, chunksize=4), total=len(jobs)):
                pass
        metadata = root / "fma_metadata"
        metadata.mkdir()
        with (metadata / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerows([["", *levels] for levels in zip(*COLUMNS, strict=True)])
            rows.writerow(["track_id", *[""] * len(COLUMNS)])
            rows.writerows([entry.number, *entry.row] for entry in entries)
        (root / "README.txt").write_text(README)


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _write_track(job: tuple[TrackEntry, int, float, str]) -> None:
    """Write one mp3, or what a collection may hold in its place."""
    entry, seed, seconds, root = job
    path = entry.path(Path(root))
    if entry.fault == "missing":
        return
    if entry.fault == "empty":
        path.write_bytes(b"")
        return
    if entry.fault == "text":
        path.write_text("<html><body>404 Not Found</body></html>\n" * 50)
        return
    seconds = 0.3 if entry.fault == "short" else seconds
    samples = render(Artist.draw(seed, entry.artist, entry.genre), entry.take, seconds, RENDER_RATE)
    if entry.fault == "silent":
        samples = np.zeros_like(samples)
    if entry.rate != RENDER_RATE:
        samples = soxr.resample(samples, RENDER_RATE, entry.rate, quality="HQ")
    if entry.channels == 2:
        samples = np.stack([samples, 0.8 * np.roll(samples, entry.rate // 2000)], axis=1)
    mp3 = io.BytesIO()  # a full disk would be an error of the encoder without a number
    soundfile.write(mp3, samples, entry.rate, format="MP3", compression_level=entry.compression)
    content = mp3.getvalue()
    path.write_bytes(content[: len(content) // 2] if entry.fault == "truncated" else content)
