"""Parts of the messages of errors."""

import pytest

from genre.errors import evaluate_command, train_command, unknown_key


def test_the_most_similar_key_is_proposed() -> None:
    known = ["batch_size", "clip_seconds", "clip_start"]
    assert unknown_key("data.batchsize", known) == (
        "data.batchsize is not a key of the configuration: did you mean data.batch_size?"
    )
    assert unknown_key("clip_secnds", known, "not an argument of f") == (
        "clip_secnds is not an argument of f: did you mean clip_seconds?"
    )


def test_nothing_is_proposed_where_nothing_is_similar() -> None:
    assert unknown_key("data.zzz", ["batch_size"]) == "data.zzz is not a key of the configuration"
    assert unknown_key("zzz", []) == "zzz is not a key of the configuration"


@pytest.mark.parametrize(
    ("started", "command"), [("train.py", "python train.py"), ("/site/genre/cli/train.py", "genre train")]
)
def test_messages_name_the_command_that_was_typed(started: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [started])
    assert train_command() == command
    assert evaluate_command() == command.replace("train", "evaluate")
