"""The real tables and real music, where they lie beside the project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from genre.data.sources.fma import Fma
from genre.synthetic.artist import Artist
from genre.synthetic.composer import render
from tests.composing import ROOT

SHARED = ROOT.parent / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here: it holds real music and FMA's real table"),
]


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_the_head_of_fma_has_one_clip_and_says_so(tmp_path: Path) -> None:
    where = [f"data.root={SHARED / 'fma_head'}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    done = script("train.py", "data=fma", "data.subset=large", *where)
    assert done.returncode != 0
    assert "lists 631 labeled tracks, of which 1 have audio" in done.stderr
    assert done.stderr.count("\n") <= 3
    assert not (tmp_path / "runs").exists()


def test_fmas_table_with_made_sound_trains_on_the_official_split(tmp_path: Path) -> None:
    metadata = tmp_path / "fma" / "fma_metadata"
    metadata.mkdir(parents=True)
    (metadata / "tracks.csv").symlink_to(SHARED / "fma_head/fma_metadata/tracks.csv")
    table = Fma(str(tmp_path / "fma")).tracks()
    chosen = table[table["genre"].isin(["Rock", "Folk", "Experimental"])]
    chosen = chosen.groupby(["genre", "split"]).head(12)
    for number, track in enumerate(chosen.itertuples()):
        path = tmp_path / "fma" / track.path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, render(Artist.sample(0, number, track.genre), 0, 6.0, 22050), 22050, format="MP3")
    where = [f"data.root={tmp_path / 'fma'}", f"paths.data={tmp_path}", f"run_dir={tmp_path / 'run'}"]
    small = ["data.clip_seconds=6", "data.segment_seconds=3", "model=cnn1d_gru", "trainer.max_epochs=2"]
    done = script("train.py", "data=fma", "data.splits=official", *where, *small)
    assert done.returncode == 0, done.stderr
    kept = pd.read_parquet(tmp_path / "run" / "tracks.parquet").set_index("track_id")["split"]
    official = chosen.set_index("track_id")["split"]
    assert kept.sort_index().to_dict() == official.sort_index().to_dict()
    rejected = pd.read_csv(tmp_path / "run" / "rejected.csv")["reason"].value_counts()
    assert rejected.to_dict() == {"missing_file": 631 - len(chosen), "missing_genre": 51}


def test_real_music_is_split_by_artist_and_its_test_repeats(tmp_path: Path) -> None:
    where = [f"data.root={SHARED / 'emotify'}", f"paths.data={tmp_path}", f"run_dir={tmp_path / 'run'}"]
    small = ["model=cnn1d_gru", "data.segment_seconds=3", "trainer.max_epochs=2", "model.net.hidden_dim=16"]
    done = script("train.py", "data=folder", *where, *small)
    assert done.returncode == 0, done.stderr
    tracks = pd.read_parquet(tmp_path / "run" / "tracks.parquet")
    assert (tracks.groupby("artist")["split"].nunique() == 1).all()
    assert tracks.groupby("split").size().to_dict() == {"test": 28, "train": 224, "val": 28}
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    again = script("evaluate.py", f"run_dir={tmp_path / 'run'}")
    assert again.returncode == 0, again.stderr
    assert f"{scores['test/accuracy']:.4f}" in again.stdout
    assert (tmp_path / "run" / "report" / "figures" / "confusion.png").stat().st_size > 10_000
