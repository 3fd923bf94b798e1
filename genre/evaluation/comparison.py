"""Several runs as one comparison: folds joined, seeds averaged, models tested against each other on the same tracks."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from genre.errors import GenreError
from genre.evaluation.answers import SCORES, Answers, joined, scores
from genre.evaluation.runs import Run
from genre.evaluation.statistics import exact_mcnemar, holm, interval, permutation, resampled_scores

ALPHA = 0.05


@dataclass(frozen=True)
class Entrant:
    """One row of the comparison: the runs of one label.

    Attributes:
        label: Its name.
        runs: Its runs, by seed and fold.
        seeds: What it said of all test tracks, by seed; folds are joined.
    """

    label: str
    runs: list[Run]
    seeds: dict[int, Answers]

    @property
    def folds(self) -> int:
        """How many folds its test tracks come from; 1 for a single split."""
        return len(self.runs) // len(self.seeds)

    def by_run(self, name: str) -> np.ndarray:
        """A score of each run, shape (runs,)."""
        return np.array([float(_scores(run.test)[name]) for run in self.runs])

    def by_seed(self, name: str) -> np.ndarray:
        """A score of each seed, folds joined, shape (seeds,)."""
        return np.array([float(_scores(test)[name]) for test in self.seeds.values()])

    def mean(self, name: str) -> float:
        """What is written beside a run's scores, such as `parameters`, over the runs; NaN where a run lacks it."""
        return float(np.mean([run.scores.get(name, np.nan) for run in self.runs]))


@dataclass(frozen=True)
class Comparison:
    """Runs that were compared.

    Attributes:
        entrants: One a label.
        table: As `table` makes it.
        pairs: As `pairs` makes it.
        left_out: What is not in it and why, a sentence each.
        reference: The one that all others are compared with; None for all pairs.
    """

    entrants: list[Entrant]
    table: pd.DataFrame
    pairs: pd.DataFrame
    left_out: list[str]
    reference: str | None = None


def entrants(runs: list[Run]) -> list[Entrant]:
    """Group runs by label, in the order in which labels come first.

    Args:
        runs: Finished runs.

    Returns:
        What is compared.

    Raises:
        GenreError: Test tracks differ in a way that folds do not explain, or two runs are the same.
    """
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.label, []).append(run)
    found = [_entrant(label, members) for label, members in grouped.items()]
    reference = found[0]
    for entrant in found:
        for seed, test in entrant.seeds.items():
            _same_tracks(reference, entrant, seed, test)
    return found


def _entrant(label: str, runs: list[Run]) -> Entrant:
    seeds: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.seed, -1 if run.fold is None else run.fold)):
        seeds.setdefault(run.seed, []).append(run)
    for seed, members in seeds.items():
        folds = [run.fold for run in members]
        if len(members) > 1 and (None in folds or len(set(folds)) < len(folds)):
            names = " and ".join(str(run.folder) for run in members[:2])
            raise GenreError(
                f"{names} are both {label} with seed {seed}: leave one out, or train one again with another label=..."
            )
        ids = np.concatenate([run.test.track_id for run in members])
        if len(np.unique(ids)) < len(ids):
            raise GenreError(f"the folds of {label} with seed {seed} share test tracks: they are not of one division")
    ordered = [run for members in seeds.values() for run in members]
    tests = {seed: joined([run.test for run in members]) for seed, members in seeds.items()}
    return Entrant(label, ordered, tests)


def _same_tracks(reference: Entrant, entrant: Entrant, seed: int, test: Answers) -> None:
    first_seed, first = next(iter(reference.seeds.items()))
    one, other = f"{reference.label} (seed {first_seed})", f"{entrant.label} (seed {seed})"
    if first.genres != test.genres:
        raise GenreError(f"{one} and {other} know different genres: a comparison needs the same ones")
    ours, theirs = set(first.track_id), set(test.track_id)
    if ours == theirs and (first.target == test.target).all():
        return
    if ours == theirs:
        raise GenreError(f"{one} and {other} know different genres of the same tracks: the data changed between them")
    folds = {run.fold for run in reference.runs if run.seed == first_seed}
    lacking = folds ^ {run.fold for run in entrant.runs if run.seed == seed}
    if lacking and None not in lacking:
        raise GenreError(f"fold {min(lacking - {None})} of {one} or {other} is missing: every model needs all folds")  # type: ignore[type-var]
    advice = "train them with the same data.split_seed" if first_seed != seed else "train them on the same split"
    raise GenreError(
        f"the test tracks of {one} and {other} differ ({len(ours)} and {len(theirs)}, {len(ours & theirs)} in both), "
        f"so that their scores cannot be compared: {advice}"
    )


def table(found: list[Entrant]) -> pd.DataFrame:
    """The final table, one row an entrant, as numbers.

    Args:
        found: As `entrants` makes them.

    Returns:
        label, seeds, folds, test_tracks; of each score its mean over seeds (folds joined), `_low` and `_high` (95 %
        interval over artists), `_sd` over seeds, and with folds `_fold_mean` and `_fold_sd`; parameters,
        train_seconds, clips_per_second.
    """
    rows = []
    for entrant in found:
        tests = list(entrant.seeds.values())
        draws = resampled_scores(tests)
        row = {"label": entrant.label, "seeds": len(tests), "folds": entrant.folds, "tracks": len(tests[0].target)}
        for name in SCORES:
            seeds = entrant.by_seed(name)
            low, high = interval(draws[name])
            row |= {name: seeds.mean(), f"{name}_low": low, f"{name}_high": high, f"{name}_sd": _sd(seeds)}
            if entrant.folds > 1:
                each = entrant.by_run(name)
                row |= {f"{name}_fold_mean": each.mean(), f"{name}_fold_sd": _sd(each)}
        row |= {name: entrant.mean(name) for name in ("parameters", "epochs", "train_seconds", "clips_per_second")}
        rows.append(row)
    return pd.DataFrame(rows)


def pairs(found: list[Entrant], reference: str | None = None) -> pd.DataFrame:
    """Test all pairs of entrants, or all against one.

    Args:
        found: As `entrants` makes them.
        reference: Label of the one that all others are compared with; None for all pairs.

    Returns:
        One row a pair: first, second, the differences of accuracy and F1 macro (first less second) with their paired
        intervals, `p` (artist-wise permutation), `p_holm` over the pairs, `p_mcnemar` (single seeds only), `differs`.
    """
    draws = {entrant.label: resampled_scores(list(entrant.seeds.values())) for entrant in found}
    rows = []
    against = [(one, other) for other in found if other.label == reference for one in found if one is not other]
    for first, second in against if reference else combinations(found, 2):
        tests, others = list(first.seeds.values()), list(second.seeds.values())
        row: dict[str, object] = {"first": first.label, "second": second.label}
        for name in ("accuracy", "f1_macro"):
            difference = draws[first.label][name] - draws[second.label][name]
            low, high = interval(difference)
            row[name] = first.by_seed(name).mean() - second.by_seed(name).mean()
            row |= {f"{name}_low": low, f"{name}_high": high}
        row["p"] = permutation(tests, others)
        single = len(tests) == len(others) == 1
        row["p_mcnemar"] = exact_mcnemar(tests[0], others[0]) if single else np.nan
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    result = pd.DataFrame(rows)
    result["p_holm"] = holm(result["p"].tolist())
    return result.assign(differs=result["p_holm"] < ALPHA)


def _scores(test: Answers) -> dict[str, np.ndarray]:
    return scores(test.counts.sum(axis=0), len(test.genres))


def _sd(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
