PYTHON ?= python3
UV ?= $(shell command -v uv)
BIN := .venv/bin
READY := .venv/ready
PIP_INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check)

AUDIO ?= data/synthetic
NETWORKS := cnn1d_gru,cnn1d_lstm,cnn2d_gru,cnn2d_lstm

.DEFAULT_GOAL := help
.PHONY: help setup run study bench test test-slow test-all check format lock clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Create .venv with the versions in requirements.lock (with uv where it is installed, else pip)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --quiet --no-deps -r requirements.lock
	$(PIP_INSTALL) --quiet --no-deps --no-build-isolation -e .
	touch $@

run: $(READY) ## Train and test CNN2D + GRU on the synthetic data set
	$(BIN)/python train.py model=cnn2d_gru

study: $(READY) ## Compare all models and baselines, three seeds each, and write the report
	$(BIN)/python train.py -m experiment=compare
	$(BIN)/python evaluate.py run_dir=runs/compare/synthetic

bench: $(READY) ## Measure the speed of extraction and prediction (AUDIO=folder for other recordings)
	$(BIN)/python train.py -m experiment=compare model=$(NETWORKS) seed=1 trainer.max_epochs=1 finished=skip \
		hydra.sweep.dir=runs/bench 'hydra.sweep.subdir=$${model.name}'
	$(BIN)/python -m benchmarks.extraction $(AUDIO)
	$(BIN)/python -m benchmarks.prediction runs/bench $(AUDIO)

test: $(READY) ## Run the fast tests
	$(BIN)/python -m pytest -n auto

test-slow: $(READY) ## Run the slow tests: real audio, full training runs, browsers and servers
	$(BIN)/python -m pytest -n auto -m slow

test-all: $(READY) ## Run all tests, fast and slow
	$(BIN)/python -m pytest -n auto -m ""

check: $(READY) ## Check lint, format, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Fix lint and formatting automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Pin the newest versions that pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet ".[cluster,dev,loggers,serve]" "setuptools>=77"
	.venv-lock/bin/python -m pip freeze --all --exclude genre --exclude pip > requirements.lock
	rm -rf .venv-lock build

clean: ## Delete everything generated: environment, data, cache, runs
	rm -rf .venv data runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
