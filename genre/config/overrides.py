"""Explain command lines that Hydra does not understand, with what to type instead."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException, OverrideParseException

from genre.errors import GenreError

MULTIRUN = ("-m", "--multirun")


def explained(error: HydraException) -> str | None:
    """One line with what to type instead.

    Args:
        error: Raised where Hydra read the command line.

    Returns:
        The line; None where the error is of another kind.
    """
    program = Path(sys.argv[0]).name
    if isinstance(error, OverrideParseException):
        key, equals, value = str(error.override).partition("=")
        if equals:
            return f"{error.override} cannot be read: quote the value, {quoted(key, value)}"
        meant = f"run_dir={shlex.quote(key)}" if Path(key).exists() or "/" in key else f"{key}=..."
        return f"{key} is not a setting: write key=value, such as {meant}"
    found = re.match(r"Ambiguous value for argument '(.*)'$", str(error).partition("\n")[0])
    if found is None:
        return None
    key, _, value = found[1].partition("=")
    listed = shlex.quote(f"{key}=[{value}]")
    if program != "train.py":
        return f"{key}={value} is several values: write {listed}, or {quoted(key, value)} if it is one"
    return (
        f"{key}={value} is several values: python {program} -m {key}={value} runs each of them, {listed} is a list, "
        f"and {quoted(key, value)} one value"
    )


def quoted(key: str, value: str) -> str:
    """An override as the shell takes it, whatever characters the value has."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    return shlex.quote(f'{key}="{escaped}"')


def refuse_stored(arguments: Sequence[str]) -> None:
    """Refuse a command line that composes from a run folder's own files, which may be somebody else's.

    Hydra would call what their `hydra` part names, and unpickle what a rerun takes, before any check.

    Args:
        arguments: The command line.

    Raises:
        GenreError: It does so.
    """
    for text in arguments:
        if text.startswith("--experimental-rerun"):
            raise GenreError("--experimental-rerun runs whatever its file holds: write run_dir=RUN_FOLDER")
        parts = re.split(r"[/\\=:,\[\]'\"]", text)
        if ".hydra" in parts:
            raise GenreError(f"{text}: a run folder's own configuration is not composed: write run_dir=RUN_FOLDER")


def varied(overrides: Sequence[str]) -> str:
    """Of a job's overrides, those that the command line does not give as they are: what tells it from other jobs."""
    return " ".join(text for text in overrides if text not in sys.argv[1:]) or " ".join(overrides)
