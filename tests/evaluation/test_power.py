"""The smallest difference that is found: against published sample sizes, and against simulated tests."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm, t
from typer.testing import CliRunner

from genre.cli import app
from genre.evaluation.comparison import compare
from genre.evaluation.power import measured_spreads, paired_variance, power_table, smallest_difference
from tests.evaluation.conftest import write_run, write_seeds


def test_many_artists_need_the_differences_of_the_normal_distribution() -> None:
    # (1.960 + 0.842) standard errors, as in every table of sample sizes
    assert smallest_difference(0.02**2, 10_000, 0, 1) == pytest.approx(0.02 * 2.802, rel=1e-3)
    assert smallest_difference(0.02**2, 10_000, 0, 1, comparisons=10) == pytest.approx(
        0.02 * (norm.isf(0.0025) + norm.isf(0.2)), rel=1e-3
    )


def test_few_artists_need_larger_ones_by_the_table_of_the_paired_t_test() -> None:
    # a paired t-test of 10 pairs has 80 % power for an effect of 1.00 standard deviations (G*Power: 0.9976)
    assert smallest_difference(1 / 10, 10, 0, 1) == pytest.approx(0.9976, abs=0.002)
    # two groups of five have 80 % power for 2.02 standard deviations (G*Power: 2.0245)
    assert smallest_difference(1e-12, 10_000, 1, 5) == pytest.approx(2.0245, abs=0.005)


def test_the_difference_is_found_in_80_percent_of_simulated_cases() -> None:
    random = np.random.default_rng(0)
    variance, artists, deviation, seeds = 0.02**2, 40, 0.03, 3
    size = smallest_difference(variance, artists, deviation, seeds)
    of_artists = random.normal(0, np.sqrt(variance), 4000)
    scores = random.normal(np.array([size, 0])[:, None], deviation, (4000, 2, seeds))
    observed = scores.mean(axis=2) @ [1, -1] + of_artists
    parts = [
        variance * random.chisquare(artists - 1, 4000) / (artists - 1),
        scores.var(axis=2, ddof=1).mean(axis=1) * 2 / 3,
    ]
    df = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (artists - 1) + parts[1] ** 2 / 4)
    p = 2 * t.sf(np.abs(observed) / np.sqrt(parts[0] + parts[1]), df)
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.03)


def test_models_that_differ_disagree_about_as_many_tracks() -> None:
    # of 100 tracks by 100 artists, 6 must point the same way to be significant (2 / 2^6 < 0.05)
    alike = paired_variance(100, 100, 0.01, 0)
    assert smallest_difference(alike, 100, 0, 1) < 0.03
    size = smallest_difference(alike, 100, 0, 1, tracks=100)
    assert binom.sf(5, 100, size) == pytest.approx(0.8, abs=0.05)  # that one model is right about so many more
    assert np.isnan(smallest_difference(paired_variance(6, 6, 0.5, 0), 6, 0.3, 2, tracks=6))


def test_no_difference_is_found_where_no_test_can_find_one() -> None:
    assert np.isnan(smallest_difference(0.01**2, 4, 0.01, 3))  # below five artists there is no test
    assert np.isnan(smallest_difference(0.01**2, 5, 0, 1))  # 2 / 2^5 > 0.05: five artists cannot be significant
    assert np.isfinite(smallest_difference(0.01**2, 6, 0, 1))
    assert np.isnan(smallest_difference(0.01**2, 6, 0, 1, comparisons=2))
    assert smallest_difference(0, 100, 0, 1, tracks=100) == pytest.approx(0.08, abs=0.01)


def test_the_variance_of_typed_numbers() -> None:
    assert paired_variance(1000, 1000, 0.3, 0.5) == pytest.approx(0.3 / 1000)  # one track per artist
    assert paired_variance(1000, 200, 0.3, 1) == pytest.approx(0.3 / 200)  # tracks of an artist are alike
    assert paired_variance(1000, 200, 0.3, 0.25) == pytest.approx(0.3 / 1000 * 2)


def test_more_artists_and_seeds_find_smaller_differences() -> None:
    table = power_table(0.03**2, 500, 50, 0.02, 1)
    assert table["artists"].tolist() == [50, 100, 250]
    numbers = table[["2", "3", "5", "10"]].to_numpy()
    assert (np.diff(numbers, axis=1) < 0).all()
    assert (np.diff(numbers, axis=0) < 0).all()
    assert (table["fixed"] < table["10"]).all()
    assert list(power_table(0.03**2, 500, 50, float("nan"), 1)) == ["artists", "fixed"]


def test_a_comparison_is_measured(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path, artists=60))
    variance, _ = measured_spreads(result)["accuracy"]
    # the second model has half a point for each track: the variance is that of the first
    difference = np.mean([each.correct for each in result.models[0].predictions.values()], axis=0)
    assert variance == pytest.approx(difference.var() / 59, rel=0.1)


def test_the_command_answers_from_numbers_and_from_runs(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["power", "--tracks", "1000", "--artists", "200", "--seed-sd", "3"])
    assert done.exit_code == 0, done.output
    expected = smallest_difference(paired_variance(1000, 200, 0.35, 0.2), 200, 0.03, 3, tracks=1000)
    assert f"{100 * expected:.1f}" in done.output
    folders = [str(folder) for folder in write_seeds(tmp_path, artists=60)]
    done = CliRunner().invoke(app, ["power", *folders])
    assert done.exit_code == 0, done.output
    assert "F1 macro" in done.output


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert "give the runs of a comparison" in str(CliRunner().invoke(app, ["power"]).exception)
    assert "give the runs" in str(CliRunner().invoke(app, ["power", "--tracks", "5", "--artists", "9"]).exception)
    folder = write_run(tmp_path / "a", np.arange(60) > 5)
    few = write_seeds(tmp_path / "few", artists=1)
    assert "at least 2 artists" in str(CliRunner().invoke(app, ["power", *map(str, few)]).exception)
    labeled = [f"plain={few[0]}", f"dropout={few[1]}"]
    assert "at least 2 artists" in str(CliRunner().invoke(app, ["power", *labeled]).exception)
    assert CliRunner().invoke(app, ["power", "--tracks", "9", "--artists", "9", "--correlation", "-1"]).exit_code == 2
    assert "needs runs of several models" in str(CliRunner().invoke(app, ["power", str(folder)]).exception)
