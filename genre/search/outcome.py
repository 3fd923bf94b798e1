"""What came out of a search: its trials as a table, its best as settings, the command that trains it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import yaml
from filelock import FileLock
from omegaconf import OmegaConf
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from genre.config.best import BEST
from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.files import atomic_write
from genre.search.notes import COMMAND, CONFIG, REASON, SURPLUS, TRAINED, counted
from genre.search.storage import connect
from genre.search.study import LOCK

SEARCH = "search.yaml"
"""In a search's folder: where its study is."""
STATES = ("complete", "pruned", "failed", "interrupted", "running", "waiting")
"""Interrupted: the process died, or the user ended it; the same is tried again in another trial."""


@dataclass(frozen=True)
class Outcome:
    """A study, read.

    Attributes:
        folder: Of the search.
        study: What was read.
        config: The configuration's leaves, by dotted names.
        command: Trains the best again, and tests it.
        space: The parameters' names.
        maximize: Whether more is better.
        trials: One row a trial: `trial, state, value, epochs, seconds, begun, reason` and the parameters.
    """

    folder: Path
    study: optuna.Study
    config: dict[str, Any]
    command: str
    space: list[str]
    maximize: bool
    trials: pd.DataFrame

    @property
    def name(self) -> str:
        """Of the study."""
        return str(self.study.study_name)

    @property
    def metric(self) -> str:
        """What is minimised or maximised."""
        return str(self.config["monitor.metric"])

    @property
    def best(self) -> pd.Series | None:
        """The best complete trial, the earliest of equals; None where none is complete."""
        complete = self.trials[self.trials["state"] == "complete"]
        if complete.empty:
            return None
        return complete.loc[complete["value"].idxmax() if self.maximize else complete["value"].idxmin()]

    @property
    def best_values(self) -> dict[str, Any]:
        """What was suggested for the best trial; lists as lists, which Optuna keeps as text."""
        if self.best is None:
            return {}
        (best,) = [trial for trial in self.study.get_trials(deepcopy=False) if trial.number == self.best["trial"]]
        return {key: yaml.safe_load(v) if str(v).startswith("[") else v for key, v in best.params.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Trials of each state that there is."""
        found = self.trials["state"].value_counts()
        return {state: int(found[state]) for state in STATES if state in found}

    @property
    def epochs_saved(self) -> tuple[int, float]:
        """Epochs that pruned trials trained, and about how many more they would have: as complete ones did."""
        complete, pruned = (self.trials.loc[self.trials["state"] == name, "epochs"] for name in ("complete", "pruned"))
        saved = (complete.mean() - pruned).clip(lower=0).sum() if len(complete) else 0.0
        return int(pruned.sum()), float(saved)

    def reason(self, trial: int) -> str:
        """Why a trial failed."""
        return str(self.trials.set_index("trial").loc[trial, "reason"])


def read(study: optuna.Study, folder: Path) -> Outcome:
    """Read a study that may still be running, of the search in a folder."""
    trials = study.get_trials(deepcopy=False)
    space = sorted({name for trial in trials for name in trial.params})
    count = {trial.number for trial in counted(trials)}
    rows = [_row(trial, trial.number in count) for trial in trials if SURPLUS not in trial.user_attrs]
    columns = ["trial", "state", "value", "epochs", "seconds", "begun", "reason", *space]
    table = pd.DataFrame(rows, columns=columns)
    attrs = study.user_attrs
    maximize = study.direction == StudyDirection.MAXIMIZE
    # The study may be somebody else's, and the command is copied to a shell: its words are quoted, the first two ours
    words = ["python", "train.py", *shlex.split(attrs.get(COMMAND, ""))[2:], f"best={folder}"]
    return Outcome(folder, study, attrs.get(CONFIG, {}), shlex.join(words), space, maximize, table)


def open_folder(folder: Path, storage: str | None = None) -> Outcome:
    """Read the study of a search's folder.

    Args:
        folder: Of the search.
        storage: Where its study is, if not where the folder says.

    Returns:
        What came out so far.

    Raises:
        GenreError: It is no such folder, or the study is gone, or it is elsewhere and `storage` is not given: a server
            would be sent the password of PGPASSWORD, and other databases get Optuna's tables.
    """
    try:
        noted = yaml.safe_load((folder / SEARCH).read_text())
        url, name = make_url(storage or noted["storage"] or own_storage(folder)), noted["study"]
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ArgumentError) as error:
        raise GenreError(f"{folder} is not the folder of a search: it has no {SEARCH} that can be read") from error
    own = url.drivername == "sqlite" and folder.resolve() in Path(url.database or "").resolve().parents
    shown = url.render_as_string(hide_password=False)
    if storage is None and not own:
        typed = shlex.quote(f"--storage={shown}")
        raise GenreError(f"{folder / SEARCH} names a study that is not in the folder: add {typed} if you trust it")
    return read(connect(shown, name), folder)


def note(search: SearchConfig) -> None:
    """Write down where the study of a folder is, null for in there; a password is left to PGPASSWORD or ~/.pgpass."""
    url = make_url(search.storage)
    shown = search.storage if url.password is None else url.set(password=None).render_as_string()
    own = search.storage == own_storage(Path(search.folder))
    text = yaml.safe_dump({"storage": None if own else shown, "study": search.study})
    with atomic_write(Path(search.folder) / SEARCH) as temporary:
        temporary.write_text(text)


def brief(value: object) -> str:
    """A parameter's value to be read, of four digits at most; a dash for one that is not drawn yet."""
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "–"
    plain = value == 0 or abs(value) >= 0.01
    return f"{value:.4g}" if plain else np.format_float_scientific(value, precision=3, trim="-", exp_digits=1)


def own_storage(folder: Path) -> str:
    """Of a search that is given none; conf/hparams_search says the same."""
    return f"sqlite:///{folder}/study.db"


def write_best(found: Outcome) -> None:
    """Write the best trial's settings as dotted keys, whole or not at all; nothing where no trial is complete."""
    if (best := found.best) is None:
        return
    settings = {"model.name": found.config["model.name"], **found.best_values}
    # All of the schedulers, so that a run without them, or with others, has these
    leaves = {key: value for key, value in {**found.config, **settings}.items() if key.startswith("scheduler.")}
    settings = {key: value for key, value in settings.items() if key not in leaves}
    schedulers = OmegaConf.create()
    for key, value in leaves.items():
        OmegaConf.update(schedulers, key.removeprefix("scheduler."), value)
    settings["scheduler"] = OmegaConf.to_container(schedulers)
    how = "largest" if found.maximize else "smallest"
    head = f"# Trial {best['trial']} of {len(found.trials)}: the {how} {found.metric}, {best['value']:.6g}\n"
    # Under a lock, since several processes may end at once
    with FileLock(found.folder / LOCK), atomic_write(found.folder / BEST) as temporary:
        temporary.write_text(head + yaml.safe_dump(settings, sort_keys=False))


def _row(trial: FrozenTrial, counts: bool) -> dict[str, Any]:
    attrs = trial.user_attrs
    state, reason = trial.state.name.lower(), attrs.get(REASON, "")
    epochs, seconds = attrs.get(TRAINED, (0, 0.0))
    if trial.state == TrialState.FAIL:
        state = "failed" if counts else "interrupted"
    return {
        "trial": trial.number,
        "state": state,
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "epochs": epochs,
        "seconds": seconds,
        "begun": trial.datetime_start,
        "reason": reason,
        **trial.params,
    }
