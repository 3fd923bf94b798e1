"""What a search says on the screen."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.search.outcome import Outcome
from genre.search.study import DurableStudy
from genre.settings import Settings


def say(text: str) -> None:
    """Print a line, however long."""
    Console().print(escape(text), soft_wrap=True, highlight=False)


def begins(settings: Settings, study: DurableStudy) -> None:
    """Say what is searched, and how much of it is left."""
    search, left = settings.search, max(study.left(), 0)
    assert search is not None
    done = search.n_trials - left
    what = f"{settings.model.name}: {search.n_trials} trials for the best {settings.monitor.metric} in {search.folder}"
    say(what + (f", {done} of them done" if done else ""))


def waits(count: int) -> None:
    """Say that other processes have the last trials."""
    say(f"waiting for {count} {'trials' if count > 1 else 'trial'} of other processes, which may die")


def ended(found: Outcome, number: int, n_trials: int, seconds: float) -> None:
    """Say how a trial ended, which one is the best, and about how long the rest will take."""
    row = found.trials.set_index("trial").loc[number]
    result = f"{row['value']:.4f}" if row["state"] == "complete" else row["state"]
    result += f" ({row['reason']})" if row["reason"] else ""
    values = " ".join(f"{name.rpartition('.')[2]}={row[name]}" for name in found.space)
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
