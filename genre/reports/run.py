"""Report of one run."""

from pathlib import Path

import pandas as pd
from omegaconf import OmegaConf

from genre import run_folder
from genre.data.split_report import split_warnings
from genre.evaluation.baselines import fitted_baselines, verdicts
from genre.evaluation.bootstrap import MIN_CLUSTERS, interval_warnings, per_class_table, score_intervals
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import SCORE_LABELS, confusion_table
from genre.provenance import command, data_facts, read_record
from genre.reports.figures import confusion_figure, learning_curves
from genre.reports.formatting import INTERVAL, format_interval, format_number
from genre.reports.page import Page
from genre.reports.run_diagnostics import add_calibration, add_embedding_map
from genre.reports.run_errors import add_errors

BANNER = "SYNTHETIC DATA: these scores say nothing about real music"


def write_run_report(run: EvaluatedRun, folder: Path, audio: bool = False) -> Path:
    """Write the report of a run, its figures and its tables.

    Args:
        run: The run.
        folder: Folder of the report.
        audio: Whether excerpts of misclassified tracks are part of the page, rather than links to their files.

    Returns:
        Path of the page.
    """
    test, data = run.predictions, run.settings.data
    is_synthetic = str(data.source.get("_target_", "")).endswith(".Synthetic") and not run.tested_on
    where = f", trained on {data.name}, tested on {run.tested_on}" if run.tested_on else f" on {data.name}"
    title = f"{run.scores['model']}{where}"
    subtitle = f"{test.describe()}, {len(test.genres)} genres"
    page = Page(title, subtitle, run_facts(run), BANNER if is_synthetic else "", str(run.folder))
    _add_scores(page, run)
    _add_genres(page, run)
    add_errors(page, run, folder, audio)
    _add_training(page, run)
    add_embedding_map(page, run)
    add_calibration(page, run)
    return page.write(folder)


def run_facts(run: EvaluatedRun) -> dict[str, str]:
    """State what identifies a run: its data, settings, code and machine, as far as they are stored."""
    stored = run_folder.read_scores(run.folder) if run_folder.is_finished(run.folder) else {}
    scores = stored | run.scores
    sessions = read_record(run.folder).get("sessions", [])
    first = sessions[0] if sessions else {}
    seconds = f"{scores['train_seconds']:.0f} s of training"
    if all("seconds" in session for session in sessions) and sessions:
        seconds += f", {sum(session['seconds'] for session in sessions):.0f} s in all"
    memory = {
        name: max((session.get(f"peak_{key}_mib", 0) for session in sessions), default=0)
        for name, key in {"": "memory", " on the GPU": "gpu_memory"}.items()
    }
    facts = {
        **data_facts(run.folder, vars(run.settings.data), run.settings.seed),
        "seed": str(run.settings.seed),
        "parameters": f"{scores['parameters']:,}",
        "tested epoch": "" if run.settings.model.fit else f"{_tested_epoch(run) + 1} of {scores['epochs']}",
        "command": first.get("command") or _stored_command(run.folder),
        "date": first.get("date", "").replace("T", " ").replace("+00:00", " UTC"),
        "version": ", commit ".join(filter(None, (first.get("version"), first.get("git_commit")))),
        "hardware": first.get("hardware", ""),
        "time": seconds,
        "peak memory": ", ".join(f"{size:,} MiB{name}" for name, size in memory.items() if size),
    }
    return {name: value for name, value in facts.items() if value}


def _stored_command(folder: Path) -> str:
    overrides = folder / run_folder.OVERRIDES
    return command([str(text) for text in OmegaConf.load(overrides)]) if overrides.is_file() else ""


def _tested_epoch(run: EvaluatedRun) -> int:
    """Index of the epoch whose weights are tested; that of a training that diverged means nothing."""
    epochs, monitor = pd.read_csv(run.folder / run_folder.METRICS), run.settings.monitor
    values = epochs[monitor.metric]
    if monitor.select == "last" or values.isna().all():
        return int(epochs["epoch"].iloc[-1])
    return int(epochs.loc[values.idxmin() if monitor.mode == "min" else values.idxmax(), "epoch"])


def run_notes(run: EvaluatedRun) -> list[str]:
    """List what to keep in mind about the scores of a run, as sentences."""
    notes = [*run.notes, *interval_warnings(run.predictions)]
    if not run.tested_on:
        warnings = split_warnings(run.datamodule.data.tracks, run.settings.data)
        notes += [f"{text[0].upper()}{text[1:]}." for text in warnings]
    if broken := int((~run.predictions.is_finite).sum()):
        tracks = "1 test track has" if broken == 1 else f"{broken} test tracks have"
        notes.append(f"{tracks} non-finite logits, which counts as an error.")
    if not run_folder.is_finished(run.folder):
        notes.append("The run is unfinished: these are the scores of its best checkpoint so far.")
    return notes


def _add_scores(page: Page, run: EvaluatedRun) -> None:
    page.section("Scores")
    table = score_intervals(run.predictions)
    shown = pd.DataFrame({"score": table["score"]})
    shown[run.scores["model"]] = [format_interval(".3f", *limits) for _, *limits in table.itertuples(index=False)]
    names = {label: name for name, label in SCORE_LABELS.items()}
    for baseline in fitted_baselines(run.scores):
        table[baseline] = [run.scores.get(f"{baseline}/test/{names[label]}") for label in table["score"]]
        shown[baseline] = table[baseline].astype(float).map(format_number)
    caption = INTERVAL + " Baselines are fitted on the same training tracks." * (shown.shape[1] > 2)
    page.table(table, "scores", caption, shown=shown)
    for note in [*run_notes(run), *(f"{line}." for line in verdicts(run.scores))]:
        page.text(note, "note")


def _add_genres(page: Page, run: EvaluatedRun) -> None:
    page.section("Genres")
    test = run.predictions
    table = per_class_table(test)
    shown = table[["genre"]].copy()
    for name, label in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        columns = table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
        shown[label] = [format_interval(".2f", *row) for row in columns]
    shown["tracks"] = table["support"]
    if test.has_artists:
        shown["artists"] = table["clusters"]
    caption = f"{INTERVAL} They are left out for fewer than {MIN_CLUSTERS} {test.cluster_name}s."
    page.table(table, "per_genre", caption, shown=shown)
    if absent := table.loc[table["support"] == 0, "genre"].tolist():
        page.text(f"No test tracks: {', '.join(absent)}.", "note")
    counts = confusion_table(test)
    caption = "Test tracks, and their share of the true genre. Frames: correct predictions."
    page.figure(confusion_figure(counts), "confusion", "Confusion matrix of the test tracks.", caption)
    page.file("tables/confusion.csv", counts.to_csv())


def _add_training(page: Page, run: EvaluatedRun) -> None:
    epochs = pd.read_csv(run.folder / run_folder.METRICS)
    if "learning_rate" not in epochs:
        return  # fitted in closed form
    page.section("Training")
    monitor = run.settings.monitor
    if epochs[monitor.metric].isna().all():
        page.text(f"Skipped: {monitor.metric} is not finite in any epoch, training diverged.", "note")
        return
    tested = "the last epoch" if monitor.select == "last" else f"the best epoch by {monitor.metric}"
    alt = "Loss, accuracy and F1 macro of training and validation, and the learning rate, by epoch."
    caption = f"Vertical line: {tested}, whose weights were tested."
    page.figure(learning_curves(epochs, _tested_epoch(run)), "curves", alt, caption)
