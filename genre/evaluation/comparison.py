"""Compare finished runs: join folds, average seeds, and test models against each other on the same tracks."""

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
from genre.evaluation.ensembles import add_ensembles
from genre.evaluation.model_runs import ModelRuns, group_runs, keep_common_folds
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import load_run
from genre.evaluation.significance import holm_correction, mcnemar_test, paired_permutation_test, seed_t_test

ALPHA = 0.05
"""Significance level."""
OF_VALIDATION = "Scores on validation tracks are too high where these tracks selected the checkpoint or the settings."
OF_ENSEMBLES = "An ensemble is one model: its differences are tested over artists, and not over seeds."


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        models: The compared models, one per label, and their ensembles.
        table: Their scores, as returned by `score_table`.
        pairs: Tests between them, as returned by `pairwise_tests`.
        notes: Sentences on what was left out, and why.
        reference: Label that all others are compared with; None if all pairs are compared.
    """

    models: list[ModelRuns]
    table: pd.DataFrame
    pairs: pd.DataFrame
    notes: list[str]
    reference: str | None = None

    @property
    def predictions(self) -> Predictions:
        """Predictions of the first model's first seed; all others are for the same tracks."""
        return next(iter(self.models[0].predictions.values()))


def compare(folders: list[Path], trust: Sequence[str] = (), split: str = "test", ensemble: bool = False) -> Comparison:
    """Compare finished runs; unfinished ones are left out.

    Args:
        folders: Run folders.
        trust: Packages that their configurations may name.
        split: Split whose stored predictions are compared, val or test.
        ensemble: Whether to add the ensembles of the runs, see `add_ensembles`.

    Returns:
        The comparison.

    Raises:
        GenreError: No run is finished, or the runs cannot be compared.
    """
    finished = [folder for folder in folders if run_folder.is_finished(folder)]
    if not finished:
        raise GenreError(f"none of these runs is finished: resume one first, with run_dir={folders[0]}")
    unfinished = [folder for folder in folders if folder not in finished]
    notes = [f"{folder} is unfinished: resume it with run_dir={folder}." for folder in unfinished]
    runs, fold_notes = keep_common_folds([load_run(folder, trust, split) for folder in finished])
    models = group_runs(runs)
    labels = [model.label for model in models]
    reference = LEAKAGE_LEVELS[0] if LEAKAGE_LEVELS[0] in labels and set(labels) <= set(LEAKAGE_LEVELS) else None
    if reference:
        models.sort(key=lambda model: LEAKAGE_LEVELS.index(model.label))
    if reference and ensemble:
        raise GenreError("ensemble=true cannot average leakage levels, whose training sets differ: leave it out")
    models = add_ensembles(models) if ensemble else models
    notes += [*fold_notes, *[OF_VALIDATION] * (split == "val"), *[OF_ENSEMBLES] * ensemble]
    notes += [
        f"{count} {predictions.split_name} tracks of {model.label}{f' (seed {seed})' * (model.members == 1)} have "
        "non-finite logits: they count as errors and are excluded from the log loss."
        for model in models
        for seed, predictions in model.predictions.items()
        if (count := int((~predictions.is_finite).sum()))
    ]
    return Comparison(models, score_table(models), pairwise_tests(models, reference), notes, reference)


def score_table(models: list[ModelRuns]) -> pd.DataFrame:
    """Tabulate the scores and costs of models.

    Args:
        models: As returned by `group_runs` or `add_ensembles`.

    Returns:
        One row per model: `label, split, seeds, folds, members, tracks`; for each score its mean over seeds (folds
        joined), `_low` and `_high` (confidence interval), `_sd` (standard deviation over seeds; missing if predictions
        do not depend on the seed) and, with folds, `_fold_mean` and `_fold_sd`; `parameters, epochs, train_seconds,
        clips_per_second`.
    """
    rows = []
    for model in models:
        seeds = list(model.predictions.values())
        row = {"label": model.label, "split": seeds[0].split, "seeds": len(seeds), "folds": model.n_folds}
        row |= {"members": model.members, "tracks": len(seeds[0].target)}
        for name, resampled in bootstrap_scores(seeds).items():
            values = model.score_per_seed(name)
            low, high = percentile_interval(resampled)
            deviation = _deviation(values) if model.depends_on_seed else float("nan")
            row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high, f"{name}_sd": deviation}
            if model.n_folds > 1:
                values = model.score_per_run(name)
                row |= {f"{name}_fold_mean": values.mean(), f"{name}_fold_sd": _deviation(values)}
        row |= {name: model.mean(name) for name in ("parameters", "epochs", "train_seconds", "clips_per_second")}
        rows.append(row)
    return pd.DataFrame(rows)


def pairwise_tests(models: list[ModelRuns], reference: str | None = None) -> pd.DataFrame:
    """Test all pairs of models, or all models against one.

    Args:
        models: As returned by `group_runs` or `add_ensembles`.
        reference: Label of the model that all others are compared with; None for all pairs.

    Returns:
        One row per pair: `first, second, split`; the differences (first minus second) `accuracy` and `f1_macro` with
        paired confidence intervals; p-values `p_artists` (permutation test), `p_seeds` (t-test, where seeds vary), `p`
        (the larger of the two), `p_holm` (`p` adjusted over pairs), `p_mcnemar` (where no seed varies and no track is
        repeated); `significant`.
    """
    resampled = {model.label: bootstrap_scores(list(model.predictions.values())) for model in models}
    pairs = [(one, other) for other in models if other.label == reference for one in models if one is not other]
    rows = []
    for first, second in pairs if reference else combinations(models, 2):
        row: dict[str, object] = {"first": first.label, "second": second.label}
        row["split"] = next(iter(first.predictions.values())).split
        for name in ("accuracy", "f1_macro"):
            low, high = percentile_interval(resampled[first.label][name] - resampled[second.label][name])
            difference = first.score_per_seed(name).mean() - second.score_per_seed(name).mean()
            row |= {name: difference, f"{name}_low": low, f"{name}_high": high}
        seeds, other_seeds = list(first.predictions.values()), list(second.predictions.values())
        row["p_artists"] = paired_permutation_test(seeds, other_seeds)
        row["p_seeds"] = seed_t_test(first.score_per_seed("accuracy"), second.score_per_seed("accuracy"))
        row["p"] = np.nanmax([row["p_artists"], row["p_seeds"]])  # has to hold for other artists and for other seeds
        single = not first.depends_on_seed and not second.depends_on_seed and not seeds[0].has_repeats
        row["p_mcnemar"] = mcnemar_test(seeds[0], other_seeds[0]) if single else np.nan
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    table["p_holm"] = holm_correction(table["p"].tolist())
    return table.assign(significant=table["p_holm"] < ALPHA)


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
