"""Report of a comparison of several runs."""

import os
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from markupsafe import Markup

from genre import run_folder
from genre.evaluation.bootstrap import interval_warnings
from genre.evaluation.comparison import Comparison
from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import FINAL_SCORES, SCORE_LABELS, compute_scores, per_class_scores
from genre.evaluation.significance import TESTED_SCORES
from genre.provenance import data_facts, read_record
from genre.reports import comparison_text as text
from genre.reports.figures import forest_plot, learning_curves_overlay, scores_by_size
from genre.reports.formatting import INTERVAL, format_interval, format_number, to_markdown
from genre.reports.page import INDEX, TABLES, Page

LISTED = 20
"""Tracks in the table of those on which models disagree; the csv file has all."""


def write_comparison_report(result: Comparison, folder: Path, source: str = "") -> Path:
    """Write the report of a comparison, its figures and its tables.

    Args:
        result: The comparison.
        folder: Folder of the report.
        source: What is compared, see `Page`.

    Returns:
        Path of the page.
    """
    first, result = result.predictions, result.by_accuracy()
    subtitle = f"{len(result.models)} models, {first.describe()}, {len(first.genres)} genres"
    page = Page(f"Comparison on {first.split_name} tracks", subtitle, _facts(result), source=source)
    _add_scores(page, result)
    for note in [*interval_warnings(first), *result.notes]:
        page.text(note, "note")
    if len(result.pairs):
        page.section("Differences")
        page.text(text.conclusion(result), "result")
        caption = text.TEST_CAPTION.format(split=first.split_name.capitalize(), cluster=first.cluster_name)
        page.table(result.pairs, "pairs", caption, shown=text.pair_table(result.pairs))
    _add_sizes(page, result)
    _add_genres(page, result)
    _add_disagreements(page, result)
    _add_curves(page, result)
    _add_runs(page, result, folder)
    _add_folds_and_cost(page, result)
    return page.write(folder)


def _facts(result: Comparison) -> dict[str, str]:
    """State what the runs were trained on, when, and with which version."""
    runs = {run.folder: run for model in result.models if model.members == 1 for run in model.runs}
    data = [data_facts(run.folder, run.config.data, run.config.seed) for run in runs.values()]
    sets, _, ids = zip(*(each["data set"].partition(", id ") for each in data), strict=True)
    sessions = [session for folder in runs for session in read_record(folder).get("sessions", [])]
    dates = sorted(session["date"][:10] for session in sessions)
    code = [", commit ".join(filter(None, map(session.get, ("version", "git_commit")))) for session in sessions]
    splits = [re.sub(r"fold \d+ of (\d+)", r"\1 folds", each["split"]) for each in data]
    days = dict.fromkeys([*dates[:1], *dates[-1:]])
    facts = {"trained on": sets, "data id": ids, "split": splits, "date": [" to ".join(days)], "version": code}
    joined = {name: "; ".join(dict.fromkeys(filter(None, values))) for name, values in facts.items()}
    return {name: value for name, value in joined.items() if value}


def _add_scores(page: Page, result: Comparison) -> None:
    page.section("Scores")
    table, first = result.table, result.predictions
    every = tuple(name for name in SCORE_LABELS if name in table)
    page.table(table, "scores", text.score_caption(result), shown=text.format_scores(table, every))
    final = text.format_scores(table)
    page.file(f"{TABLES}/scores.md", to_markdown(final))
    page.file(f"{TABLES}/scores.tex", final.to_latex(index=False, escape=True))
    names = {f"{first.split_name} {SCORE_LABELS[name]} %": name for name in ("accuracy", "f1_macro")}
    panels = {label: 100 * table[[name, f"{name}_low", f"{name}_high"]].to_numpy().T for label, name in names.items()}
    runs = {label: [100 * model.score_per_run(name) for model in result.models] for label, name in names.items()}
    has_folds = bool((table["folds"] > 1).any())
    alt = f"Accuracy and F1 macro of {len(result.models)} models on {first.split_name} tracks with 95 % intervals."
    caption = f"Large dots: mean over seeds. Lines: 95 % intervals. Small dots: runs{', each of one fold' * has_folds}."
    page.figure(forest_plot(table["label"].tolist(), panels, runs), "scores", alt, caption)


def _add_sizes(page: Page, result: Comparison) -> None:
    """Add the scores by the number of training tracks, if models were trained on several fractions of them."""
    models = [model for model in result.models if model.members == 1]
    if len({model.train_fraction for model in models}) < 2:
        return
    page.section("Training tracks")
    facts = [(model.series, model.train_fraction, model.training_tracks) for model in models]
    table = pd.DataFrame(facts, columns=["model", "fraction", "training tracks"])
    limits = [f"{name}{end}" for name in TESTED_SCORES for end in ("", "_low", "_high")]
    table[limits] = 100 * result.table.loc[result.table["members"] == 1, limits].to_numpy(float)
    table = table.sort_values(["model", "training tracks"], ignore_index=True)
    panels, shown = {}, table[["model", "fraction"]].copy()
    shown["training tracks"] = table["training tracks"].map("{:.0f}".format)
    for name in TESTED_SCORES:
        columns, title = [name, f"{name}_low", f"{name}_high"], f"{SCORE_LABELS[name]} %"
        lines = table[["training tracks", *columns]].groupby(table["model"])
        panels[title] = {str(model): rows.to_numpy().T for model, rows in lines}
        shown[title] = [format_interval(".1f", *row) for row in table[columns].itertuples(index=False)]
    tested = result.predictions.split_name
    caption = f"Scores by number of training tracks (mean over runs), on the same {tested} tracks. {INTERVAL}"
    page.table(table, "sizes", caption, shown=shown)
    alt = "Accuracy and F1 macro by the number of training tracks with 95 % intervals."
    caption = "Vertical lines: 95 % intervals. Equal distances along the axis are equal factors."
    page.figure(scores_by_size(panels), "sizes", alt, caption)


def _add_genres(page: Page, result: Comparison) -> None:
    """Add the F1 of each genre by model; the file has precision and recall as well."""
    page.section("Genres")
    first, tables, shown = result.predictions, [], pd.DataFrame({"model": [model.label for model in result.models]})
    for model in result.models:
        scores = per_class_scores(model.counts.sum(axis=1), len(first.genres))
        means = {name: values.mean(axis=0) for name, values in scores.items()}
        tables.append(pd.DataFrame({"model": model.label, "genre": first.genres, **means}))
    table = pd.concat(tables, ignore_index=True)
    for number, genre in enumerate(first.genres):
        column = f"{genre} ({(first.target == number).sum()})"
        shown[column] = [format_number(100 * f1, ".1f") for f1 in table.loc[table["genre"] == genre, "f1"]]
    seeds = ", mean over seeds" * bool((result.table["seeds"] > 1).any())
    caption = f"F1 in percent{seeds}. In brackets: the number of {first.split_name} tracks."
    page.table(table, "genres", caption, shown=shown)


def _add_disagreements(page: Page, result: Comparison) -> None:
    """Add the tracks that some models classify correctly and others do not, the most divided first."""
    models = [model for model in result.models if model.members == 1]
    each = {model.label: Predictions.average(list(model.predictions.values())) for model in models}
    each = {label: one for label, one in each.items() if np.ptp(one.prediction)}  # one genre for all says nothing
    if len(each) < 2:
        return
    page.section("Disagreements")
    first = next(iter(each.values()))
    right = np.mean([one.correct for one in each.values()], axis=0)
    rows = np.flatnonzero((right > 0) & (right < 1))
    sure = [np.where(one.is_finite, one.log_probability.max(axis=1), -np.inf) for one in each.values()]
    rows = rows[np.lexsort((-np.mean(sure, axis=0)[rows], np.abs(right[rows] - 0.5).round(6)))]
    if not len(rows):
        page.text("All models are right about the same tracks.")
        return
    table = pd.DataFrame({"track": first.track_id[rows]})
    table["genre"] = [first.genres[number] for number in first.target[rows]]
    for label, one in each.items():
        named = [first.genres[number] if number >= 0 else None for number in one.prediction[rows]]
        table[label] = np.where(one.correct[rows], "✓", np.array(named, object))
    if first.has_artists:
        table["artist"] = [name.partition(" ")[2] for name in first.artist[rows]]
    table["title"] = first.title[rows]
    caption = f"The models disagree on {len(rows)} of {len(right)} tracks. The most divided come first. "
    caption += "✓: right; otherwise the predicted genre."
    caption += " Seeds: their mean probability." * any(len(model.predictions) > 1 for model in models)
    page.table(table, "disagreements", caption, shown=table.head(LISTED))


def _add_runs(page: Page, result: Comparison, folder: Path) -> None:
    """Add one row per run, with a link to its report or folder."""
    page.section("Runs")
    rows, links = [], []
    for model in result.models:
        for run in model.runs if model.members == 1 else []:
            place = Path(os.path.relpath(run.folder.absolute(), folder.absolute()))
            report = Path(run_folder.REPORT) / INDEX
            target = place / report if (run.folder / report).is_file() else place
            links.append(Markup('<a href="{}">{}</a>').format(quote(target.as_posix()), model.label))
            fold = run.config.data.get("fold")
            row = {"model": model.label, "seed": run.config.seed, "fold": "" if fold is None else fold}
            rows.append(row | compute_scores(run.predictions) | {"folder": place.as_posix()})
    table = pd.DataFrame(rows)
    shown = table[["seed", "fold"]].copy()
    shown.insert(0, "model", pd.Series(links, dtype=object))  # a column of text would lose the markup
    for name in ("accuracy", "f1_macro"):
        shown[f"{SCORE_LABELS[name]} %"] = table[name].map(lambda value: f"{100 * value:.1f}")
    page.table(table, "runs", "One row per run, linked to its report or folder.", shown=shown)


def _add_curves(page: Page, result: Comparison) -> None:
    curves = {model.label: [run.epochs for run in model.runs] for model in result.models if model.has_epochs}
    if not curves:
        return
    page.section("Learning curves")
    without = ", ".join(model.label for model in result.models if not model.has_epochs and model.members == 1)
    alt = "Validation loss and validation F1 macro by epoch, one line per run."
    caption = "One line per run." + (f" Trained without epochs: {without}." if without else "")
    page.figure(learning_curves_overlay(curves), "curves", alt, caption)


def _add_folds_and_cost(page: Page, result: Comparison) -> None:
    table = result.table
    if table["folds"].max() > 1:
        page.section("Folds")
        columns = ["split", *(f"{name}_fold_{kind}" for name in FINAL_SCORES for kind in ("mean", "sd"))]
        caption = "Mean ± standard deviation over folds; the scores above are of all folds together."
        page.table(table[["label", *columns]], "folds", caption, shown=text.fold_table(table))
    page.section("Cost")
    cost = table[["label", "parameters", "epochs", "train_seconds", "clips_per_second"]]
    caption = "Means over runs. Prediction: validation and test tracks per second, from cached features."
    caption += " Ensembles: all members together." * any(model.members > 1 for model in result.models)
    page.table(cost, "cost", caption, shown=text.cost_table(cost))
