#!/bin/sh
# environment.sh [dev]: make the virtual environment $VENV with $PYTHON, and install Kinema in it with the pinned versions;
#   `dev` adds what the tests need.
# environment.sh blender [maybe]: make .venv-blender, with Blender as the package bpy, for the tests of FBX. It needs Python
#   3.11 and numpy below 2, hence an environment of its own. With `maybe`, what is missing is said and no error.
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

BPY=bpy==5.0.1

blender() {  # the reason on stdout where it cannot be made
  [ "$(cat .venv-blender/.installed 2>/dev/null)" != "$BPY" ] || return 0
  for python in "$PYTHON" python3.11; do
    "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || continue
    rm -rf .venv-blender
    if "$python" -m venv .venv-blender &&
      .venv-blender/bin/python -m pip install --quiet --disable-pip-version-check "$BPY" >&2; then
      echo "$BPY" >.venv-blender/.installed
      return 0
    fi
    rm -rf .venv-blender
    echo "$BPY cannot be installed here"
    return 1
  done
  echo "Blender as a Python package needs Python 3.11, which is not on this machine"
  return 1
}

if [ "${1:-}" = blender ]; then
  reason="$(blender)" && exit 0
  echo "$reason" >&2
  [ "${2:-}" = maybe ] || exit 1
  echo "tests that need Blender are skipped, unless KINEMA_BLENDER names one" >&2
  exit 0
fi
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
if [ "${1:-}" = dev ]; then
  if ! current "$VENV/.installed-dev"; then
    install ".[dev,dev-readers]"
    touch "$VENV/.installed" "$VENV/.installed-dev"
  fi
elif ! current "$VENV/.installed"; then
  install .
  touch "$VENV/.installed"
fi
