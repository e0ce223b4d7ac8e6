"""The test's side of `server.py`, and what every answer must be like."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tests

LONGEST_SENTENCE = 1500
"""Characters of an error, with a path in it."""

SPARE = 512
"""Megabytes: below, no command line of several in a process can have lacked memory because of those before it."""


def commands(path: Path, out: Path) -> tuple[tuple[object, ...], ...]:
    """The command lines that read a motion file."""
    good = path.parent / "honest.pkl"
    return (
        ("validate", path, "--no-files"),
        ("convert", path, out / "converted.npz"),
        ("diagnose", path),
        ("export", path, "--format", "bvh", "--out", out / "exported"),
        ("refine", path, "--method", "whittaker", "--out", out / "refined.pkl"),
        ("stabilize", path, "--out", out / "stable.pkl"),
        ("diagnose", path, "--json"),
        ("export", path, "--format", "glb", "--out", out / "exported"),
        ("evaluate", "motion", path, "--truth", good),
        ("evaluate", "motion", good, "--truth", path),
        ("export", path, "--format", "csv", "--out", out / "exported"),
        ("export", path, "--format", "trc", "--out", out / "exported"),
        ("convert", path, out / "converted.pkl"),
    )


@dataclass(frozen=True)
class Answer:
    """What a command did: exit code (negative: killed by that signal), CPU seconds, resident megabytes, its output."""

    arguments: list[str]
    code: int
    seconds: float
    wall: float
    megabytes: float
    stderr: str
    stdout: str

    @property
    def wrong(self) -> str | None:
        """What is wrong with it, None if it is as it must be."""
        if self.code < 0:
            return f"was killed by signal {-self.code}"
        if self.code not in (0, 1, 2, 3):
            return f"exit code {self.code}"
        if self.megabytes > 1024:
            return f"{self.megabytes:.0f} MB"
        if self.seconds > 20:
            return f"{self.seconds:.0f} s"
        if "Traceback" in self.stderr or "Warning" in self.stderr:
            return "a traceback or a warning of Python"
        if self.code in (2, 3):
            lines = [line for line in self.stderr.splitlines() if line.strip()]
            sentences = [line for line in lines if line.startswith("kinema")]
            if len(sentences) != 1 or (lines[-1] != sentences[0]):
                return f"{len(sentences)} sentences"
            if len(sentences[0]) > LONGEST_SENTENCE:
                return f"a sentence of {len(sentences[0])} characters"
        if any(not c.isprintable() and c not in "\n\t\r" for c in self.stderr):
            return "raw control characters"
        return None

    def __str__(self) -> str:
        return (
            f"kinema {' '.join(self.arguments)}: {self.wrong} (exit code {self.code}, {self.seconds:.1f} s,"
            f" {self.megabytes:.0f} MB)\n    {self.stderr[-600:].strip()}"
        )


class Server:
    """A process that runs command lines, started again if it dies."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def run(self, *arguments: object) -> Answer:
        """The answer of a command line in a process of its own."""
        return self._ask([arguments])[0]

    def run_all(self, lines: Sequence[Sequence[object]]) -> list[Answer]:
        """The answers of several command lines, in one process: a fork takes longer than most of them.

        If anything is wrong with one, or they have taken much memory, each counts that runs in a process of its own.
        """
        found = self._ask(lines)
        if all(answer.wrong is None and answer.megabytes < SPARE for answer in found):
            return found
        return [self.run(*line) for line in lines]

    def _ask(self, lines: Sequence[Sequence[object]]) -> list[Answer]:
        words = [[str(argument) for argument in line] for line in lines]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the server itself ended at {words}"
        answers = json.loads(line)
        assert len(answers) == len(words)
        return [Answer(own, **answer) for own, answer in zip(words, answers, strict=True)]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server that keeps its output in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root = str(Path(tests.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.hostile.server", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield Server(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
