"""The figure of a track's probabilities over time."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genre.audio.features import LogMel
from genre.inference.prediction import Prediction
from genre.inference.timeline import timeline_figure, write_timeline
from tests.conftest import sound, write_sound


def predicted(windows: int, genres: int, seconds: float) -> Prediction:
    timeline = np.random.default_rng(0).dirichlet(np.ones(genres), windows)
    times = np.linspace(0, seconds, windows, endpoint=False)
    return Prediction([f"genre {number}" for number in range(genres)], timeline.mean(axis=0), seconds, times, timeline)


@pytest.mark.parametrize(("genres", "layers"), [(2, 2), (6, 6), (7, 7), (9, 7)])
def test_the_layers_add_up_to_one_in_the_order_of_the_probabilities(genres: int, layers: int) -> None:
    prediction = predicted(11, genres, 30.0)
    figure = timeline_figure("a.mp3", np.zeros((50, 64)), prediction, LogMel(n_mels=64))
    above, below = figure.axes
    assert above.get_title() == "a.mp3"
    tops = [collection.get_paths()[0].vertices[:, 1].max() for collection in below.collections]
    assert len(tops) == layers
    assert tops[-1] == pytest.approx(1)
    names = [text.get_text() for text in below.get_legend().get_texts()][::-1]
    best = [name for name, _ in prediction.top(genres)]
    assert names == (best if layers == genres else [*best[:6], "others"])
    assert below.get_xlabel() == "time in s"


def test_the_narrow_figure_has_its_legend_below() -> None:
    figure = timeline_figure("a.mp3", np.zeros((50, 64)), predicted(11, 3, 30.0), LogMel(n_mels=64), narrow=True)
    assert figure.get_figwidth() == 5
    assert figure.axes[1].get_legend() is None
    assert len(figure.legends[0].get_texts()) == 3


def test_a_long_track_is_in_minutes() -> None:
    figure = timeline_figure("a.mp3", np.zeros((50, 64)), predicted(11, 3, 600.0), LogMel(n_mels=64))
    assert figure.axes[1].get_xlabel() == "time in min"
    assert figure.axes[1].get_xlim() == (0, 10)


def test_the_picture_shows_when_there_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_sound(path, np.concatenate([sound(1, seconds=2.0), 0 * sound(1, seconds=2.0), sound(1, seconds=1.0)]))
    drawn = []
    monkeypatch.setattr(
        "genre.inference.timeline.timeline_figure",
        lambda title, columns, *rest: (drawn.append(columns), timeline_figure(title, columns, *rest))[1],
    )
    write_timeline(
        tmp_path / "out" / "a.png", path, predicted(5, 3, 5.0), SimpleNamespace(sample_rate=22050, clip_seconds=5.0)
    )
    assert (tmp_path / "out" / "a.png").read_bytes().startswith(b"\x89PNG")
    (columns,) = drawn
    loud = columns.mean(axis=1) > columns.mean() - 10
    assert abs(loud.mean() - 3 / 5) < 0.05
    assert not loud[len(loud) // 2]
