# Two commands do everything on a fresh machine with Python 3.10 to 3.13:
#   make run VIDEO=clip.mp4      (without VIDEO: the demo)
#   make test
# Both make .venv and install the pinned versions of constraints.txt first; that happens once.
# PYTHON=python3.12 chooses another interpreter, ARGS="..." passes options on.

PYTHON ?= python3
VENV ?= .venv
VIDEO ?=
ARGS ?=
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run demo test fast lint format docs bench install clean

help:
	@echo "make run VIDEO=clip.mp4   turn a video into motion (without VIDEO: the demo)"
	@echo "make test                 all tests        make fast    the quick ones"
	@echo "make lint                 style and types  make format  repair the style"
	@echo "make docs                 write the generated pages of docs/ again"
	@echo "make bench                measure speed, memory, start-up and accuracy"
	@echo "make clean                remove .venv and caches (results in outputs/ stay)"

run: $(VENV)/.installed
ifeq ($(strip $(VIDEO)),)
	$(BIN)/kinema demo $(ARGS)
else
	$(BIN)/kinema run "$(VIDEO)" $(ARGS)
endif

demo: $(VENV)/.installed
	$(BIN)/kinema demo $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(ARGS)

fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow and not real" $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-dev
	$(BIN)/python tools/api_page.py
	$(BIN)/python tools/write_command_line.py

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/all.py $(ARGS)

install: $(VENV)/.installed

# Only for benchmarks/run_speed.py: MediaPipe cannot share an environment with Kinema.
.venv-mediapipe:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check mediapipe==0.10.21 || { rm -rf $@; exit 1; }

# The stamps are written last, so that an installation that was interrupted is taken up again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; ok = (3, 10) <= v <= (3, 13); \
	  ok or sys.exit("Kinema needs Python 3.10 to 3.13, $(PYTHON) is %d.%d; name another with PYTHON=..." % v)'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) .venv-mediapipe build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
