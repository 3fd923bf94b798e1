"""Two small collections, and ways to build and to train on them."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from genre.config.instantiate import build_network
from genre.pipeline import train_and_test
from tests.composing import TINY
from tests.conftest import PITCHES, sound, write_fma, write_sound
from tests.pretrained.weights import write_musicnn
from tests.wiring.building import Built, composed
from tests.wiring.networks import PITCH, TRACKS, genre_of

CHANGING = "jazz/changing.wav"
"""300 Hz up to 0.8 s, 1200 Hz up to 1.2 s, then 3000 Hz; the middle 2 s of its 3.8 s begin at 0.9 s."""
SHORT = "rock/short.wav"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the caches, so that they are filled once."""
    return tmp_path_factory.mktemp("wiring")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 3 genres of 10 or 11 tracks and one of 5, two tracks an artist, two artists an album."""
    root = tmp_path_factory.mktemp("library")
    rows = []
    for number, (genre, pitch) in enumerate({**PITCHES, "polka": 5000.0}.items()):
        for clip in range(5 if genre == "polka" else 10):
            artist = clip if genre == "polka" else clip // 2
            rows.append((f"{genre}/{clip}.wav", f"{genre} band {artist}", f"{genre} album {artist // 2}"))
            write_sound(root / rows[-1][0], sound(100 * number + clip, pitch=pitch))
    changing = [sound(900, 0.8, pitch=300.0), sound(901, 0.4, pitch=1200.0), sound(902, 2.6, pitch=3000.0)]
    write_sound(root / CHANGING, np.concatenate(changing))
    write_sound(root / SHORT, sound(910, seconds=1.2, pitch=2500.0))
    rows += [(CHANGING, "jazz band 9", "jazz album 9"), (SHORT, "rock band 9", "rock album 9")]
    pd.DataFrame(rows, columns=["path", "artist", "album"]).to_csv(root / "tracks.csv", index=False)
    return root


@pytest.fixture(scope="session")
def build(home: Path, library: Path, known: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """A command -> what it builds; the same command is built once."""
    gtzan = tmp_path_factory.mktemp("gtzan")
    for number, genre in enumerate(("blues", "rock")):
        for clip in range(10):
            path = gtzan / "genres" / genre / f"{genre}.{clip:05d}.wav"
            write_sound(path, sound(500 + 20 * number + clip, pitch=PITCHES[genre]))
    searched = tmp_path_factory.mktemp("searched")
    (searched / "best.yaml").write_text("model.name: cnn2d\nmodel.learning_rate: 0.007\n")
    net = build_network(
        {"_target_": "genre.models.baselines.PlainCnn2d", "num_classes": 4, "n_mels": 16, "hidden_dim": 4}
    )
    weights = {f"net.{name}": torch.full_like(value, 0.5) for name, value in net.state_dict().items()}
    torch.save({"state_dict": weights}, searched / "trained.ckpt")
    write_musicnn(home / "weights" / "musicnn.safetensors", bias=0.0)
    write_musicnn(searched / "musicnn.safetensors", bias=1.0)
    paths = sorted(path.relative_to(library).as_posix() for path in library.glob("*/*.wav"))
    table = pd.DataFrame({"path": paths, "genre": [path.partition("/")[0] for path in paths]})
    table["kind"], table["track_id"] = table["genre"].str.upper(), table["path"]
    for name, offset in {"first.csv": 0, "second.csv": 1, "split.csv": 1}.items():
        table["split"] = [("train", "val", "test", "train")[(number + offset) % 4] for number in range(len(paths))]
        table.to_csv(searched / name, index=False)
    places = {
        "FIRST": searched / "first.csv",
        "SECOND": searched / "second.csv",
        "SPLIT.csv": searched / "split.csv",
        "WEIGHTS": searched / "musicnn.safetensors",
        "TRAINED": searched / "trained.ckpt",
        "LIBRARY": library,
        "FMA": known,
        "GTZAN": gtzan,
        "SEARCHED": searched,
        "HOME": home,
    }

    @cache
    def built(overrides: tuple[str, ...], bare: bool) -> Built:
        texts = list(overrides)
        for name, path in places.items():
            texts = [text.replace(name, str(path)) for text in texts]
        tiny = [] if bare else [*TINY, "model=cnn2d", "data.splits=stratified", f"data.root={library}"]
        return Built([*tiny, f"paths.data={home}", *texts], tmp_path_factory.mktemp("built") / "run")

    return lambda overrides, bare=False: built(tuple(overrides), bare)


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FMA's layout with the tracks of `TRACKS`, whose pitch says their genre and their x."""
    root = tmp_path_factory.mktemp("known")
    fields = {}
    codes = [(part, code) for part, codes in TRACKS.items() for code in codes]
    for number, (part, code) in enumerate(codes, 2):
        fields[number] = {"set.split": part, "set.subset": "small", "track.genre_top": "AB"[genre_of(code)]}
        fields[number]["track.license"] = "All rights reserved" if number == 2 else "CC0 1.0"
        fields[number] |= {"artist.id": str(number), "artist.name": f"Band {number}", "album.id": str(number)}
        path = root / "fma_small" / "000" / f"{number:06d}.mp3"
        write_sound(path, sound(number, pitch=PITCH[code]))
    write_fma(root, fields)
    return root


class Training:
    """Trains a network of a test on `known`, all of a part's tracks in one batch."""

    def __init__(self, known: Path, home: Path, cache: Path) -> None:
        tiny = [text for text in TINY if not text.startswith(("data=", "model=", "data.batch_size=", "data.segment"))]
        where = [f"data.root={known}", f"paths.data={home}", f"paths.cache={cache}/cache", f"paths.runs={home}/runs"]
        self.home = home
        self.common = [*tiny, "data=fma", "data.subset=small", "model=cnn2d", "data.splits=official", *where]
        self.common += ["data.segment_seconds=null", "data.batch_size=100", "augment=none", "scheduler=none"]

    def overrides(self, *more: str) -> list[str]:
        return [*self.common, *more]

    def run(self, *more: str, name: str = "run") -> tuple[Path, float]:
        folder = self.home / name
        folder.mkdir()
        overrides = self.overrides(*more)
        return folder, train_and_test(composed([*overrides, f"run_dir={folder}"]), folder, overrides)

    def epochs(self, *more: str, name: str = "run") -> pd.DataFrame:
        """metrics.csv of a run."""
        return pd.read_csv(self.run(*more, name=name)[0] / "metrics.csv")


@pytest.fixture
def training(known: Path, tmp_path: Path, home: Path) -> Training:
    return Training(known, tmp_path, home)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a network in the place of the plain CNN, so that a configuration and a checkpoint can name it."""

    def put(kind: type, **attributes: Any) -> None:
        target = "genre.models.baselines.PlainCnn2d"
        monkeypatch.setattr(
            target, type(kind.__name__, (kind,), {"__module__": target.rpartition(".")[0], **attributes})
        )

    return put


def near(values: Sequence[float]) -> Any:
    return pytest.approx(values, rel=1e-4, abs=1e-7)
