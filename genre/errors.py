"""The exception for errors of the user, and the message about an unknown key."""

import difflib
from collections.abc import Iterable


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
    close = difflib.get_close_matches(path.rpartition(".")[2], list(known), n=1)
    return f"{path} is {what}" + (f": did you mean {close[0]}?" if close else "")
