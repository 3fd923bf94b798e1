"""Checkpoints are written whole or not at all, and a damaged one does not end a run."""

import io
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from genre import run_folder
from genre.errors import GenreError
from genre.files import atomic_write

log = logging.getLogger(__name__)


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target and renames it; Lightning's own writes it to TMPDIR and copies it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint."""
        save(checkpoint, Path(path))


def save(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        checkpoint: Tensors and plain values.
        path: The file; its folder is created.

    Raises:
        GenreError: The disk is full.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, buffer.tell()) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def to_resume_from(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Find the checkpoint that a run is resumed from: the last one, or the best one where the last is damaged.

    Both hold the whole state of training, so the result is the same; after the best one, more epochs are repeated.

    Args:
        folder: The run folder.

    Returns:
        The path of the last checkpoint and its content; None where no epoch was completed.

    Raises:
        GenreError: No checkpoint can be read, or the best one is lost.
    """
    last, best = folder / run_folder.LAST, folder / run_folder.BEST
    if not last.exists() and not best.exists():
        return None
    best_content, last_content = _read(best), _read(last)
    if best_content is None:
        raise GenreError(f"{best} cannot be read: delete {best.parent} to train this run from its beginning")
    if last_content is None:
        if last.exists():
            log.warning("%s is damaged: resuming from best.ckpt, after epoch %d", last, best_content["epoch"] + 1)
        with atomic_write(last) as temporary:  # if training ended with the best epoch, this is the last one, too
            shutil.copyfile(best, temporary)
    return last, last_content or best_content


def _read(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint of training; None if that is not possible."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        _ = content["epoch"], content["callbacks"]
    except Exception:  # torch.load fails in a dozen ways
        return None
    return content
