"""What is noted in a study beside what Optuna keeps, and which of its trials count."""

from optuna.trial import FrozenTrial, TrialState

REASON, TRAINED, VALUE, SURPLUS = "reason", "trained", "value", "surplus"
"""Of a trial: why it failed, epochs and seconds trained, its score as it wrote it down itself, whether one too many."""
CONFIG, COMMAND = "config", "command"
"""Of the study: the configuration's leaves, and the command that trains its best."""


def counted(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that count towards `n_trials`: begun, and not tried again later."""
    chains: dict[int, list[int]] = {}
    for trial in trials:
        if (first := trial.system_attrs.get("failed_trial")) is not None:
            chains.setdefault(first, [first]).append(trial.number)
    repeated = {number for chain in chains.values() for number in chain[:-1]}
    return [
        t for t in trials if t.state != TrialState.WAITING and t.number not in repeated and SURPLUS not in t.user_attrs
    ]
