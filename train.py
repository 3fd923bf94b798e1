"""Train and test one configuration or several: `python train.py model=cnn2d_gru`, `python train.py -m model=a,b`."""

import genre.interrupt  # noqa: F401  # isort: skip (first, because libraries take a second to load)
from genre.cli.train import run  # what happens, in order

if __name__ == "__main__":
    run()
