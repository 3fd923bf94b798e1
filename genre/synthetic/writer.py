"""Write the synthetic data set: MP3 files, a tracks.csv and a few broken files, in the folder layout of FMA."""

import csv
import io
import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import soundfile
import soxr
from filelock import FileLock
from joblib import cpu_count

from genre import files
from genre.errors import GenreError
from genre.progress import progress_bar
from genre.synthetic.artist import Artist
from genre.synthetic.catalogue import TrackEntry, catalogue
from genre.synthetic.composer import GENERATOR_VERSION, render

README = """This is a synthetic data set: procedurally generated music, nobody's recordings. It has the layout of the
Free Music Archive (MP3 files and a tracks.csv) and contains a few broken files on purpose. Results on it show that a
program works; they say nothing about real music.
"""
RENDER_RATE = 22050
"""Sample rate in Hz at which tracks are rendered before they are resampled to the rate of their file."""
BYTES_PER_SECOND = 12_500
"""Average size of one second of the MP3 files."""


def write_dataset(root: Path, seed: int, count: int, seconds: float) -> None:
    """Write the data set, unless the folder already contains it with the same settings.

    Args:
        root: Folder to create.
        seed: Seed of the data set; the same seed gives the same audio.
        count: Approximate number of tracks, excluding the broken ones.
        seconds: Duration of a track in seconds.

    Raises:
        GenreError: The folder is not a synthetic data set, or the disk is full.
    """
    settings_file = root / "synthetic.json"
    settings = {"rules": GENERATOR_VERSION, "seed": seed, "count": count, "seconds": seconds}
    text = json.dumps(settings, indent=1) + "\n"

    def is_current() -> bool:
        return settings_file.is_file() and settings_file.read_text() == text

    if is_current():  # checked before locking, because a complete data set may be read-only
        return
    if root.exists() and not settings_file.is_file():
        raise GenreError(f"{root} exists and is not a synthetic data set: for your own music add data=folder")
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_name(root.name + ".lock")):
        if is_current():
            return
        unfinished = root.with_name(f".{root.name}-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            with files.explain_full_disk(root.parent, round(count * seconds * BYTES_PER_SECOND)):
                _write_files(unfinished, seed, count, seconds)
                (unfinished / "synthetic.json").write_text(text)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        old = root.with_name(f".{root.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        if root.exists():
            root.rename(old)  # a process killed during the deletion must not leave a folder that looks complete
        unfinished.rename(root)
        shutil.rmtree(old, ignore_errors=True)


def _write_files(root: Path, seed: int, count: int, seconds: float) -> None:
    entries = catalogue(seed, count, seconds)
    for entry in entries:
        entry.path(root).parent.mkdir(parents=True, exist_ok=True)
    # A forkserver cannot be used: the extraction needs to start it with torch preloaded
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(cpu_count(), context) as executor,
        progress_bar("writing synthetic music", "tracks") as progress,
    ):
        written = executor.map(_write_track, entries, repeat(seed), repeat(root), chunksize=4)
        for _ in progress.track(written, total=len(entries)):
            pass
    metadata = root / "fma_metadata"
    metadata.mkdir()
    with (metadata / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerows(["", *level] for level in zip(*entries[0].row, strict=True))
        rows.writerow(["track_id", *("" for _ in entries[0].row)])
        rows.writerows([entry.number, *entry.row.values()] for entry in entries)
    (root / "README.txt").write_text(README)


def _write_track(entry: TrackEntry, seed: int, root: Path) -> None:
    """Write one MP3 file, or the broken file that an entry describes."""
    path = entry.path(root)
    if entry.fault == "missing":
        return
    if entry.fault == "empty":
        path.write_bytes(b"")
        return
    if entry.fault == "text":
        path.write_text("<html><body>404 Not Found</body></html>\n" * 50)
        return
    seconds = 0.3 if entry.fault == "short" else entry.seconds
    samples = render(Artist.sample(seed, entry.artist, entry.genre), entry.take, seconds, RENDER_RATE)
    if entry.fault == "silent":
        samples = np.zeros_like(samples)
    if entry.rate != RENDER_RATE:
        samples = soxr.resample(samples, RENDER_RATE, entry.rate, quality="HQ")
    if entry.channels == 2:
        samples = np.stack([samples, 0.8 * np.roll(samples, entry.rate // 2000)], axis=1)
    mp3 = io.BytesIO()  # encoded in memory, because libsndfile reports a full disk without an error number
    soundfile.write(mp3, samples, entry.rate, format="MP3", compression_level=entry.compression)
    content = mp3.getvalue()
    path.write_bytes(content[: len(content) // 2] if entry.fault == "truncated" else content)
