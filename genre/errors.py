"""The exception for errors of the user, and parts of its messages."""

import difflib
import sys
from collections.abc import Iterable
from pathlib import Path


class GenreError(Exception):
    """An error that the user can fix. Its message is one line: what is wrong, and what to do."""


def unknown_key(path: str, known: Iterable[str], what: str = "not a key of the configuration") -> str:
    """Write the message about a key that does not exist, with the most similar one that does.

    Args:
        path: Dotted key.
        known: Names that exist at its last level.
        what: What the key is not.

    Returns:
        The message.
    """
    section, dot, key = path.rpartition(": ")[2].rpartition(".")  # after the name of a stored file, if there is one
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"{path} is {what}" + (f": did you mean {section}{dot}{close[0]}?" if close else "")


def train_command() -> str:
    """How the user starts a training: `python train.py` in a checkout, else `genre train`."""
    return _command("train")


def evaluate_command() -> str:
    """How the user tests or compares runs: `python evaluate.py` in a checkout, else `genre evaluate`."""
    return _command("evaluate")


def _command(name: str) -> str:
    return f"genre {name}" if Path(sys.argv[0]).parent.name == "cli" else f"python {name}.py"
