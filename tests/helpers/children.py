"""The command line in a process of its own, with the chain of fake stages behind `kinema run`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_FAKE = """
import os, sys, time
import kinema.pipeline.running as running
from tests.helpers.fakes import FakeChain
fake = FakeChain()
running.chain = fake.steps
{before}
from kinema.__main__ import main
sys.exit(main())
"""


def command(*arguments: str | bytes, before: str = "") -> list[str | bytes]:
    """The command of a child that runs `kinema` on the fake chain. before: code that runs first; it may use `fake`."""
    return [sys.executable, "-c", _FAKE.format(before=before), *arguments]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child, which finds the tests' helpers."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(more or {})}


def kinema(
    *arguments: str | bytes, cwd: Path, before: str = "", env: Mapping[str, str] | None = None, **how: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end; stdout and stderr are captured unless `how` says where they go."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    return subprocess.run(
        command(*arguments, before=before), cwd=cwd, env=environment(env), timeout=120, check=False, **how
    )


def in_shell(line: str, *arguments: str | Sequence[str], cwd: Path, before: str = "") -> int:
    """The exit code of a child that a POSIX shell starts, as `line` with "$@" for the command."""
    return subprocess.run(
        ["sh", "-c", line, "sh", *command(*arguments, before=before)],
        cwd=cwd,
        env=environment(),
        timeout=120,
        check=False,
    ).returncode
