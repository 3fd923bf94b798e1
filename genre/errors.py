"""Errors that are the user's to fix, and what they say of a name that does not exist."""

import difflib
from collections.abc import Iterable


class GenreError(Exception):
    """A failure that is the user's to fix; its text is one line that says what to do."""


def unknown_key(path: str, known: Iterable[str], what: str = "no key of the configuration") -> str:
    """Say that a key does not exist, and which one may have been meant.

    Args:
        path: The key, with dots.
        known: Keys that exist where its last part does.
        what: What it is instead.

    Returns:
        The message.
    """
    close = difflib.get_close_matches(path.rpartition(".")[2], list(known), n=1)
    return f"{path} is {what}" + (f": did you mean {close[0]}?" if close else "")
