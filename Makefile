PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help setup run study test test-all check format lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make .venv from the exact pins in requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: $(READY) ## Train and test CNN2D + GRU on the embedded synthetic music
	$(BIN)/python train.py model=cnn2d_gru

study: $(READY) ## Compare the four models and the baselines, three seeds each, and write the report
	$(BIN)/python train.py -m experiment=compare
	$(BIN)/python evaluate.py run_dir=runs/compare/synthetic

test: $(READY) ## Run the tests that need nothing but this folder
	$(BIN)/python -m pytest -n auto

test-all: $(READY) ## Run the slow tests too: real audio, whole trainings
	$(BIN)/python -m pytest -n auto -m slow

check: $(READY) ## Lint, format, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Pin the newest versions that pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet ".[cluster,dev,loggers]" "setuptools>=77"
	.venv-lock/bin/python -m pip freeze --all --exclude genre --exclude pip > requirements.lock
	rm -rf .venv-lock build

clean: ## Remove what was generated: data, cache and runs too
	rm -rf .venv data runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
