# `make` lists the targets. The first one that needs an environment makes it: VENV, once.
VENV ?= .venv
JOBS ?= 2
DEMO_ARGS ?=
PY := $(VENV)/bin/python
READY := $(VENV)/ready

# The first Python on the path that is new enough; PYTHON=… overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all bench bench-quick gpu-test gpu-sanitize gpu-bench pictures lint types clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

demo: $(READY) ## train the lecture's network on real data (DEMO_ARGS="--epochs 3" shortens it)
	@$(PY) -m graphdl train breast_cancer $(DEMO_ARGS)

test: $(READY) ## run the tests but for those marked slow
	@$(PY) -m pytest -q -n $(JOBS)

test-all: $(READY) ## run every test
	@$(PY) -m pytest -q -n $(JOBS) --all

bench: $(READY) ## run the benchmarks, with the peers that are installed (20 minutes)
	@$(PY) -m benchmarks

bench-quick: $(READY) ## the small networks, few peers and rounds (2 minutes)
	@$(PY) -m benchmarks --quick

gpu-test: $(VENV)/ready-cuda ## run the tests that need an NVIDIA GPU
	@$(PY) -m pytest -q -rs -n $(JOBS) tests/gpu

gpu-sanitize: $(VENV)/ready-cuda ## run the examples on a GPU under compute-sanitizer
	@$(PY) -m pytest -q -rs --all tests/gpu/test_examples.py -k clean

gpu-bench: $(VENV)/ready-cuda ## run the benchmark for GPUs, with the peers that are installed (8 minutes)
	@$(PY) -m benchmarks.gpu

pictures: $(READY) ## draw the pictures of docs/ anew
	@$(PY) docs/make_pictures.py
	@$(PY) docs/make_explorer_pictures.py

lint: $(VENV)/ready-lint ## check style and format
	@$(PY) -m ruff check --quiet
	@$(PY) -m ruff format --check --quiet

types: $(VENV)/ready-lint ## check the types of the public face
	@$(PY) -m pyright --pythonpath $(PY)

setup: $(READY) ## make the environment, without running anything

clean: ## remove the environment and what the tools leave behind
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(if $(PYTHON),,$(error graphdl needs Python 3.11 or newer, and found none; try make PYTHON=path))
	@echo "setting up $(VENV) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	@$(PY) -m pip install --quiet --editable ".[data]" --group test
	@touch $@

$(VENV)/ready-cuda: $(READY)
	@$(PY) -m pip install --quiet --editable ".[cuda]"
	@touch $@

$(VENV)/ready-lint: $(READY)
	@$(PY) -m pip install --quiet --group lint
	@touch $@
