"""Runs are grouped by label, and compared only on the same tracks by the same artists."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.comparison import compare
from genre.evaluation.model_runs import group_runs, keep_common_folds
from genre.evaluation.runs import find_runs, load_run
from tests.evaluation.conftest import BAD, GOOD, write_folds, write_run, write_seeds


def group(folders: list[Path]) -> list:
    return group_runs([load_run(folder) for folder in folders])


def write_pair(home: Path, artists: list[str | None]) -> list[Path]:
    """Two runs with equal predictions; the artists of the first are `Artist n % 10`, those of the second are given."""
    folders = [write_run(home / name, GOOD, (f"label={name}",)) for name in "ab"]
    path = folders[1] / run_folder.TRACKS
    pd.read_parquet(path).assign(artist=artists).to_parquet(path)
    return folders


def test_runs_are_grouped_by_label_and_sorted_by_seed(tmp_path: Path) -> None:
    first, second = group(write_seeds(tmp_path)[::-1])
    assert [first.label, second.label] == ["cnn2d_gru", "cnn1d_gru"]
    assert [run.seed for run in first.runs] == list(first.predictions) == [1, 2]
    assert second.score_per_run("accuracy").tolist() == pytest.approx([54 / 60, 53 / 60])
    assert first.mean("parameters") == 12345
    assert np.isnan(first.mean("clips_per_second"))
    assert not first.deterministic
    assert first.n_folds == 1


def test_folds_are_joined(tmp_path: Path) -> None:
    model = group(write_folds(tmp_path))[0]
    assert model.n_folds == 3
    assert len(model.predictions[42].target) == 60
    assert model.score_per_run("accuracy").tolist() == pytest.approx([0.9] * 3)


def test_runs_with_renamed_artists_are_still_paired(tmp_path: Path) -> None:
    renamed = [f"{'zyxwvutsrq'[number % 10]} band" for number in range(60)]  # the same artists in another order
    pair = compare(write_pair(tmp_path, renamed)).pairs.iloc[0]
    assert pair["accuracy"] == 0
    assert np.isnan(pair["accuracy_low"])  # no resample differs
    assert pair["accuracy_p"] == 1


def test_tracks_by_other_artists_are_refused(tmp_path: Path) -> None:
    artists: list[str | None] = [f"Artist {number % 10}" for number in range(60)]
    artists[37] = "Artist 3"
    with pytest.raises(GenreError) as caught:
        group(write_pair(tmp_path / "one", artists))
    assert str(caught.value) == (
        "a (seed 42) and b (seed 42) differ in the artists of their test tracks (000037 is by Artist 7 in the first "
        "and by Artist 3 in the second): train them on the same data"
    )
    artists[37] = None
    with pytest.raises(GenreError, match=r"\(000037 is by Artist 7 in the first and by an unknown artist in the sec"):
        group(write_pair(tmp_path / "two", artists))


def test_runs_under_a_given_label_may_differ_in_their_own_and_in_memory_format(tmp_path: Path) -> None:
    one, other = ("seed=1", "label=default", "model.channels_last=false"), ("seed=2", "model.channels_last=true")
    labels = {
        write_run(tmp_path / settings[0], right, settings): "mine"
        for settings, right in ((one, GOOD), (other, np.roll(GOOD, 1)))
    }
    result = compare(list(labels), labels=labels)
    assert result.table[["label", "seeds"]].to_numpy().tolist() == [["mine", 2]]


MUSICNN = ("features._target_=genre.pretrained.extractor.Musicnn",)


def test_replicates_may_start_from_weights_of_their_own_and_lie_elsewhere(tmp_path: Path) -> None:
    given = [("seed=1", "ckpt_path=a", *MUSICNN, "features.weights=x")]
    given += [("seed=22", "ckpt_path=b", *MUSICNN, "features.weights=y")]
    folders = [write_run(tmp_path / settings[0], np.roll(GOOD, len(settings[0])), settings) for settings in given]
    assert len(group(folders)[0].runs) == 2
    folders.append(write_run(tmp_path / "none", GOOD, ("seed=3", *MUSICNN)))
    with pytest.raises(GenreError, match=r"differ in ckpt_path \(given and None\)"):
        group(folders)
    own = [write_run(tmp_path / place, GOOD, (f"seed={place}", f"features.weights={place}")) for place in "12"]
    with pytest.raises(GenreError, match=r"differ in features\.weights \(1 and 2\)"):
        group(own)


def test_runs_with_different_settings_are_not_replicates(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "a", GOOD, ("seed=1", "data.split_seed=1")),
        write_run(tmp_path / "b", GOOD, ("seed=2", "data.split_seed=1", "model.learning_rate=0.01")),
    ]
    with pytest.raises(GenreError) as caught:
        group(folders)
    assert str(caught.value) == (
        f"{folders[0]} and {folders[1]} share the label cnn2d_gru but differ in model.learning_rate (0.002 and 0.01): "
        "give them labels, as in 'run_dir={a: ..., b: ...}'"
    )


def test_other_test_tracks_are_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a", GOOD, ("seed=1",)), write_run(tmp_path / "b", GOOD, ("seed=2",), first=30)]
    with pytest.raises(GenreError, match=r"differ \(60 and 60, 30 in both\): train them with the same data.split_seed"):
        group(folders)


def test_other_genres_are_refused(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "a", GOOD),
        write_run(tmp_path / "b", GOOD, ("label=other",), genres=("A", "B", "C")),
    ]
    with pytest.raises(GenreError, match="have different genres: compare runs of the same genres"):
        group(folders)


def test_other_genres_of_the_same_tracks_are_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    path = folders[1] / run_folder.PREDICTIONS
    table = pd.read_parquet(path)
    table.assign(target=(table["target"] + 1) % 3).to_parquet(path)
    with pytest.raises(GenreError, match="have different genres for the same tracks: train them on the same data"):
        group(folders)


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match="are both cnn2d_gru with seed 42: leave one out"):
        group([write_run(tmp_path / name, GOOD) for name in "ab"])
    folds = [write_run(tmp_path / f"{n}", GOOD, (f"data.fold={fold}",)) for n, fold in enumerate((0, 1, 1))]
    with pytest.raises(GenreError, match=r"/1 and .*/2 are both cnn2d_gru with seed 42: leave one out"):
        group(folds)


def test_folds_with_different_genres_are_refused(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / str(fold), GOOD[:30], (f"data.fold={fold}",), 30 * fold, ("Folk", "Pop", last))
        for fold, last in enumerate(("Rock", "Soul"))
    ]
    with pytest.raises(GenreError, match="are folds of cnn2d_gru with different genres: train both on the same data"):
        group(folders)


def test_folds_that_share_tracks_are_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / str(fold), GOOD, (f"data.fold={fold}",), first=30 * fold) for fold in range(2)]
    with pytest.raises(GenreError, match=r"the folds of cnn2d_gru with seed 42 overlap: train them with the same"):
        group(folders)


@pytest.mark.parametrize("missing", [{("logreg", 1), ("logreg", 2)}, {("logreg", 2)}, set()])
def test_folds_that_some_model_lacks_are_left_out_and_named(tmp_path: Path, missing: set[tuple[str, int]]) -> None:
    write_folds(tmp_path, missing)
    runs, notes = keep_common_folds([load_run(folder) for folder in find_runs(str(tmp_path))])
    assert len(runs) == 2 * (3 - len(missing))
    *dropped, last = notes
    assert dropped == [
        f"Fold {fold} is left out, since it is not finished for logreg (seed 42)." for _, fold in sorted(missing)
    ]
    assert last == f"Folds compared: {3 - len(missing)} of 5. The tracks of the other folds are not tested."


def test_a_closed_form_fit_and_equal_seeds_count_once(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path / f"fit-{seed}", GOOD, ("model=logreg", f"seed={seed}"))
        write_run(tmp_path / f"equal-{seed}", GOOD, ("label=equal", f"seed={seed}"))
    write_run(tmp_path / "single", GOOD, ("label=single",))
    models = {model.label: model for model in group(list(find_runs(str(tmp_path))))}
    assert [models[label].deterministic for label in ("logreg", "equal", "single")] == [True, True, False]
    assert [models[label].has_single_seed for label in ("logreg", "equal", "single")] == [False, False, True]
    assert [len(models[label].runs) for label in ("logreg", "equal", "single")] == [1, 1, 1]


def test_closed_form_fits_to_other_tracks_are_replicates(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / str(n), right, (f"seed={n}",)) for n, right in enumerate((GOOD, BAD), 1)]
    same = [replace(load_run(folder), epochs=pd.DataFrame({"epoch": [0]})) for folder in folders]
    assert [list(model.predictions) for model in group_runs(same)] == [[1]]
    others = [replace(run, train_ids=frozenset({str(run.seed)})) for run in same]
    assert [list(model.predictions) for model in group_runs(others)] == [[1, 2]]
