from pathlib import Path

import pytest
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
        "error: In 'train': Could not find 'data/vinyl': available are fma, folder, gtzan, synthetic\n"
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
