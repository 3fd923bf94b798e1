"""What a search says on the screen."""

import shlex

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.config.schema import SearchConfig
from genre.search.outcome import Outcome, brief


def say(text: str) -> None:
    """Print a line, however long."""
    Console().print(escape(text), soft_wrap=True, highlight=False)


def begins(model: str, metric: str, search: SearchConfig, left: int) -> None:
    """Say what is searched, and how much of it is left."""
    done = f", {search.n_trials - left} of them begun" if left < search.n_trials else ""
    say(f"{model}: {search.n_trials} trials for the best {metric} in {search.folder}{done}")


def waits(count: int) -> None:
    """Say that other processes have the last trials."""
    say(f"waiting for {count} {'trials' if count > 1 else 'trial'} of other processes, which may die")


def ended(found: Outcome, number: int, seconds: float) -> None:
    """Say how a trial ended, which one is the best, and about how long the rest will take."""
    row = found.trials.set_index("trial").loc[number]
    result = f"{row['value']:.4f}" if row["state"] == "complete" else row["state"]
    result += f" ({row['reason']})" if row["reason"] else ""
    values = " ".join(f"{name.rpartition('.')[2]}={brief(row[name])}" for name in found.space)
    best = found.best
    so_far = "" if best is None else f"; best {best['value']:.4f} by trial {best['trial']}"
    rest = f"; about {seconds / 60:.0f} min left" if seconds >= 30 else ""
    say(f"trial {number}: {result} after {row['epochs']} epochs, {row['seconds']:.0f} s, {values}{so_far}{rest}")


def finished(found: list[Outcome]) -> None:
    """Print the searches' results: each one's best and the command that trains it."""
    table = Table("search", "best", "trial", "trials", "epochs", "minutes", title="Search")
    for one in found:
        best = one.best
        states = ", ".join(f"{count} {state}" for state, count in one.counts.items())
        numbers = ("-", "-") if best is None else (f"{best['value']:.4f}", str(best["trial"]))
        minutes = f"{one.trials['seconds'].sum() / 60:.1f}"
        table.add_row(one.name, *numbers, states, str(one.trials["epochs"].sum()), minutes)
    Console().print(table)
    for one in found:
        trained, saved = one.epochs_saved
        if "pruned" in one.counts:
            say(f"{one.name}: pruned trials trained {trained} epochs and saved about {saved:.0f}")
        if one.best is not None:
            say(f"train the best: {one.command}")
            say(f"report: {one.folder / run_folder.REPORT / 'index.html'}")
    if len(found) > 1:
        words = shlex.split(found[0].command)
        others = [word for word in words[3:] if not word.startswith(("best=", "trainer.max_epochs=", "paths.runs="))]
        home = found[0].folder.parent
        given = ["experiment=compare", *others, f"best={home}", f"paths.runs={home.parent / 'tuned'}"]
        say(f"compare their bests: python train.py -m {shlex.join(given)}")
