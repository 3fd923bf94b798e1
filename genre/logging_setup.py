"""What a run says on the screen and in its log: its own words, a table at the end, no chatter of libraries."""

import logging
import logging.handlers
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from genre.files import explain_full_disk

IGNORED_WARNINGS = (
    "does not have many workers",
    "Checkpoint directory .* exists and is not empty",
    "Glyph .* missing from font",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
)
"""What need not be said: batches are copied from the page cache, runs are resumed, a script that the font of pictures
lacks is drawn as boxes."""


def configure_logging(screen_level: int = logging.INFO) -> None:
    """Set up the log: lines of this package go to the screen, and wait for a file.

    Args:
        screen_level: The least that goes to the screen.
    """
    for text in IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", f".*{text}")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(screen_level)
    screen.setFormatter(logging.Formatter("%(message)s"))
    waiting = logging.handlers.MemoryHandler(1, flushOnClose=False)
    ours = logging.getLogger("genre")
    for old in ours.handlers:
        with suppress(OSError):  # a disk that was full when the last run ended
            old.close()
    ours.handlers = [screen, waiting]
    ours.setLevel(logging.INFO)
    ours.propagate = False


class _LogFile(logging.FileHandler):
    """A log file whose full disk ends the run: `logging` itself would print a traceback for every line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        """Raise what went wrong."""
        with explain_full_disk(Path(self.baseFilename).parent):
            raise


def log_to_file(path: Path) -> None:
    """Write to a file what has waited and all that follows."""
    file = _LogFile(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger("genre")
    waiting = ours.handlers[-1]
    assert isinstance(waiting, logging.handlers.MemoryHandler)
    for record in waiting.buffer:
        file.handle(record)
    ours.handlers[-1] = file
