"""Finds Blender: an installed program, or a Python that has Blender as a module (PyPI's package `bpy`)."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import InputError, UsageError

VARIABLE = "KINEMA_BLENDER"
"""Environment variable that may name Blender's executable, or a Python that has the package bpy."""

_USUAL = (
    "/Applications/Blender.app/Contents/MacOS/Blender",
    "/snap/bin/blender",
    "/usr/local/bin/blender",
    "C:/Program Files/Blender Foundation/*/blender.exe",
)
_PYTHON = re.compile(r"python[\d.]*w?(\.exe)?", re.IGNORECASE)
_HAS_BPY = "import importlib.util, sys; sys.exit(importlib.util.find_spec('bpy') is None)"
_TIMEOUT = 3600


@dataclass(frozen=True)
class Blender:
    """A way to run scripts in Blender. program: an executable; module: whether it is a Python that has bpy."""

    program: Path
    module: bool = False

    def command(self, script: Path, *arguments: object) -> list[str]:
        """The command that runs a script, which finds its arguments in sys.argv after `--`."""
        options = [] if self.module else ["--background", "--factory-startup", "--python-exit-code", "1", "--python"]
        return [str(self.program), *options, str(script), "--", *map(str, arguments)]

    def run(self, script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, in another process. Raises InputError if it cannot start or takes an hour."""
        try:
            return subprocess.run(
                self.command(script, *arguments),
                capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"Blender ({self.program}) did not finish: {error}") from None


def find_blender(given: str | Path | None = None) -> Blender:
    """Blender from `given`, KINEMA_BLENDER, the PATH, the usual places, or this Python's own package bpy, in turn.

    Raises UsageError, with the alternatives, if there is none.
    """
    for source, name in (("`blender`", given), (VARIABLE, os.environ.get(VARIABLE))):
        if name:
            return _named(source, name)
    on_path = shutil.which("blender")
    if on_path is not None:
        return Blender(Path(on_path))
    for usual in _USUAL:
        anchor = Path(Path(usual).anchor)
        for found_there in sorted(anchor.glob(str(Path(usual).relative_to(anchor))), reverse=True):
            return Blender(found_there)
    if importlib.util.find_spec("bpy") is not None:
        return Blender(Path(sys.executable), module=True)
    raise UsageError(
        "FBX is written by Blender, which was not found; install it from blender.org or with `pip install bpy` in an"
        f" environment of its own, name its program or that environment's python with `blender` or {VARIABLE}, or"
        " export glb or usd, which do not need it"
    )


def _named(source: str, name: str | Path) -> Blender:
    found = shutil.which(str(name))
    if found is None:
        raise UsageError(f"{source} names {name}, which is not an executable program; correct it")
    program = Path(found)
    if not _PYTHON.fullmatch(program.name):
        return Blender(program)
    if not _has_bpy(program):
        raise UsageError(f"{source} names {name}, a Python without the package bpy; run {name} -m pip install bpy")
    return Blender(program, module=True)


def _has_bpy(python: Path) -> bool:
    command: Sequence[str] = [str(python), "-c", _HAS_BPY]
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
