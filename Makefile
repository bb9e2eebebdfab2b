# `make demo` and `make test` set everything up on a machine that has only Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
# Two test processes with one thread each: about twice as fast as one on the two cores of CI.
WORKERS ?= 2
BIN := $(VENV)/bin
NICE_PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: setup demo check test test-fast fuzz bench results clean

setup: $(VENV)/ready

# torch first and alone: a machine whose index has a CPU build of the pinned version gets that one.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(NICE_PIP) --upgrade pip
	$(NICE_PIP) -c constraints.txt torch
	$(NICE_PIP) -c constraints.txt -e . --group dev
	touch $@

demo: setup
	$(BIN)/lst demo

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

test: setup check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# 10,000 damaged files of every kind; about 15 minutes on two cores.
fuzz: setup
	cd tests && PYTHONPATH=. ../$(BIN)/python -m fuzz 10000 1

test-fast: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

bench: setup
	$(BIN)/lst bench

results: setup
	$(BIN)/lst results --write README.md

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .ruff_cache .hypothesis
