"""Explain command lines that Hydra cannot parse, and refuse those that would run code of a stored file."""

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException, OverrideParseException

from genre.errors import GenreError

MULTIRUN = ("-m", "--multirun")
HYDRA_OPTIONS = (
    *("help", "hydra-help", "version", "cfg", "resolve", "package", "run", "multirun", "shell-completion"),
    *("config-path", "config-name", "config-dir", "experimental-rerun", "info"),
)
"""Hydra's options, without their dashes; it accepts unambiguous beginnings."""
CONFIG_DIR = ("--config-dir", "-cd")


def explained(error: HydraException) -> str | None:
    """Explain an error of Hydra's command-line parser.

    Args:
        error: Error raised by Hydra.

    Returns:
        One line that says what to type instead; None for other errors.
    """
    program = Path(sys.argv[0]).name
    if isinstance(error, OverrideParseException):
        key, equals, value = str(error.override).partition("=")
        if value[:1] in ("{", "[") and (whole := _across_spaces(str(error.override), value[0])):
            return f"{error.override} was cut at a space: quote it, {shlex.quote(whole)}"
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


def _across_spaces(text: str, bracket: str) -> str | None:
    """The words of the command line from a bracket to its end, which the shell has split; None if there is no end."""
    words = sys.argv[sys.argv.index(text) :] if text in sys.argv else []
    end = {"{": "}", "[": "]"}[bracket]
    last = next((number for number, word in enumerate(words) if word.endswith(end)), 0)
    return " ".join(words[: last + 1]) if last else None


def quoted(key: str, value: str) -> str:
    """Write an override so that the shell and Hydra read the value literally."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    return shlex.quote(f'{key}="{escaped}"')


def overrides_between(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """List the overrides that turn one configuration into another.

    Args:
        found: Values of the one, by dotted keys.
        wanted: Values of the other.

    Returns:
        Overrides as Hydra reads them, in alphabetical order of their keys.
    """
    overrides = {key: f"~{key}" for key in found if key not in wanted}
    for key, value in wanted.items():
        if key not in found or found[key] != value:
            overrides[key] = f"{'' if key in found else '+'}{key}={_typed(value)}"
    return [overrides[key] for key in sorted(overrides)]


def _typed(value: Any) -> str:
    """Write a value as it is typed on Hydra's command line."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    return QuotedString(value, Quote.single).with_quotes() if isinstance(value, str) else json.dumps(value)


def options_first(arguments: Sequence[str]) -> list[str]:
    """Move `-m` and `--config-dir DIR` to the front: Hydra reads no setting after an option that follows settings."""
    options: list[str] = []
    others: list[str] = []
    for number, text in enumerate(arguments):
        is_folder = number > 0 and arguments[number - 1] in CONFIG_DIR
        is_moved = is_folder or text.partition("=")[0] in (*MULTIRUN, *CONFIG_DIR)
        (options if is_moved else others).append(text)
    return [*options, *others]


def refuse_stored(arguments: Sequence[str]) -> None:
    """Refuse unknown options, and a command line that composes files of a run folder, which may come from someone else.

    Hydra would call the callbacks that they name, and unpickle the file of a rerun, before anything is checked.

    Args:
        arguments: Command-line arguments.

    Raises:
        GenreError: An argument names such a file, or is a setting written as an option.
    """
    for number, text in enumerate(arguments):
        if text.startswith("="):
            raise GenreError(f"{text} has no name: write key=value")
        name, equals, value = text.removeprefix("--").partition("=")
        if text.startswith("--") and not any(option.startswith(name) for option in HYDRA_OPTIONS):
            following = "".join(arguments[number + 1 : number + 2])
            value = value if equals else following if re.fullmatch(r"[^-=][^=]*", following) else "..."
            raise GenreError(f"--{name} is not an option: settings are written without dashes, {name}={value}")
        if text.startswith("--e"):  # argparse accepts the beginning of an option
            raise GenreError("--experimental-rerun runs any code that its file contains: use run_dir=RUN_FOLDER")
        parts = re.split(r"[/\\=:,\[\]'\"]", text)
        if ".hydra" in parts:
            raise GenreError(f"{text}: the configuration of a run folder cannot be composed: use run_dir=RUN_FOLDER")


def varied(overrides: Sequence[str]) -> str:
    """Overrides of a job that the command line does not contain literally: they distinguish it from other jobs."""
    typed = {text.lower() for text in sys.argv[1:]}  # Hydra writes `false` as `False`
    plain = [text.replace("\\", "") for text in overrides]  # Hydra escapes the braces of `${model.name}`
    return " ".join(text for text in plain if text.lower() not in typed) or " ".join(plain)
