"""Runs command lines in forks with limits: `python -m tests.hostile.server`.

Reads a JSON list of command lines from each line of stdin, runs them one after the other in one fork, and writes a JSON
list of their answers. Starting Python and importing what commands need takes far longer than most hostile files; a fork
has both already, and what happens to it (a signal, memory, time) happens to it alone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

MEMORY = 2**30
"""Bytes of address space on top of what the process has after its imports."""

RESIDENT = 2**30
SECONDS = 20
"""Of CPU time; the machine may be busy with other things."""

WAIT = 300
"""Seconds after which a command that uses no CPU time is killed, too."""


def warm_up(output: Path) -> None:
    """Import what the commands import, by calling them on an honest file: two thirds of a fork's time otherwise."""
    import onnxruntime  # noqa: F401

    from kinema import __main__ as command_line
    from kinema.formats import registry
    from tests.hostile.mutations import honest_files
    from tests.hostile.running import commands

    for entry in registry.FORMATS:
        entry.load()
    folder = output / "warm"
    folder.mkdir()
    honest_files(folder)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        for line in commands(folder / "honest.pkl", folder):
            command_line.main([str(word) for word in line])


def answers(lines: list[list[str]], output: Path) -> list[dict[str, object]]:
    """Run command lines in a fork. Returns code, seconds, megabytes, stderr and stdout of each.

    Seconds and megabytes are those of the fork, and so is the signal that killed it.
    """
    begun = time.monotonic()
    codes = output / "codes"
    codes.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        _run(lines, output, codes)
    deadline = begun + WAIT
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.003)
    ended = os.waitstatus_to_exitcode(status)
    return [
        {
            "code": code,
            "seconds": usage.ru_utime + usage.ru_stime,
            "wall": time.monotonic() - begun,
            "megabytes": usage.ru_maxrss / 1024,
            "stderr": _text(output / f"{number}.stderr"),
            "stdout": _text(output / f"{number}.stdout"),
        }
        for number, code in enumerate([ended] * len(lines) if ended else json.loads(codes.read_text()))
    ]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")[-100_000:] if path.exists() else ""


def _run(lines: list[list[str]], output: Path, codes: Path) -> None:
    ended = 99
    try:
        for number in range(len(lines)):
            for name in ("stdout", "stderr"):
                (output / f"{number}.{name}").unlink(missing_ok=True)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        codes.write_text(json.dumps([_code(line, output / str(number)) for number, line in enumerate(lines)]))
        ended = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended)


def _code(arguments: list[str], output: Path) -> int:
    """The exit code of a command line that writes to `output`.stdout and `output`.stderr."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{output}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    from kinema.__main__ import main

    code = 99
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def serve(output: Path) -> None:
    warm_up(output)
    for line in sys.stdin:
        print(json.dumps(answers(json.loads(line), output)), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
