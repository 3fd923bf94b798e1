"""Read and write the folder of a search: its study, search.yaml, best.yaml and the report."""

import shlex
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import yaml
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from genre.config.best import BEST, write_best
from genre.config.renamed import with_current_names
from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.files import atomic_write
from genre.reports.search import SearchResult, write_search_report
from genre.search.storage import COMMAND, CONFIG, REASON, TRAINED, open_study
from genre.search.study import LOCK, counted_trials

SEARCH = "search.yaml"  # name and storage of the study, null for the default
DEFAULT_STORAGE = "sqlite:///{folder}/study.db"  # as in conf/hparams_search


def load_result(study: optuna.Study, folder: Path) -> SearchResult:
    """Read the study of the search in a folder; it may still be running."""
    trials = study.get_trials(deepcopy=False)
    params = sorted({key for trial in trials for key in trial.params})
    counted = {trial.number for trial in counted_trials(trials)}
    columns = ["trial", "state", "value", "epochs", "seconds", "started", "reason", *params]
    table = pd.DataFrame([_row(trial, trial.number in counted) for trial in trials], columns=columns)
    # The study may come from someone else, and its command is copied to a shell: its words are quoted, two are ours
    words = ["python", "train.py", *shlex.split(study.user_attrs.get(COMMAND, ""))[2:], f"best={folder}"]
    config = with_current_names(study.user_attrs.get(CONFIG, {}))
    return SearchResult(folder, study, config, shlex.join(words), params, table)


def _row(trial: FrozenTrial, is_counted: bool) -> dict[str, Any]:
    state = trial.state.name.lower()
    if trial.state == TrialState.FAIL:
        state = "failed" if is_counted else "interrupted"
    epochs, seconds = trial.user_attrs.get(TRAINED, (0, 0.0))
    own = {"trial": trial.number, "state": state, "epochs": epochs, "seconds": seconds}
    own |= {"started": trial.datetime_start, "reason": trial.user_attrs.get(REASON, "")}
    return own | {"value": trial.value if trial.state == TrialState.COMPLETE else None, **trial.params}


def open_search(folder: Path, storage: str | None = None) -> SearchResult:
    """Read the study of a search's folder; `storage` is its URL where that is not in the folder.

    The folder may come from someone else: a server would be sent the password of PGPASSWORD, and any other database
    would get Optuna's tables.
    """
    try:
        stored = yaml.safe_load((folder / SEARCH).read_text())
        url, name = make_url(storage or stored["storage"] or DEFAULT_STORAGE.format(folder=folder)), stored["study"]
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError, ArgumentError) as error:
        raise GenreError(f"{folder} is not the folder of a search: it has no {SEARCH} that can be read") from error
    shown = url.render_as_string(hide_password=False)
    is_own = url.drivername == "sqlite" and folder.resolve() in Path(url.database or "").resolve().parents
    if storage is None and not is_own:
        option = shlex.quote(f"--storage={shown}")
        raise GenreError(f"{folder / SEARCH} names a study that is not in the folder: add {option} if you trust it")
    return load_result(open_study(shown, name), folder)


def write_search_file(search: SearchConfig) -> None:
    """Write where the study of a folder is, null for inside it; passwords are left to PGPASSWORD or ~/.pgpass."""
    shown = make_url(search.storage).render_as_string(hide_password=True).replace(":***@", "@")
    is_own = search.storage == DEFAULT_STORAGE.format(folder=search.folder)
    with atomic_write(Path(search.folder) / SEARCH) as temporary:
        temporary.write_text(yaml.safe_dump({"storage": None if is_own else shown, "study": search.study}))


def write_folder(result: SearchResult, report: bool = True) -> SearchResult:
    """Write best.yaml, where a trial is complete, and the report; return the result."""
    with FileLock(result.folder / LOCK):  # other processes write them, too
        if (best := result.best) is not None:
            which = f"the {'largest' if result.maximize else 'smallest'} {result.metric}, {best['value']:.6g}"
            head = f"Trial {best['trial']} of {len(result.trials)}: {which}"
            write_best(result.folder / BEST, head, result.config, result.best_params)
        if report:
            write_search_report(result)
    return result
