#!/bin/sh
# environment.sh [dev]: make the virtual environment $VENV with $PYTHON, and install Kinema in it with the pinned versions.
#
# For the Makefile, which hands over names as variables, never as program text: whatever is in them, nothing of it is run.
# The stamps are written last, so that an installation that was interrupted is taken up again; each lasts until
# pyproject.toml or constraints.txt changes.
set -eu

current() {  # current STAMP: whether it is there, and newer than what it depends on
  [ -f "$1" ] && [ -z "$(find pyproject.toml constraints.txt -newer "$1")" ]
}

install() {
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$1"
}

if [ ! -f "$VENV/.created" ]; then
  "$PYTHON" -c 'import os, sys; v = sys.version_info[:2]; ok = (3, 10) <= v <= (3, 13); ok or sys.exit(
    "Kinema needs Python 3.10 to 3.13, %s is %d.%d; name another with PYTHON=..." % (os.environ["PYTHON"], *v))'
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || {
    printf '%s cannot make virtual environments; on Debian or Ubuntu: sudo apt-get install python3-venv\n' "$PYTHON" >&2
    exit 1
  }
  "$PYTHON" -m venv "$VENV"
  touch "$VENV/.created"
fi
if ! current "$VENV/.installed"; then
  install .
  touch "$VENV/.installed"
fi
if [ "${1:-}" = dev ] && ! current "$VENV/.installed-dev"; then
  install ".[dev]"
  touch "$VENV/.installed-dev"
fi
