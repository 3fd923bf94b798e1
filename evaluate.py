"""Report on one trained run or compare several: `python evaluate.py run_dir=RUN_FOLDER`, `run_dir=[A,B]`."""

import genre.interrupt  # noqa: F401  # isort: skip (first, because libraries take a second to load)
from genre.cli.evaluate import run  # what happens, in order

if __name__ == "__main__":
    run()
