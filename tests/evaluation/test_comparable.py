"""Runs are compared on the same tracks by the same artists, each run once, and what is damaged is one line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import runs
from genre.evaluation.comparison import compare
from genre.reports import comparison
from genre.reports.comparison_text import score_caption
from tests.evaluation.making import write_run

GOOD, BAD = np.arange(60) % 10 != 0, np.arange(60) % 2 == 0


def change(folder: Path, name: str, **columns: object) -> None:
    """Replace columns of a run folder's table."""
    pd.read_parquet(folder / name).assign(**columns).to_parquet(folder / name)


def pair_of_runs(home: Path, artists: list[str | None]) -> list[Path]:
    """Two runs of equal predictions, the second with other artists; the first has `Artist n % 10`."""
    folders = [write_run(home / name, GOOD, (f"label={name}",)) for name in "ab"]
    change(folders[1], run_folder.TRACKS, artist=artists)
    return folders


def test_runs_whose_artists_are_named_otherwise_are_still_paired(tmp_path: Path) -> None:
    renamed = [f"{'zyxwvutsrq'[number % 10]} band" for number in range(60)]  # the same artists in another order
    pair = compare(pair_of_runs(tmp_path, renamed)).pairs.iloc[0]
    assert pair[["accuracy", "accuracy_low", "accuracy_high"]].tolist() == [0, 0, 0]


def test_runs_whose_tracks_are_by_other_artists_are_refused(tmp_path: Path) -> None:
    artists: list[str | None] = [f"Artist {number % 10}" for number in range(60)]
    artists[37] = "Artist 3"
    with pytest.raises(GenreError) as caught:
        compare(pair_of_runs(tmp_path / "one", artists))
    assert str(caught.value) == (
        "a (seed 42) and b (seed 42) differ in the artists of their test tracks (000037 is by Artist 7 in one and by "
        "Artist 3 in the other): train one of them again, on the data of the other"
    )
    artists[37] = None
    with pytest.raises(GenreError, match=r"\(000037 is by Artist 7 in one and by an unknown artist in the other\)"):
        compare(pair_of_runs(tmp_path / "two", artists))


def test_a_run_is_found_once_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    (tmp_path / "link").symlink_to(folders[1])
    monkeypatch.chdir(tmp_path)
    assert runs.find_run_folders(["a", str(folders[0]), "b/../a", "link", "*"]) == [Path("a"), Path("link")]


@pytest.mark.parametrize("missing", [[("logreg", 1), ("logreg", 2)], [("logreg", 2)], []])
def test_only_folds_that_are_compared_are_counted(tmp_path: Path, missing: list[tuple[str, int]]) -> None:
    folders = [
        write_run(tmp_path / f"{name}-{fold}", GOOD[:20], (f"model={name}", f"data.fold={fold}"), 20 * fold)
        for name in ("cnn1d_gru", "logreg")
        for fold in range(3)
        if (name, fold) not in missing
    ]
    compared = 3 - len(missing)
    said = f"{compared} of 5 folds {'is' if compared == 1 else 'are'} compared: the other folds' tracks are not tested."
    assert compare(folders).left_out[-1] == said


def test_a_track_that_was_predicted_twice_is_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", GOOD)
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    pd.concat([table, table.iloc[[7]]]).to_parquet(folder / run_folder.PREDICTIONS)
    with pytest.raises(GenreError) as caught:
        compare([folder])
    assert str(caught.value) == f"{folder} cannot be read (track 000007 has two predictions): train it again"


def test_logits_of_another_number_of_genres_are_one_line(tmp_path: Path) -> None:
    for name, logits, what in (
        ("wide", [np.zeros(5)] * 60, "5 logits per track for 3 genres"),
        ("ragged", [np.zeros(3 + (number == 8)) for number in range(60)], "4 logits per track for 3 genres"),
    ):
        folder = write_run(tmp_path / name, GOOD)
        change(folder, run_folder.PREDICTIONS, logits=logits)
        with pytest.raises(GenreError) as caught:
            compare([folder])
        assert str(caught.value) == f"{folder} cannot be read ({what}): train it again"


def test_a_run_without_test_tracks_is_one_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", GOOD)
    change(folder, run_folder.PREDICTIONS, split="val")
    with pytest.raises(GenreError) as caught:
        compare([folder])
    assert str(caught.value) == f"{folder} cannot be read (no predictions of test tracks): train it again"


def test_models_that_do_not_depend_on_the_seed_have_no_spread_and_no_p_of_seeds(tmp_path: Path) -> None:
    for label, correct in (("fixed", GOOD), ("fixed too", BAD)):
        for seed in range(3):
            write_run(tmp_path / label / str(seed), correct, (f"label={label}", f"seed={seed}"), artists=60)
    result = compare(runs.find_run_folders([str(tmp_path)]))
    assert result.table["accuracy_sd"].isna().all()
    pair = result.pairs.iloc[0]
    assert np.isnan(pair["p_seeds"])
    assert pair["p"] == pair["p_artists"] > 0
    assert pair["p_mcnemar"] > 0
    assert score_caption(result.entrants).startswith("One seed; ")
    page = comparison.write_comparison_report(result, tmp_path / "report").read_text()
    assert "90.0 [" in page
    assert "Welch" not in page


def test_a_model_that_does_not_depend_on_the_seed_is_tested_against_the_spread_of_the_other(tmp_path: Path) -> None:
    for seed, right in enumerate((0.5, 0.6, 0.7)):
        write_run(tmp_path / "fixed" / str(seed), GOOD, ("label=fixed", f"seed={seed}"))
        write_run(tmp_path / "other" / str(seed), np.arange(60) < 60 * right, ("label=other", f"seed={seed}"))
    from scipy.stats import ttest_1samp

    pair = compare(runs.find_run_folders([str(tmp_path)])).pairs.iloc[0]
    assert pair["p_seeds"] == pytest.approx(ttest_1samp([0.5, 0.6, 0.7], 0.9).pvalue)


def test_a_label_with_a_pipe_keeps_the_table_in_markdown(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label='{name}|x'",)) for name in "ab"]
    comparison.write_comparison_report(compare(folders), tmp_path / "report")
    lines = (tmp_path / "report/tables/scores.md").read_text().splitlines()
    cells = [line.replace(r"\|", "").count("|") for line in lines]
    assert cells == [6] * 4
    assert lines[2].startswith(r"| a\|x ")
