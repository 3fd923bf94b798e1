"""Sound and collections that the tests share: all of it is made here, nothing is read from elsewhere."""

import csv
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from genre import run_folder
from genre.data.tracks import COLUMNS
from tests.composing import TINY, compose

RATE = 22050
PITCHES = {"blues": 200.0, "jazz": 700.0, "rock": 2500.0}
FMA_LEVELS = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title "
    "tracks type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude "
    "location longitude members name related_projects tags website wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all "
    "information interest language_code license listens lyricist number publisher tags title",
}
FMA_COLUMNS = [f"{upper}.{lower}" for upper, names in FMA_LEVELS.items() for lower in names.split()]
"""The 52 columns of FMA's tracks.csv in their order, beside the first, which has no name."""


def sound(
    seed: int, seconds: float = 2.0, rate: int = RATE, channels: int = 1, pitch: float | None = None
) -> np.ndarray:
    """A tone in noise, another for each seed; float32 of shape (samples, channels)."""
    random = np.random.default_rng(seed)
    seconds_at = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * (pitch or random.uniform(100, 3000)) * seconds_at)
    noise = random.uniform(-0.1, 0.1, (len(tone), channels))
    return (tone[:, None] + noise).astype(np.float32)


def write_sound(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str | None = None) -> Path:
    """Write samples in the format that the suffix names, and the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, format=path.suffix[1:].upper(), subtype=subtype)
    return path


def cut(path: Path, share: float) -> Path:
    """Keep the first share of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def track_table(genres: dict[str, str | None], **columns: Any) -> pd.DataFrame:
    """A track table: path -> genre, the path being the id; further columns are scalars or lists."""
    table = pd.DataFrame({"track_id": list(genres), "path": list(genres), "genre": list(genres.values())})
    return table.assign(**columns).reindex(columns=COLUMNS).astype("str")


def write_fma(root: Path, tracks: dict[int, dict[str, str]], columns: Iterable[str] = FMA_COLUMNS) -> Path:
    """Write an `fma_metadata/tracks.csv`: number -> {`track.title`: text}, in the order given.

    Returns:
        The file.
    """
    columns = list(columns)
    path = root / "fma_metadata" / "tracks.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["", *(name.partition(".")[0] for name in columns)])
        rows.writerow(["", *(name.partition(".")[2] for name in columns)])
        rows.writerow(["track_id", *("" for _ in columns)])
        for number, fields in tracks.items():
            rows.writerow([number, *(fields.get(name, "") for name in columns)])
    return path


class Executors:
    """Makes executors that run shards at once, in this process.

    Attributes:
        calls: How many it made.
        paths: The files of their shards, in order.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.paths: list[str] = []

    def __call__(self) -> Executor:
        self.calls += 1
        return Inline(self.paths)


class Inline(Executor):
    """Runs shards at once, in this process."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        self.paths.extend(args[0].paths)
        future: Future = Future()
        future.set_result(task(*args, **kwargs))
        return future


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Several workers on few cores: more threads only get into each other's way."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """A run sets up the package's log for its process: the next test has it as it was."""
    yield
    ours = logging.getLogger("genre")
    ours.handlers, ours.propagate = [], True
    ours.setLevel(logging.NOTSET)


@pytest.fixture
def executors() -> Executors:
    """For whatever takes `make_executor`."""
    return Executors()


@pytest.fixture(scope="session")
def music_folder(tmp_path_factory) -> Path:
    """`<genre>/<n>.wav`: three genres that differ in pitch, ten clips of 2 s each, untagged. Not to be changed."""
    root = tmp_path_factory.mktemp("music")
    for number, (genre, pitch) in enumerate(PITCHES.items()):
        for clip in range(10):
            write_sound(root / genre / f"{clip}.wav", sound(100 * number + clip, pitch=pitch))
    return root


@pytest.fixture(scope="session")
def fma_folder(tmp_path_factory) -> Path:
    """FMA as it unpacks: 30 tracks of subset small, three genres, five artists each, 2 s of mp3. Not to be changed."""
    root = tmp_path_factory.mktemp("fma")
    tracks = {}
    for number in range(2, 32):
        genre, pitch = list(PITCHES.items())[number % 3]
        artist = number % 15
        tracks[number] = {
            "set.split": "validation" if artist < 3 else "test" if artist < 6 else "training",
            "set.subset": "small",
            "track.genre_top": genre.title(),
            "track.title": f"Song {number}",
            "artist.id": str(artist),
            "artist.name": f"Band {artist}",
            "album.id": str(artist),
            "album.title": f"Album {artist}",
        }
        write_sound(root / "fma_small" / "000" / f"{number:06d}.mp3", sound(number, pitch=pitch))
    write_fma(root, tracks)
    return root


class Runs:
    """Trains small networks on `music_folder`, in run folders below `home`."""

    def __init__(self, music: Path, home: Path) -> None:
        self.home = home
        self.common = [*TINY, f"data.root={music}", f"paths.data={home}", "trainer.max_epochs=4"]

    def overrides(self, *more: str) -> list[str]:
        return [*self.common, *more]

    def train(self, name: str, *more: str) -> tuple[Path, float]:
        """Train and test: run folder and monitored score."""
        from genre.pipeline import train_and_test  # loads for seconds, which most tests can spare

        folder = self.home / name
        overrides = self.overrides(*more)
        return folder, train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, overrides)

    def interrupt(self, name: str, epoch: int, *more: str) -> Path:
        """Train until that epoch, whose start fails: run folder."""
        from genre.training.classifier import GenreClassifier

        start = GenreClassifier.on_train_epoch_start

        def start_or_fail(classifier: GenreClassifier) -> None:
            if classifier.current_epoch == epoch:
                raise RuntimeError("the machine went down")
            start(classifier)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(GenreClassifier, "on_train_epoch_start", start_or_fail)
            with pytest.raises(RuntimeError, match="the machine went down"):
                self.train(name, *more)
        return self.home / name


def read_metrics(folder: Path) -> pd.DataFrame:
    """Rows of a run's metrics.csv, without the durations."""
    return pd.read_csv(folder / run_folder.METRICS).drop(columns="seconds")


def read_weights(folder: Path, checkpoint: str = run_folder.LAST) -> dict[str, torch.Tensor]:
    """Weights in a checkpoint of a run."""
    return torch.load(folder / checkpoint, weights_only=True)["state_dict"]


def have_same_weights(one: Path, other: Path, checkpoint: str = run_folder.LAST) -> bool:
    """Whether two runs have exactly the same weights."""
    pairs = zip(read_weights(one, checkpoint).items(), read_weights(other, checkpoint).items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.fixture
def runs(music_folder: Path, tmp_path: Path) -> Runs:
    return Runs(music_folder, tmp_path)
