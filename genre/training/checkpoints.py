"""Write checkpoints atomically, and find the one to resume from."""

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


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning plugin that writes a checkpoint completely or not at all; its own writes to TMPDIR and copies."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: Tensors and plain values.
            path: Path of the checkpoint; its folder is created.
            storage_options: Not used.

        Raises:
            GenreError: The disk is full.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(path), buffer.tell()) as temporary:
            temporary.write_bytes(buffer.getbuffer())


def find_resume_checkpoint(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Find the checkpoint to resume from: the last one, or the best one if the last one is damaged.

    Both hold the full training state, so the result is the same. Resuming from the best one repeats more epochs.

    Args:
        folder: Run folder.

    Returns:
        Path of the last checkpoint and its content; None if no epoch was completed.

    Raises:
        GenreError: The best checkpoint is missing or damaged.
    """
    last, best = folder / run_folder.LAST, folder / run_folder.BEST
    if not last.exists() and not best.exists():
        return None
    best_content, last_content = _read(best), _read(last)
    if best_content is None:
        raise GenreError(f"{best} cannot be read: delete {best.parent} to train this run from the start")
    if last_content is None:
        if last.exists():
            log.warning("%s is damaged: resuming from best.ckpt, after epoch %d", last, best_content["epoch"] + 1)
        copy_file(best, last)  # training may be over: the best epoch may be the last
    return last, last_content or best_content


def stopped_early(checkpoint: dict[str, Any]) -> bool:
    """Whether early stopping had ended the training at this checkpoint."""
    states = [state for name, state in checkpoint["callbacks"].items() if name.startswith("EarlyStopping")]
    return any(state["wait_count"] >= state["patience"] for state in states)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    with atomic_write(target, source.stat().st_size) as temporary:
        shutil.copyfile(source, temporary)


def _read(path: Path) -> dict[str, Any] | None:
    """Read a training checkpoint; None if it is missing or damaged."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        _ = content["epoch"], content["callbacks"]
    except Exception:  # torch.load fails in a dozen ways
        return None
    return content
