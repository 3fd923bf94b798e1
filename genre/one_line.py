"""What a failure looks like to the user: one line, and an exit code."""

import dataclasses
import difflib
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from genre.errors import GenreError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with a short message where a failure is the user's; GENRE_DEBUG=1 shows the traceback."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra would otherwise print and exit by itself
    try:
        yield
    except (GenreError, HydraException, OmegaConfBaseException) as error:
        if _debugging():
            raise
        print(f"error: {short(error)}", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        if _debugging() or "Config group override must be" not in str(error):
            raise
        nulls = [text for text in sys.argv[1:] if text.endswith("=null") and "." not in text]
        folders = " and ".join(f"conf/{text.removesuffix('=null')}" for text in nulls)
        print(f"error: {' '.join(nulls)} chooses nothing: use a file of {folders}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if _debugging():
            raise
        print(f"error: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; the same run_dir, or the same search, goes on where it stopped", file=sys.stderr)
        sys.exit(130)


def short(error: Exception) -> str:
    """One line of an error of Hydra's or OmegaConf's, which use several."""
    cause = error.__cause__ if isinstance(error, HydraException) and error.__cause__ else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or [type(cause).__name__]
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.full_key:
        kind = cause.object_type
        known = [entry.name for entry in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
        return unknown_key(str(cause.full_key), known)
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        return f"{cause.full_key}: {lines[0]}"
    options = next((i for i, line in enumerate(lines) if line.startswith("Available options")), None)
    if options is not None:
        names = itertools.takewhile(lambda line: ":" not in line, lines[options + 1 :])
        return f"{lines[0]}: available are {', '.join(names)}"
    return lines[0]


def unknown_key(path: str, known: list[str]) -> str:
    """Say that a key does not exist, and which one may have been meant.

    Args:
        path: The key, with dots.
        known: Keys that stand where its last part does.

    Returns:
        The message.
    """
    close = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
    return f"{path} is no key of the configuration" + (f": did you mean {close[0]}?" if close else "")


def _debugging() -> bool:
    return os.environ.get("GENRE_DEBUG", "0") != "0"
