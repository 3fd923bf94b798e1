"""Set up logging and silence third-party warnings."""

import logging
import logging.handlers
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from genre.files import explain_full_disk

IGNORED_WARNINGS = (
    "does not have many workers",  # batches are copied from the page cache
    "Checkpoint directory .* exists and is not empty",  # a resumed run
    "Glyph .* missing from font",  # drawn as a box
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
)


def configure_logging(screen_level: int = logging.INFO) -> None:
    """Send this package's log to the screen, and buffer it until `log_to_file`.

    Args:
        screen_level: Lowest level shown on the screen.
    """
    for text in IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", f".*{text}")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(screen_level)
    screen.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("genre")
    for old in logger.handlers:
        with suppress(OSError):  # a disk that was full when the previous run ended
            old.close()
    logger.handlers = [screen, logging.handlers.MemoryHandler(1, flushOnClose=False)]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _LogFile(logging.FileHandler):
    """Log file that ends the run when the disk is full; `logging` would print a traceback for each line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (named by logging)
        """Re-raise the error."""
        with explain_full_disk(Path(self.baseFilename).parent):
            raise


def log_to_file(path: Path) -> None:
    """Write the buffered log and all further lines to a file."""
    file = _LogFile(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("genre")
    for handler in logger.handlers[:]:
        if isinstance(handler, logging.handlers.MemoryHandler):
            for record in handler.buffer:
                file.handle(record)
            logger.removeHandler(handler)
    logger.addHandler(file)
