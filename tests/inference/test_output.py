"""genre predict on the command line."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from genre import Predictor, run_folder
from genre.cli import app
from genre.errors import GenreError
from genre.inference.files import predict_files
from genre.inference.output import write_csv
from tests.conftest import sound, write_sound


def genre(*arguments: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(text) for text in arguments], catch_exceptions=False)
    assert result.exit_code == code
    return result.stdout, result.stderr


def test_one_file_is_a_table_of_genres_with_bars(trained: Path, music_folder: Path) -> None:
    path = music_folder / "rock" / "1.wav"
    out, err = genre("predict", path, "--run", trained)
    expected = Predictor.load(trained)(path).top(5)
    head, *lines = out.splitlines()
    assert head.split() == ["file", "genre", "probability"]
    assert len(lines) == len(expected) == 3
    for line, (name, probability) in zip(lines, expected, strict=True):
        *file, found, shown, bar = line.split()
        assert (found, shown) == (name, f"{probability:.3f}")
        assert abs(len(bar) - 20 * probability) <= 1
        assert file == (["1.wav"] if line is lines[0] else [])
    assert err == ""


def test_json_stands_alone_on_stdout_and_errors_at_the_end(trained: Path, music_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no audio")
    write_sound(tmp_path / "short.wav", sound(1, seconds=0.2))
    out, err = genre("predict", music_folder / "rock", tmp_path, "--run", trained, "--json", code=1)
    found = json.loads(out)
    assert len(found) == 12
    for entry in found[:10]:
        assert sum(entry["probabilities"].values()) == pytest.approx(1)
        assert entry["genre"] == next(iter(entry["probabilities"]))
        assert entry["seconds"] == 2
    assert found[10]["error"] == "0.2 s of audio; at least 1.5 s are needed (too_short)"
    assert err.splitlines()[-3:] == [
        f"{tmp_path}/short.wav: 0.2 s of audio; at least 1.5 s are needed (too_short)",
        f"{tmp_path}/text.mp3: libsndfile does not recognize the format (undecodable)",
        "2 of 12 files could not be used",
    ]


def test_several_files_have_one_row_each_and_a_csv(trained: Path, music_folder: Path, tmp_path: Path) -> None:
    csv = tmp_path / "new" / "out.csv"
    out, err = genre("predict", music_folder, tmp_path / "no.mp3", "--run", trained, "--csv", csv, code=1)
    assert f"csv: {csv}\n" in err
    assert len(out.splitlines()) == 31
    assert out.splitlines()[1].split()[0] == "blues/0.wav"
    table = pd.read_csv(csv)
    assert list(table.columns) == ["file", "genre", "seconds", "blues", "jazz", "rock", "error"]
    assert table[["blues", "jazz", "rock"]].iloc[:30].sum(axis=1).to_numpy() == pytest.approx(1)
    assert table["error"].iloc[30] == "no such file (missing_file)"
    assert (table["genre"][:30] == table[["blues", "jazz", "rock"]][:30].idxmax(axis=1)).all()


def test_the_timeline_is_drawn_for_one_file(trained: Path, music_folder: Path, tmp_path: Path) -> None:
    _, err = genre("predict", music_folder / "rock" / "1.wav", "--run", trained, "--timeline", tmp_path / "a.svg")
    assert err == f"timeline: {tmp_path / 'a.svg'}\n"
    assert "<svg" in (tmp_path / "a.svg").read_text()
    with pytest.raises(GenreError, match="--timeline draws one file: name one"):
        genre("predict", music_folder, "--run", trained, "--timeline", tmp_path / "b.svg")
    with pytest.raises(GenreError, match=r"a\.bmp has an unknown format: use one of \.png, \.svg, \.pdf"):
        genre("predict", music_folder / "rock" / "1.wav", "--run", trained, "--timeline", tmp_path / "a.bmp")


def test_a_model_of_synthetic_music_says_so(trained: Path, music_folder: Path, tmp_path: Path) -> None:
    run, onnx = tmp_path / "run", tmp_path / "model.onnx"
    shutil.copytree(trained, run)
    config = (run / run_folder.CONFIG).read_text()
    (run / run_folder.CONFIG).write_text(config.replace("\n  name: folder\n", "\n  name: synthetic\n"))
    genre("export", "--run", run, "--output", onnx)
    for given in (("--run", run), ("--checkpoint", run / run_folder.BEST), ("--onnx", onnx)):
        _, err = genre("predict", music_folder / "rock" / "1.wav", *given)
        assert err == "the model was trained on synthetic music: what it predicts for songs means nothing\n"


def test_a_file_name_of_any_bytes_is_written(trained: Path, tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_sound(tmp_path / "a.wav", sound(1)).rename(name)
    results = dict(predict_files(Predictor.load(trained), [name]))
    write_csv(tmp_path / "out.csv", ["blues", "jazz", "rock"], results)
    assert b"caf\xe9.wav,,,,,,UnicodeEncodeError" in (tmp_path / "out.csv").read_bytes()  # libsndfile's binding
