# Two commands on a fresh machine: `make demo` and `make test`. Each sets up all it needs in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TRAIN_VENV ?= .venv-train
TRAIN_BIN := $(TRAIN_VENV)/bin
# The extra `train` asks for exactly this one. Named first, pip takes a build for the CPU where it is offered one.
TORCH := torch==2.13.0
ARGS ?=
# Tests run side by side, each file in one process: one more than CI has cores, for many wait for programs that they
# started. In the order of tests/conftest.py; xdist's own would leave the files of few, long tests for the end.
WORKERS ?= 3
# Real aerial pictures for the demo's ground; installed without its dependencies, as a package of data.
GROUND_PICTURES := deepforest==2.1.0
# A ground station to test the simulated vehicle with; its dependencies draw windows and bring a second OpenCV.
GROUND_STATION := MAVProxy==1.8.75
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help install demo test train-environment test-training check format screenshots clean

help:
	@echo "make demo    set up and run the whole chain on a staged district; then open the address it prints"
	@echo "make test    set up and run every check and test"
	@echo "make test-training   train, resume and export for real (downloads torch)"
	@echo "make check   ruff, mypy, import contracts"
	@echo "make format  let ruff format and sort"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "flyonce needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml hatch_build.py $(CONSOLE_SOURCES)
	$(BIN)/python -m pip install --quiet -e .
	$(BIN)/python -m pip install --quiet --no-deps $(GROUND_PICTURES)
	@touch $@

# All that .installed has, and more: in one go, for each installation of this package sets up a place to build it in.
$(VENV)/.installed-dev: $(BIN)/python pyproject.toml hatch_build.py $(CONSOLE_SOURCES)
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps $(GROUND_PICTURES) $(GROUND_STATION)
	@touch $(VENV)/.installed $@

install: $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/flyonce demo $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# In an environment of its own: torch is large, and nothing but training needs it.
$(TRAIN_VENV)/.installed: $(VENV)/.installed pyproject.toml
	test -x $(TRAIN_BIN)/python || $(PYTHON) -m venv $(TRAIN_VENV)
	$(TRAIN_BIN)/python -m pip install --quiet $(TORCH)
	$(TRAIN_BIN)/python -m pip install --quiet -e '.[train,test]'
	@touch $@

train-environment: $(TRAIN_VENV)/.installed

test-training: train-environment
	FLYONCE_TRAINING=1 $(TRAIN_BIN)/pytest tests/training $(ARGS)

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(VENV)/.installed-dev
	$(BIN)/python tools/screenshots.py

clean:
	rm -rf $(VENV) $(TRAIN_VENV) build dist dispatch_api/static console/node_modules
