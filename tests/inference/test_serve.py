"""The demo page without a browser."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genre.audio.decoding import AudioError
from genre.cli import app
from genre.errors import GenreError
from genre.inference import serve
from tests.conftest import sound, write_sound


class Constant:
    """Answers the same for each clip, in windows of one second."""

    genres = ["<b>", "rock"]  # noqa: RUF012
    sample_rate = 22050
    clip_seconds = 2.0
    min_seconds = 1.0

    def __init__(self) -> None:
        self.clips = 0

    def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.clips += 1
        return np.array([0.0, 1.0]), np.array([[0.75, 0.25], [0.75, 0.25]])


def test_a_song_has_its_probabilities_and_a_picture_without_markup_of_genres(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.mp3", sound(1, seconds=4.0))
    prediction, picture = serve.analyze(Constant(), path)
    assert prediction.top(2) == [("<b>", 0.75), ("rock", 0.25)]
    assert re.fullmatch(
        r'<img alt="[^"<>]*mostly &lt;b&gt;" src="data:image/png;base64,iVBOR[A-Za-z0-9+/=]+">', picture
    )


def test_a_long_song_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_MINUTES", 0.1)
    classifier = Constant()
    with pytest.raises(AudioError, match=r"longer than 0\.1 minutes"):
        serve.analyze(classifier, write_sound(tmp_path / "a.wav", sound(1, seconds=7.0)))
    assert classifier.clips == 0
    serve.analyze(classifier, write_sound(tmp_path / "b.wav", sound(1, seconds=5.0)))


def test_a_song_longer_than_its_header_says_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_MINUTES", 0.1)
    monkeypatch.setattr("genre.inference.serve.soundfile.info", lambda path: type("Info", (), {"duration": 1.0}))
    classifier = Constant()
    with pytest.raises(AudioError, match=r"longer than 0\.1 minutes"):
        serve.analyze(classifier, write_sound(tmp_path / "a.wav", sound(1, seconds=30.0)))
    assert classifier.clips <= 3


@pytest.mark.parametrize(
    ("content", "message"), [(b"import os", "does not recognize"), (b"", "empty"), (None, "no such")]
)
def test_what_is_not_a_song_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.mp3"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        serve.analyze(Constant(), path)
    assert message in serve.refusal(caught.value)


def test_a_refusal_shows_markup_as_text() -> None:
    assert "<script>" not in serve.refusal(AudioError("undecodable", "<script>"))


def test_gradio_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    for name in ("NO_PROXY", "no_proxy", "GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(GenreError, match="gradio is not installed: pip install 'gradio"):
        serve.serve_page(Constant(), "127.0.0.1", 7860)


def test_the_command_listens_on_this_machine_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("genre.cli.models._load", lambda onnx, runs, trust: (onnx, runs, trust))
    monkeypatch.setattr(serve, "serve_page", lambda *arguments: calls.append(arguments))
    runner = CliRunner()
    assert runner.invoke(app, ["serve", "--run", "a", "--run", "b"]).exit_code == 0
    assert runner.invoke(app, ["serve", "--onnx", "m.onnx", "--host", "0.0.0.0", "--port", "80"]).exit_code == 0
    assert calls == [
        ((None, [Path("a"), Path("b")], []), "127.0.0.1", 7860),
        ((Path("m.onnx"), [], []), "0.0.0.0", 80),
    ]
