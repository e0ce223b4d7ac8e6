"""Memory and time of exporting six minutes and one hour of one person, each in its own process.

python benchmarks/export_memory.py [--formats bvh glb ...]

Prints the size of the motion itself, the peak memory of the process before and after the export, and the seconds of
motion exported per second of CPU time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FPS = 30


def measure(suffix: str, seconds: int) -> None:
    """Export in this process and print one line."""
    import numpy as np

    from kinema.body import load_body
    from kinema.formats import save_motion
    from kinema.motion import Motion
    from kinema.person import Person
    from kinema.synthetic import procedural_motion

    performed = procedural_motion(load_body(), "rounds").people[0]
    count = seconds * FPS
    rows = np.arange(count) % len(performed)
    fields = {name: getattr(performed, name)[rows] for name in ("pose_world", "betas", "transl_world")}
    person = Person(id=1, frames=np.arange(count), **fields)
    motion = Motion(times=np.arange(count) / FPS, width=1, height=1, people=(person,), body_model="free")
    size = sum(value.nbytes for value in fields.values()) / 1e6
    before, clock = _peak(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = save_motion(motion, Path(folder) / f"motion.{suffix}")
        written = path.stat().st_size / 1e6
    spent = time.process_time() - clock
    print(
        f"{suffix:<5}{seconds / 60:>4.0f} min  motion {size:6.1f} MB  file {written:6.1f} MB"
        f"  peak before {before:4.0f} MB  after {_peak():4.0f} MB  {seconds / spent:7.0f} times real time"
    )


def _peak() -> float:
    """Peak resident set size so far, MB (Linux counts in kB, macOS in bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--formats", nargs="+", default=["bvh", "glb", "usda", "trc", "c3d"])
    parser.add_argument("--one", nargs=2, metavar=("FORMAT", "SECONDS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one[0], int(args.one[1]))
        return 0
    failed = 0
    for suffix in args.formats:
        for seconds in (360, 3600):
            command = [sys.executable, __file__, "--one", suffix, str(seconds)]
            failed |= subprocess.run(command, check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
