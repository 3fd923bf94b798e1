import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import typer

from genre import cli
from genre.config.errors import exit_with_one_line
from genre.errors import GenreError
from tests.composing import TINY


def test_precompute_fills_the_cache_and_nothing_else(
    music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    cli.precompute(overrides)
    said = capsys.readouterr().out
    (cache,) = (tmp_path / "cache").iterdir()
    assert str(cache) in said
    assert "clips/s" in said
    assert not (tmp_path / "runs").exists()
    before = {path: path.stat().st_mtime_ns for path in cache.glob("shard-*")}
    cli.precompute(overrides)
    assert {path: path.stat().st_mtime_ns for path in cache.glob("shard-*")} == before
    assert "clips/s" not in capsys.readouterr().out


def test_cache_verify_names_what_is_damaged(
    music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]
    cli.precompute(overrides)
    (cache,) = (tmp_path / "cache").iterdir()
    capsys.readouterr()
    cli.verify(overrides)
    assert capsys.readouterr().out == f"{cache} is undamaged\n"
    damaged = [cache / "shard-00000.npy", cache / "shard-00000.parquet"]
    for path in damaged:
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)
        with pytest.raises(typer.Exit) as exit_:
            cli.verify(overrides)
        assert exit_.value.exit_code == 1
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith(f"{path} is damaged (")
        path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])


def test_precompute_says_in_one_line_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), exit_with_one_line():
        cli.precompute(["data=vinyl"])
    assert capsys.readouterr().err == (
        "error: data=vinyl is unknown: available are fma, folder, gtzan, synthetic, table\n"
    )


def test_an_unknown_network_and_a_missing_wheel_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match="vggish is unknown: use musicnn"):
        cli.weights("vggish")
    with pytest.raises(GenreError, match=r"no\.whl cannot be read"):
        cli.weights("musicnn", [f"paths.data={tmp_path}"], tmp_path / "no.whl")
    assert list(tmp_path.iterdir()) == []


def test_weights_go_where_the_features_expect_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("genre.pretrained.weights.fetch_musicnn", lambda path, wheel: asked.append(path))
    cli.weights("musicnn", [f"paths.data={tmp_path}"])
    assert asked == [tmp_path / "weights/musicnn.safetensors"]
    assert capsys.readouterr().out == f"weights: {asked[0]}\n"


def test_a_split_is_written_and_used_by_another_run(
    music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]
    first, second = tmp_path / "first" / "split.csv", tmp_path / "second.csv"
    cli.split(first, [*overrides, "seed=5", "data.fractions=[0.4,0.3,0.3]"])
    assert f"split: {first}" in capsys.readouterr().out
    table = pd.read_csv(first)
    assert table["split"].value_counts().to_dict() == {"train": 12, "val": 9, "test": 9}
    cli.split(second, [*overrides, "seed=6", f"data.splits={first}"])
    assert second.read_text() == first.read_text()
    with pytest.raises(GenreError, match=r"split\.csv has no folds: use data\.fold=null"):
        cli.split(second, [*overrides, "data.fold=0", f"data.splits={first}"])
    with pytest.raises(
        GenreError, match=r"data\.fractions=\[0\.5, 0\.5\] must be three fractions above 0 whose sum is 1"
    ):
        cli.split(second, [*overrides, "data.fractions=[0.5,0.5]"])
    with pytest.raises(GenreError, match=r"no\.csv does not exist: genre split writes such a file"):
        cli.split(second, [*overrides, "data.splits=no.csv"])
    with pytest.raises(GenreError, match=r"cut tracks in half: use another data\.splits"):
        cli.split(second, [*overrides, "data.splits=leak_nothing", "data.segment_seconds=null", "data.clip_seconds=4"])


def test_the_split_of_a_table_is_used_unless_another_is_chosen(music_folder: Path, tmp_path: Path) -> None:
    paths = sorted(path.relative_to(music_folder).as_posix() for path in music_folder.glob("*/*.wav"))
    table = pd.DataFrame({"file_name": paths, "label": [path.partition("/")[0] for path in paths]})
    table["split"] = ["train", "validation", "test"] * 10
    table.to_csv(tmp_path / "metadata.csv", index=False)
    common = [*TINY, "data=table", f"data.table={tmp_path}/metadata.csv", f"paths.data={tmp_path}"]
    found = tmp_path / "split.csv"
    cli.split(found, [*common, f"data.root={music_folder}"])
    assert pd.read_csv(found)["split"].tolist() == ["train", "val", "test"] * 10
    cli.split(found, [*common, f"data.root={music_folder}", "data.splits=stratified"])
    assert pd.read_csv(found)["split"].value_counts().to_dict() == {"train": 24, "val": 3, "test": 3}
    cli.split(found, [*common, f"data.root={music_folder}", "data.fold=1", "data.folds=5"])
    assert pd.read_csv(found)["split"].value_counts()["test"] == 6
    with pytest.raises(GenreError, match=r"leave out data\.train_fraction"):
        cli.split(found, [*common, f"data.root={music_folder}", "data.train_fraction=0.5"])
    with pytest.raises(GenreError, match=r"of the 30 listed files is in .* \(first: blues/0\.wav\): set data\.root"):
        cli.split(found, common)  # paths are relative to the folder of the table


def test_predict_says_that_it_needs_a_model_before_torch_is_loaded() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "genre.cli", "predict", "song.mp3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode
    *imported, message = done.stderr.splitlines()
    assert message == "error: no model is given: add --run with a run folder, --checkpoint or --onnx"
    assert {"typer", "torch"} & {line.rpartition("|")[2].strip() for line in imported} == {"typer"}


@pytest.mark.parametrize(("given", "used"), [(None, 1), ("3", 2)])
def test_predict_uses_one_thread_unless_the_user_gives_another_number(
    given: str | None, used: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)  # which torch read when it was loaded
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(GenreError, match="missing"):
            cli.predict([tmp_path / "song.mp3"], run=[tmp_path / "missing"])
        assert torch.get_num_threads() == used
    finally:
        torch.set_num_threads(before)
