"""Runs compared: grouped, refused, joined, and written down."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import runs
from genre.evaluation.comparison import compare
from genre.reports import comparison
from genre.reports.comparison_text import conclusion
from genre.reports.console import print_comparison
from tests.evaluation.making import write_run

GOOD, BAD = np.arange(60) % 10 != 0, np.arange(60) % 2 == 0


def seeds(home: Path, artists: int = 10) -> list[Path]:
    """Two models of two seeds, on the same 60 tracks; the second seeds have one error more, or another one."""
    every = {
        "cnn1d_gru": (GOOD, GOOD & (np.arange(60) != 1)),
        "cnn2d_gru": (BAD, np.roll(BAD, 1)),
    }
    return [
        write_run(home / f"{name}-{seed}", correct, (f"model={name}", f"seed={seed}"), artists=artists)
        for name, both in every.items()
        for seed, correct in enumerate(both, 1)
    ]


def folds(home: Path, missing: int | None = None) -> list[Path]:
    return [
        write_run(home / f"{name}-{fold}", correct[20 * fold :][:20], (f"model={name}", f"data.fold={fold}"), 20 * fold)
        for name, correct in (("cnn1d_gru", GOOD), ("logreg", BAD))
        for fold in range(3)
        if name != "logreg" or fold != missing
    ]


def test_seeds_are_averaged(tmp_path: Path) -> None:
    result = compare(seeds(tmp_path, artists=60))
    assert result.table["label"].tolist() == ["cnn1d_gru", "cnn2d_gru"]
    assert result.table["accuracy"].tolist() == pytest.approx([53.5 / 60, 0.5])
    assert result.table["accuracy_sd"].tolist() == pytest.approx([np.std([0.9, 53 / 60], ddof=1), 0])
    assert result.table["parameters"].tolist() == [12345, 12345]
    pair = result.pairs.iloc[0]
    assert pair["accuracy"] == pytest.approx(23.5 / 60)
    assert 0 < pair["accuracy_low"] < 0.39 < pair["accuracy_high"]
    assert np.isnan(pair["p_mcnemar"])  # it knows no seeds
    assert conclusion(result).startswith("cnn1d_gru is more accurate than cnn2d_gru (accuracy, 5 % level")


def test_equal_models_are_not_distinguishable(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    assert "The 2 models are not distinguishable" in conclusion(compare(folders))


def test_folds_are_joined(tmp_path: Path) -> None:
    result = compare(folds(tmp_path))
    row = result.table.iloc[0]
    assert (row["seeds"], row["folds"], row["tracks"]) == (1, 3, 60)
    assert row["accuracy"] == row["accuracy_fold_mean"] == pytest.approx(0.9)
    assert row["accuracy_fold_sd"] == 0
    assert result.pairs["p_mcnemar"].notna().all()
    page = comparison.write_comparison_report(result, tmp_path / "report").read_text()
    assert "Mean and standard deviation over the folds" in page
    assert pd.read_csv(tmp_path / "report/tables/folds.csv")["accuracy_fold_mean"].tolist() == [0.9, 0.5]


def test_a_fold_that_a_model_lacks_is_left_out_and_named(tmp_path: Path) -> None:
    result = compare(folds(tmp_path, missing=1))
    assert [entrant.folds for entrant in result.entrants] == [2, 2]
    assert result.left_out == [
        "Fold 1 is left out: logreg (seed 42) has not finished it.",
        "2 of 5 folds are compared: the other folds' tracks are not tested.",
    ]


def test_runs_of_other_settings_are_no_seeds_of_one_model(tmp_path: Path) -> None:
    write_run(tmp_path / "a", GOOD, ("seed=1", "data.split_seed=1"))
    write_run(tmp_path / "b", GOOD, ("seed=2", "data.split_seed=1", "model.learning_rate=0.01"))
    with pytest.raises(
        GenreError, match=r"with model\.learning_rate=0\.001 and model\.learning_rate=0\.01: they are no"
    ):
        compare(runs.find_run_folders([str(tmp_path)]))


def test_a_difference_has_to_hold_for_other_seeds_too(tmp_path: Path) -> None:
    share = {"steady": (0.9, 0.9, 0.88), "shaky": (0.95, 0.5, 0.35), "low": (0.3, 0.32, 0.31)}
    for label, right in share.items():
        for seed, each in enumerate(right):
            given = (f"label={label}", f"seed={seed}")
            write_run(tmp_path / label / str(seed), np.arange(60) < 60 * each, given, artists=60)
    pairs = compare(runs.find_run_folders([str(tmp_path)])).pairs.set_index(["first", "second"])
    shaky, low = pairs.loc[("shaky", "steady")], pairs.loc[("low", "steady")]
    assert shaky["p_artists"] < 0.01
    welch = ttest_ind([57 / 60, 30 / 60, 21 / 60], [54 / 60, 54 / 60, 53 / 60], equal_var=False)
    assert shaky["p_seeds"] == pytest.approx(welch.pvalue)
    assert shaky["p"] == shaky["p_seeds"]
    assert not shaky["differs"]
    assert low["differs"]


def test_other_test_tracks_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", GOOD, ("seed=1",))
    write_run(tmp_path / "b", GOOD, ("seed=2",), first=30)
    with pytest.raises(GenreError, match=r"differ \(60 and 60, 30 in both\).* the same data.split_seed"):
        compare(runs.find_run_folders([str(tmp_path)]))


def test_other_genres_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", GOOD)
    write_run(tmp_path / "b", GOOD, ("label=other",), genres=("Folk", "Pop", "Jazz"))
    with pytest.raises(GenreError, match="know different genres"):
        compare(runs.find_run_folders([str(tmp_path)]))


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD) for name in "ab"]
    with pytest.raises(GenreError, match="are both cnn2d_gru with seed 42: leave one out"):
        compare(folders)


def test_unfinished_runs_are_left_out_and_named(tmp_path: Path) -> None:
    folders = seeds(tmp_path)
    for folder in folders[2:]:
        (folder / run_folder.SCORES).unlink()
    result = compare(folders)
    assert result.table["label"].tolist() == ["cnn1d_gru"]
    assert "cnn2d_gru-1 is not finished" in result.left_out[0]
    assert "cnn2d_gru-1 is not finished" in comparison.write_comparison_report(result, tmp_path / "report").read_text()
    with pytest.raises(GenreError, match="none of these runs is finished"):
        compare(folders[2:])


def test_broken_logits_are_told_of(tmp_path: Path) -> None:
    folders = seeds(tmp_path)
    table = pd.read_parquet(folders[0] / run_folder.PREDICTIONS)
    table.at[3, "logits"] = np.full(3, np.nan)
    table.to_parquet(folders[0] / run_folder.PREDICTIONS)
    assert compare(folders).left_out[0].startswith("1 test tracks of cnn1d_gru (seed 1) have logits")


def test_the_report_holds_table_and_figures_in_all_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compare(seeds(tmp_path))
    comparison.write_comparison_report(result, tmp_path / "report")
    report = tmp_path / "report"
    assert {path.name for path in (report / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in ("scores", "curves") for suffix in ("png", "svg")
    }
    names = {"scores.csv", "scores.md", "scores.tex", "more_scores.csv", "pairs.csv", "cost.csv"}
    assert {path.name for path in (report / "tables").iterdir()} == names
    assert "| cnn1d_gru |      2 | 89.2 ± 1.2 [" in (report / "tables/scores.md").read_text()
    assert r"cnn1d\_gru & 2 & 89.2 ± 1.2 [" in (report / "tables/scores.tex").read_text()
    page = (report / "index.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 4  # two figures, each for light and for dark paper
    assert "12,345" in page
    assert "With 10 artists in the test part the intervals are too narrow." in page
    print_comparison(result)
    assert "89.2 ± 1.2" in capsys.readouterr().out


@pytest.mark.parametrize("pattern", ["{home}", "{home}/*", "{home}/cnn?d_gru-[12]"])
def test_runs_are_found_by_folder_and_by_glob(tmp_path: Path, pattern: str) -> None:
    folders = seeds(tmp_path)
    assert runs.find_run_folders([pattern.format(home=tmp_path)]) == folders
    assert runs.find_run_folders([str(folders[1]), pattern.format(home=tmp_path)])[0] == folders[1]


def test_jobs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_run(tmp_path / str(number), GOOD)
    assert [folder.name for folder in runs.find_run_folders([str(tmp_path)])] == ["1", "9", "10"]


def test_nothing_found_and_damaged_runs_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match="is not a run folder, and holds none"):
        runs.find_run_folders([str(tmp_path / "nowhere")])
    folder = write_run(tmp_path / "run", GOOD)
    (folder / run_folder.PREDICTIONS).write_bytes(b"garbage")
    with pytest.raises(GenreError, match="cannot be read"):
        runs.load_run(folder)
    assert json.loads((folder / run_folder.SCORES).read_text())


def test_a_ladder_is_compared_with_its_lowest_rung(tmp_path: Path) -> None:
    for name, correct in (("leak_albums", GOOD), ("leak_artists", BAD), ("leak_nothing", BAD)):
        folder = write_run(tmp_path / name, correct, (f"label={name}",), artists=60)
        own = pd.DataFrame({"track_id": [f"t{number}" for number in range(9)] + [name], "split": "train"})
        pd.concat([pd.read_parquet(folder / run_folder.TRACKS), own]).to_parquet(folder / run_folder.TRACKS)
    result = compare(runs.find_run_folders([str(tmp_path)]))
    assert result.table["label"].tolist() == ["leak_nothing", "leak_artists", "leak_albums"]
    assert result.pairs[["first", "second"]].to_numpy().tolist() == [
        ["leak_artists", "leak_nothing"],
        ["leak_albums", "leak_nothing"],
    ]
    said = conclusion(result)
    leak = "(1 of 10 training tracks leak)"
    assert f"leak_artists {leak} is worth +0.0 points [+0.0, +0.0], not distinguishable from nothing" in said
    assert f"leak_albums {leak} is worth +40.0 points [" in said


def test_models_without_epochs_are_left_out_of_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cnn1d_gru", "logreg", "majority"):
        folder = write_run(tmp_path / name, GOOD, (f"model={name}",))
        if name != "cnn1d_gru":
            metrics = pd.DataFrame({"epoch": [0], "val/loss": [1.0], "val/f1_macro": [0.5]})
            metrics.to_csv(folder / run_folder.METRICS, index=False)
    drawn: list[str] = []
    draw = comparison.overlay_figure
    monkeypatch.setattr(comparison, "overlay_figure", lambda curves: drawn.extend(curves) or draw(curves))
    page = comparison.write_comparison_report(
        compare(runs.find_run_folders([str(tmp_path)])), tmp_path / "report"
    ).read_text()
    assert set(drawn) == {"cnn1d_gru"}
    assert "Without epochs, and so without curves: logreg, majority." in page
    assert "top-3" not in page  # of three genres
    baselines = compare([tmp_path / "logreg", tmp_path / "majority"])
    assert ">Curves</h2>" not in comparison.write_comparison_report(baselines, tmp_path / "baselines").read_text()


def test_a_run_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    folders = seeds(tmp_path)
    assert runs.find_run_folders([str(tmp_path), str(folders[2])]) == folders
