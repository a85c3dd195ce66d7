# The first `make train` or `make test` creates .venv; PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help train test test-slow bench lint clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 16

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("Python 3.11 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,render]'
	touch $@

train: $(VENV)/ready ## Train; ARGS="env=pong total_steps=100000" passes overrides
	$(BIN)/python -m dqn_experiments $(ARGS)

test: $(VENV)/ready ## Run the test suite; ARGS="-k replay" passes pytest's options
	$(BIN)/python -m pytest $(ARGS)

test-slow: $(VENV)/ready ## Run what that leaves out: minutes of training
	$(BIN)/python -m pytest -m slow $(ARGS)

$(VENV)/bench: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	touch $@

bench: $(VENV)/bench ## Measure the speed of training against others'; ARGS="--seconds 20"
	$(BIN)/python benchmarks/throughput.py $(ARGS)

lint: $(VENV)/ready ## Check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean: ## Remove .venv and caches; outputs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
