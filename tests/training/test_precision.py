"""Training in another precision than float32."""

import json

import pandas as pd
import pytest
import torch

from genre import run_folder
from genre.evaluation import evaluate
from tests.training.conftest import Runs, learnt, weights

TYPES = {"bf16-true": torch.bfloat16, "64-true": torch.float64, "bf16-mixed": torch.float32}
NEAR = {"bf16-true": 2e-2, "64-true": 1e-4, "bf16-mixed": 2e-2}


@pytest.mark.parametrize("precision", TYPES)
def test_a_run_trains_in_its_precision_and_is_tested_in_float32(runs: Runs, precision: str) -> None:
    whole = ("trainer.max_epochs=2", "model.class_weights=true", f"trainer.precision={precision}")
    folder, best = runs.train("run", *whole)
    assert weights(folder)["net.head.0.weight"].dtype == TYPES[precision]
    losses = learnt(folder)[["train/loss", "val/loss"]]
    reference, _ = runs.train("reference", *whole[:2])
    assert losses.to_numpy() == pytest.approx(learnt(reference)[losses.columns].to_numpy(), abs=NEAR[precision])
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    logits, targets = evaluate.logits_and_targets(table, "val")
    assert logits.dtype == torch.float32
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    assert loss == pytest.approx(best, abs=NEAR[precision])
    assert json.loads((folder / run_folder.SCORES).read_text())["val/loss"] == best
