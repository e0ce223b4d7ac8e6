"""Start-up time of the command line: `kinema --help` and others compared with an empty Python process.

    python benchmarks/startup.py [--rounds N]

The commands alternate in rounds; the median of each is reported.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

KINEMA = str(Path(sys.executable).with_name("kinema"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
    "python -c 'import kinema'": [sys.executable, "-c", "import kinema"],
    "kinema --help": [KINEMA, "--help"],
    "kinema run --help": [KINEMA, "run", "--help"],
    "kinema run missing.mp4": [KINEMA, "run", "missing.mp4"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds + 1):
        for name, command in COMMANDS.items():
            begin = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            taken[name].append(time.perf_counter() - begin)
    baseline = statistics.median(taken["python -c pass"][1:])  # the first round warms the disk cache
    for name, seconds in taken.items():
        median = statistics.median(seconds[1:])
        print(f"{name:<28} {median:6.3f} s   {median / baseline:5.1f} times python -c pass")
    return 0


if __name__ == "__main__":
    sys.exit(main())
