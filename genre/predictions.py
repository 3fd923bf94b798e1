"""A trained network's logits on validation and test, and the scores that follow from them."""

from itertools import chain

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from genre.data.datamodule import GenreData
from genre.metrics import score
from genre.run_folder import TrainedModel
from genre.windows import track_logits


def predict(model: TrainedModel, data: GenreData, device: str) -> pd.DataFrame:
    """Classify the validation and test tracks.

    Args:
        model: The network.
        data: Whole clips of both parts.
        device: As torch calls it.

    Returns:
        One row a track: `track_id, split, target, prediction, logits`; classes by number, logits a list of floats.
    """
    net = model.net.to(device)
    tables = []
    for batch in chain(data.val_dataloader(), data.test_dataloader()):
        with torch.inference_mode():
            logits = track_logits(net, batch.mel.to(device).float(), data.segment_frames).cpu()
        rows = batch.track.numpy()
        tracks = data.prepared.tracks.iloc[rows]
        columns = {
            "track_id": tracks["track_id"].to_numpy(),
            "split": tracks["split"].to_numpy(),
            "target": batch.target.numpy(),
            "prediction": logits.argmax(dim=1).numpy(),
            "logits": list(logits.numpy()),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def logits_and_targets(predictions: pd.DataFrame, part: str) -> tuple[Tensor, Tensor]:
    """One part of a table of predictions: logits (tracks, classes) and targets (tracks,)."""
    chosen = predictions[predictions["split"] == part]
    return torch.from_numpy(np.stack(chosen["logits"].to_list())), torch.tensor(chosen["target"].to_numpy(copy=True))


def test_scores(predictions: pd.DataFrame) -> dict[str, float]:
    """The test part's scores, and how many tracks and genres they rest on.

    Args:
        predictions: As `predict` makes them.

    Returns:
        Each score under `test/`, `test/tracks`, and `test/genres`: genres with at least one target.
    """
    logits, targets = logits_and_targets(predictions, "test")
    return score(logits, targets, "test/") | {"test/tracks": len(targets), "test/genres": len(targets.unique())}
