"""Trains on two processes of the CPU: `python ddp.py RUN_FOLDER OVERRIDES...`; train.py refuses that."""

import sys
from pathlib import Path

from genre.pipeline import train_and_test
from genre.training import fit
from tests.composing import compose

if __name__ == "__main__":
    folder, *overrides = sys.argv[1:]
    fit.check_devices = lambda trainer: None
    train_and_test(compose([*overrides, f"run_dir={folder}"]), Path(folder), overrides)
