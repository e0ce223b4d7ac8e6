# Two commands do everything on a fresh machine with Python 3.10 to 3.13:
#   make run VIDEO=clip.mp4      (without VIDEO: the demo)
#   make test
# Both make .venv and install the pinned versions of constraints.txt first; that happens once.
# PYTHON=python3.12 chooses another interpreter, ARGS="..." passes options on.

PYTHON ?= python3
VENV ?= .venv
VIDEO ?=
ARGS ?=

# A name may hold anything: `cost$5.mp4`, quotes, backticks. $(value ...) keeps make from expanding it, and the recipes
# take it from the environment, in quotes, so that the shell does not read it as program text either. A leading ./ keeps
# a dash from being an option.
override PYTHON := $(value PYTHON)
override VENV := $(or $(value VENV),.venv)
override VENV := $(if $(filter /%,$(firstword $(VENV))),,./)$(VENV)
override VIDEO := $(value VIDEO)
override ARGS := $(value ARGS)
export PYTHON VENV VIDEO ARGS

# Programs of the environment; the second adds the words of ARGS.
BIN := "$$VENV"/bin
CALL := $(BIN)/python tools/with_args.py $(BIN)

.DEFAULT_GOAL := help
.PHONY: help run demo test fast compat lint format docs bench bench-accuracy install install-dev clean

help:
	@echo "make run VIDEO=clip.mp4   turn a video into motion (without VIDEO: the demo)"
	@echo "make test                 all tests        make fast    the quick ones"
	@echo "make compat               some tests with the newest and the oldest versions of every dependency"
	@echo "make lint                 style and types  make format  repair the style"
	@echo "make docs                 write the generated pages of docs/ again"
	@echo "make bench                measure speed, memory, start-up and accuracy"
	@echo "make bench-accuracy       accuracy against every truth at hand: writes docs/accuracy.md"
	@echo "make clean                remove .venv and caches (results in outputs/ stay)"

run: install
	@case "$$VIDEO" in -?*) VIDEO="./$$VIDEO" ;; esac; \
	  if [ -n "$$VIDEO" ]; then set -- run "$$VIDEO"; else set -- demo; fi; \
	  $(CALL)/kinema "$$@"

demo: install
	@$(CALL)/kinema demo

# A process for each core, four at most; a file's tests stay together, since they share what is costly to make. The order
# of the files is that of tests/conftest.py.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: install-dev
	@tools/environment.sh blender maybe
	$(CALL)/python -m pytest $(PARALLEL)

fast: install-dev
	$(CALL)/python -m pytest $(PARALLEL) -m "not slow and not real"

compat:
	"$$PYTHON" tools/compatibility.py

lint: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: install-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: install-dev
	$(BIN)/python tools/api_page.py
	$(BIN)/python tools/write_command_line.py

bench: install-dev
	$(CALL)/python benchmarks/all.py

bench-accuracy: install-dev
	$(CALL)/python benchmarks/accuracy.py --write docs/accuracy.md

install:
	@tools/environment.sh

install-dev:
	@tools/environment.sh dev

# Blender as a Python package, for the tests that need one and as `kinema export --blender .venv-blender/bin/python`.
.venv-blender:
	@tools/environment.sh blender

# Only for benchmarks/run_speed.py: MediaPipe cannot share an environment with Kinema.
.venv-mediapipe:
	"$$PYTHON" -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check mediapipe==0.10.21 || { rm -rf $@; exit 1; }

clean:
	rm -rf "$$VENV" .venv-mediapipe .venv-blender build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
