"""Compare finished runs: join folds, average seeds, and test models against each other on the same tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from genre import run_folder
from genre.config.schema import LEAKAGE_LEVELS
from genre.errors import GenreError
from genre.evaluation.baselines import BASELINES, not_above
from genre.evaluation.bootstrap import Sampled, bootstrap_scores, score_interval, seed_spreads
from genre.evaluation.ensembles import add_ensembles
from genre.evaluation.model_runs import ModelRuns, group_runs, keep_common_folds
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import FinishedRun, load_run
from genre.evaluation.significance import TESTED_SCORES, holm_correction, permutation_test, t_test

ALPHA = 0.05
"""Significance level."""
OF_VALIDATION = "Scores on validation tracks are too high where these tracks selected the checkpoint or the settings."
ALL_PAIRS, OTHER_PAIRS = "all pairs", "all other pairs"


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        models: The compared models, one per label, and their ensembles.
        table: Their scores, as returned by `score_table`.
        pairs: Tests between them, as returned by `pairwise_tests`.
        notes: Sentences on what was left out, and why.
        samples: The scores of each model, as returned by `bootstrap_scores`.
    """

    models: list[ModelRuns]
    table: pd.DataFrame
    pairs: pd.DataFrame
    notes: list[str]
    samples: list[dict[str, Sampled]]

    @property
    def predictions(self) -> Predictions:
        """Predictions of the first model's first seed; all others are for the same tracks."""
        return next(iter(self.models[0].predictions.values()))

    def by_accuracy(self) -> "Comparison":
        """Order the models, the most accurate first; leakage levels stay in their order."""
        if all(model.label in LEAKAGE_LEVELS for model in self.models):
            return self
        order = self.table["accuracy"].sort_values(ascending=False, kind="stable").index
        models, samples = ([each[row] for row in order] for each in (self.models, self.samples))
        return replace(self, models=models, samples=samples, table=self.table.loc[order].reset_index(drop=True))


def compare(
    folders: list[Path],
    trust: Sequence[str] = (),
    split: str = "test",
    ensemble: bool = False,
    labels: Mapping[Path, str | None] | None = None,
) -> Comparison:
    """Compare finished runs; unfinished ones are left out.

    Args:
        folders: Run folders.
        trust: Packages that their configurations may name.
        split: Split whose stored predictions are compared, val or test.
        ensemble: Whether to add the ensembles of the runs, see `add_ensembles`.
        labels: Labels of run folders in place of their own.

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
    given = labels or {}
    runs, fold_notes = keep_common_folds([load_run(folder, trust, split, given.get(folder)) for folder in finished])
    return compare_runs(runs, [*notes, *fold_notes], ensemble)


def compare_runs(runs: list[FinishedRun], notes: list[str], ensemble: bool = False) -> Comparison:
    """Compare runs whose predictions are for the same tracks.

    Args:
        runs: The runs.
        notes: Sentences on what was left out, and why.
        ensemble: Whether to add the ensembles of the runs, see `add_ensembles`.

    Returns:
        The comparison.

    Raises:
        GenreError: The runs cannot be compared.
    """
    models, split = group_runs(runs), runs[0].predictions.split
    if all(model.label in LEAKAGE_LEVELS for model in models):
        models.sort(key=lambda model: LEAKAGE_LEVELS.index(model.label))
    if ensemble and any(model.label in LEAKAGE_LEVELS for model in models):
        raise GenreError("ensemble=true cannot average leakage levels, whose training sets differ: leave it out")
    if ensemble and len({model.train_fraction for model in models}) > 1:
        raise GenreError("ensemble=true cannot average models of several data.train_fraction: give those of one")
    models = add_ensembles(models) if ensemble else models
    notes = [*notes, *[OF_VALIDATION] * (split == "val")]
    notes += [
        f"{count} {predictions.split_name} tracks of {model.label}{f' (seed {seed})' * (model.members == 1)} have "
        "non-finite logits: they count as errors and are excluded from the log loss."
        for model in models
        for seed, predictions in model.predictions.items()
        if (count := int((~predictions.is_finite).sum()))
    ]
    notes += [
        f"{model.label} is not better than {title} on the validation tracks of {count} of {len(model.runs)} runs."
        for model in models
        for name, title in BASELINES.items()
        if model.members == 1 and (count := sum(bool(not_above(run.scores, name)) for run in model.runs))
    ]
    samples = [bootstrap_scores(model.counts, len(runs[0].predictions.genres)) for model in models]
    return Comparison(models, score_table(models, samples), pairwise_tests(models, samples), notes, samples)


def score_table(models: list[ModelRuns], samples: list[dict[str, Sampled]]) -> pd.DataFrame:
    """Tabulate the scores and costs of models.

    Args:
        models: As returned by `group_runs` or `add_ensembles`.
        samples: The scores of each, as returned by `bootstrap_scores`.

    Returns:
        One row per model: `label, split, seeds, folds, members, tracks`; for each score its mean over seeds (folds
        joined), `_low` and `_high` (confidence interval), `_sd` (standard deviation over seeds; missing for one seed)
        and, with folds, `_fold_mean` and `_fold_sd`; `parameters, epochs, train_seconds, clips_per_second`.
    """
    spreads = {name: seed_spreads([sample[name] for sample in samples]) for name in samples[0]}
    rows = []
    for number, (model, sample) in enumerate(zip(models, samples, strict=True)):
        tested = next(iter(model.predictions.values()))
        row = {"label": model.label, "split": tested.split, "seeds": len(model.predictions), "folds": model.n_folds}
        row |= {"members": model.members, "tracks": len(tested.target)}
        for name, score in sample.items():
            low, high = score_interval(name, score, tested, spreads[name][number])
            row |= {name: score.values.mean(), f"{name}_low": low, f"{name}_high": high}
            row[f"{name}_sd"] = pd.Series(score.values).std()  # missing for one seed
            if model.n_folds > 1:
                values = model.score_per_run(name)
                row |= {f"{name}_fold_mean": values.mean(), f"{name}_fold_sd": pd.Series(values).std()}
        row |= {name: model.mean(name) for name in ("parameters", "epochs", "train_seconds", "clips_per_second")}
        rows.append(row)
    return pd.DataFrame(rows)


def planned_pairs(models: list[ModelRuns]) -> dict[str, list[tuple[int, int]]]:
    """Choose the comparisons to test by the key `against` of the runs: only these share a correction.

    Args:
        models: As returned by `group_runs` or `add_ensembles`.

    Returns:
        Pairs of indices of models by question. The closed-form baseline that is best on the validation tracks is
        compared with each network; this, and all other pairs, are two questions.
    """
    numbers = range(len(models))
    labels = [model.label for model in models]
    wanted = {run.config.get("against") for model in models for run in model.runs}
    against = wanted.pop() if len(wanted) == 1 else None
    single = [number for number in numbers if models[number].members == 1]
    if against == "previous":
        return {"each step with the one before": [(second, first) for first, second in pairwise(single)]}
    if against == "smaller":
        by_size = sorted(single, key=lambda number: (models[number].series, models[number].training_tracks))
        if larger := [(more, less) for less, more in pairwise(by_size) if models[more].series == models[less].series]:
            return {"each training set with the next smaller one": larger}
    if against in labels:
        reference = labels.index(against)
        return {f"each with {against}": [(number, reference) for number in numbers if number != reference]}
    pairs = list(combinations(numbers, 2))
    baselines = [number for number in numbers if models[number].deterministic]
    if len(baselines) in (0, len(models)):
        return {ALL_PAIRS: pairs}
    best = max(baselines, key=lambda number: np.nan_to_num(models[number].mean("val/f1_macro")))
    first = [(number, best) for number in numbers if number not in baselines]
    others = [pair for pair in pairs if pair not in first and pair[::-1] not in first]
    return {f"each network with {labels[best]}, the best baseline": first, OTHER_PAIRS: others}


def pairwise_tests(models: list[ModelRuns], samples: list[dict[str, Sampled]]) -> pd.DataFrame:
    """Test the planned pairs of models.

    Args:
        models: As returned by `group_runs` or `add_ensembles`.
        samples: The scores of each, as returned by `bootstrap_scores`.

    Returns:
        One row per pair: `first, second, split, question, test` (`t` over artists and seeds; `permutation` over artists
        if a model has a single seed, or both are deterministic); for accuracy and F1 macro the difference (first minus
        second), `_low` and `_high` (confidence interval), `_p`, `_p_holm` (adjusted within the question) and
        `_significant`.
    """
    spreads = {name: seed_spreads([sample[name] for sample in samples]) for name in TESTED_SCORES}
    tested = next(iter(models[0].predictions.values()))
    rows = []
    for question, pairs in planned_pairs(models).items():
        for pair in pairs:
            first, second = (models[number] for number in pair)
            row: dict[str, object] = {"first": first.label, "second": second.label}
            row |= {"split": tested.split, "question": question}
            over_seeds = not (
                first.has_single_seed or second.has_single_seed or (first.deterministic and second.deterministic)
            )
            found = {}
            for name in TESTED_SCORES:
                seeds = [spreads[name][number] for number in pair] if over_seeds else []
                ours, theirs = (samples[number][name] for number in pair)
                found[name] = t_test(ours, theirs, tested.n_clusters, seeds)
                row |= {name: found[name].value, f"{name}_low": found[name].low, f"{name}_high": found[name].high}
            if over_seeds := over_seeds and not np.isnan([each.p for each in found.values()]).any():
                p_values = {name: each.p for name, each in found.items()}
            else:
                p_values = permutation_test(first.counts, second.counts, len(tested.genres))
            row["test"] = "t" if over_seeds else "permutation"
            row |= {f"{name}_p": p for name, p in p_values.items()}
            rows.append(row)
    table = pd.DataFrame(rows)
    for name in TESTED_SCORES if rows else ():
        table[f"{name}_p_holm"] = table.groupby("question")[f"{name}_p"].transform(holm_correction)
        table[f"{name}_significant"] = table[f"{name}_p_holm"] < ALPHA
    return table
