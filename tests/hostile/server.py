"""Runs command lines one after the other, each in a fork with limits: `python -m tests.hostile.server`.

Reads one JSON list of arguments from each line of stdin and writes one JSON answer for each. Starting Python and
importing what commands need takes far longer than most hostile files; a fork has both already, and what happens to it
(a signal, memory, time) happens to it alone.
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


def answer(arguments: list[str], output: Path) -> dict[str, object]:
    """Run one command line in a fork. Returns code, signal, seconds, megabytes, stderr and stdout."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _run(arguments, output)
    deadline = begun + WAIT
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.003)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - begun,
        "megabytes": usage.ru_maxrss / 1024,
        "stderr": (output / "stderr").read_text("utf-8", "replace")[-100_000:],
        "stdout": (output / "stdout").read_text("utf-8", "replace")[-100_000:],
    }


def _run(arguments: list[str], output: Path) -> None:
    code = 99
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from kinema.__main__ import main

        try:
            code = main(arguments)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve(output: Path) -> None:
    warm_up(output)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), output)), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
