"""Several runs as one comparison: folds joined, seeds averaged, models tested against each other on the same tracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from genre import run_folder
from genre.config.schema import LEAKAGE_LEVELS
from genre.errors import GenreError
from genre.evaluation.bootstrap import bootstrap_scores, percentile_interval
from genre.evaluation.model_runs import ModelRuns, group_runs, keep_common_folds
from genre.evaluation.runs import load_run
from genre.evaluation.significance import holm_correction, mcnemar_test, paired_permutation_test, seed_t_test

ALPHA = 0.05


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

    entrants: list[ModelRuns]
    table: pd.DataFrame
    pairs: pd.DataFrame
    left_out: list[str]
    reference: str | None = None


def score_table(found: list[ModelRuns]) -> pd.DataFrame:
    """The final table, one row an entrant, as numbers.

    Args:
        found: As `entrants` makes them.

    Returns:
        label, seeds, folds, test_tracks; of each score its mean over seeds (folds joined), `_low` and `_high` (95 %
        interval over artists), `_sd` over seeds (none where they do not vary), and with folds `_fold_mean` and
        `_fold_sd`; parameters,
        train_seconds, clips_per_second.
    """
    rows = []
    for entrant in found:
        tests = list(entrant.seeds.values())
        draws = bootstrap_scores(tests)
        row = {"label": entrant.label, "seeds": len(tests), "folds": entrant.folds, "tracks": len(tests[0].target)}
        for name in draws:
            seeds = entrant.by_seed(name)
            low, high = percentile_interval(draws[name])
            spread = _sd(seeds) if entrant.varies else float("nan")
            row |= {name: seeds.mean(), f"{name}_low": low, f"{name}_high": high, f"{name}_sd": spread}
            if entrant.folds > 1:
                each = entrant.by_run(name)
                row |= {f"{name}_fold_mean": each.mean(), f"{name}_fold_sd": _sd(each)}
        row |= {name: entrant.mean(name) for name in ("parameters", "epochs", "train_seconds", "clips_per_second")}
        rows.append(row)
    return pd.DataFrame(rows)


def pairwise_tests(found: list[ModelRuns], reference: str | None = None) -> pd.DataFrame:
    """Test all pairs of entrants, or all against one.

    Args:
        found: As `entrants` makes them.
        reference: Label of the one that all others are compared with; None for all pairs.

    Returns:
        One row a pair: first, second, the differences of accuracy and F1 macro (first less second) with their paired
        intervals, `p_artists` (permutation), `p_seeds` (Welch, where seeds vary), `p` (the larger), `p_holm` over the
        pairs, `p_mcnemar` (where no seeds vary), `differs`.
    """
    draws = {entrant.label: bootstrap_scores(list(entrant.seeds.values())) for entrant in found}
    rows = []
    against = [(one, other) for other in found if other.label == reference for one in found if one is not other]
    for first, second in against if reference else combinations(found, 2):
        tests, others = list(first.seeds.values()), list(second.seeds.values())
        row: dict[str, object] = {"first": first.label, "second": second.label}
        for name in ("accuracy", "f1_macro"):
            difference = draws[first.label][name] - draws[second.label][name]
            low, high = percentile_interval(difference)
            row[name] = first.by_seed(name).mean() - second.by_seed(name).mean()
            row |= {f"{name}_low": low, f"{name}_high": high}
        row["p_artists"] = paired_permutation_test(tests, others)
        row["p_seeds"] = seed_t_test(first.by_seed("accuracy"), second.by_seed("accuracy"))
        row["p"] = np.nanmax([row["p_artists"], row["p_seeds"]])  # it has to hold for other artists and other seeds
        single = not first.varies and not second.varies
        row["p_mcnemar"] = mcnemar_test(tests[0], others[0]) if single else np.nan
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    result = pd.DataFrame(rows)
    result["p_holm"] = holm_correction(result["p"].tolist())
    return result.assign(differs=result["p_holm"] < ALPHA)


def _sd(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def compare(folders: list[Path], trust: Sequence[str] = ()) -> Comparison:
    """Compare finished runs; unfinished ones are left out.

    Args:
        folders: Run folders.
        trust: Resolvers that their configurations may use.

    Returns:
        The comparison.

    Raises:
        GenreError: No run is finished, or the runs cannot be compared.
    """
    finished = [folder for folder in folders if run_folder.is_finished(folder)]
    left_out = [f"{folder} is not finished: `run_dir={folder}` goes on with it." for folder in folders]
    left_out = [text for folder, text in zip(folders, left_out, strict=True) if folder not in finished]
    if not finished:
        raise GenreError(f"none of these runs is finished: train {folders[0]} to its end first")
    runs, lacking = keep_common_folds([load_run(folder, trust) for folder in finished])
    left_out += lacking
    found = group_runs(runs)
    for entrant in found:
        for seed, test in entrant.seeds.items():
            if broken := int((~test.usable).sum()):
                left_out.append(
                    f"{broken} test tracks of {entrant.label} (seed {seed}) have logits that are no numbers: they "
                    "count as wrong, and not for the log loss."
                )
    labels = [entrant.label for entrant in found]
    reference = LEAKAGE_LEVELS[0] if LEAKAGE_LEVELS[0] in labels and set(labels) <= set(LEAKAGE_LEVELS) else None
    if reference:
        found = sorted(found, key=lambda entrant: LEAKAGE_LEVELS.index(entrant.label))
    return Comparison(found, score_table(found), pairwise_tests(found, reference), left_out, reference)
