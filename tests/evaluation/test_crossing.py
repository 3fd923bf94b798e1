"""What the audit prints on the screen."""

import shutil
from pathlib import Path

from typer.testing import CliRunner

from genre.cli import app
from tests.composing import TINY


def test_the_audit_says_how_many_artists_are_unknown(music_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "music"
    shutil.copytree(music_folder, root)
    rows = "".join(f"{genre}/{n}.wav,Band {n},First\n" for genre in ("rock", "jazz") for n in range(8))
    (root / "tracks.csv").write_text("path,artist,album\n" + rows)
    given = [*TINY, f"data.root={root}", f"paths.data={tmp_path}", "data.splits=stratified"]
    done = CliRunner().invoke(app, ["audit", *given])
    assert "artist unknown for 14 of 30 tracks" in done.output
    assert "album unknown for 14 of 30 tracks" in done.output
