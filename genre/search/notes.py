"""What is noted in a study beside what Optuna keeps: how trials end, and which of them count."""

import math
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from genre.config.errors import one_line
from genre.errors import GenreError

BEAT, TRAINED, ENDED, REASON, AGAIN, SURPLUS = "beat", "trained", "ended", "reason", "again", "surplus"
"""Of a trial: seconds between its heartbeats, epochs and seconds trained, how it ended by its own account, why it
failed, whether it is to be tried again however often, whether it was one too many."""
REPEATED = "failed_trial"
"""Of a trial that is tried again: the number of its first try; Optuna's name for it."""
CONFIG, COMMAND = "config", "command"
"""Of the study: the configuration's leaves, and the command that trains its best, but for `best=`."""


class Ending(NamedTuple):
    """How a trial ended: its state, its score if it is complete, the reason if it is not."""

    state: TrialState
    value: float | None = None
    reason: str = ""


def judged(result: object) -> Ending:
    """How a trial ended, from what it returned or raised."""
    if isinstance(result, optuna.TrialPruned):
        return Ending(TrialState.PRUNED, reason=str(result))
    if isinstance(result, Exception):
        text = one_line(result)
        return Ending(
            TrialState.FAIL, reason=text if isinstance(result, GenreError) else f"{type(result).__name__}: {text}"
        )
    if not isinstance(result, float) or not math.isfinite(result):
        return Ending(TrialState.FAIL, reason=f"the score is {result}")
    return Ending(TrialState.COMPLETE, result)


def as_note(ending: Ending) -> list[object]:
    """An ending as JSON keeps it; see `noted`."""
    return [ending.state.name, ending.value, ending.reason]


def noted(trial: FrozenTrial) -> Ending | None:
    """How a trial ended by its own account, for those whose process cannot tell any more."""
    if (note := trial.user_attrs.get(ENDED)) is None:
        return None
    state, value, reason = note
    return Ending(TrialState[state], value, reason)


def repeated(trials: list[FrozenTrial]) -> set[int]:
    """Numbers of the trials that were tried again."""
    chains: dict[int, list[int]] = {}
    for trial in trials:
        if (first := trial.system_attrs.get(REPEATED)) is not None:
            chains.setdefault(first, [first]).append(trial.number)
    return {number for chain in chains.values() for number in chain[:-1]}


def counted(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that count towards `n_trials`: begun, and not tried again later."""
    again = repeated(trials)
    return [
        t for t in trials if t.state != TrialState.WAITING and t.number not in again and SURPLUS not in t.user_attrs
    ]
