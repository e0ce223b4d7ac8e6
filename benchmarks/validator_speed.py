"""Duration of validation: ten minutes of five people at 30 frames per second, from the file to the verdict.

    python benchmarks/validator_speed.py [--minutes 10] [--people 5]

Prints the seconds for reading, judging, writing the reports, and for the whole command in a fresh process, and their
ratio to the motion's duration. Exits with 1 if reading and judging take over 3 seconds (at the default size).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kinema.body import free_body
from kinema.formats import load_motion, save_motion
from kinema.motion import Motion
from kinema.quality import validate_file, validate_motion, write_report
from kinema.synthetic import procedural_motion

MAX_SECONDS = 3.0


def long_motion(minutes: float, people: int) -> Motion:
    """Short motions played back and forth, one per person, so that they are continuous."""
    frames = round(minutes * 60 * 30)
    motions = []
    for id in range(1, people + 1):
        person = procedural_motion(free_body(), "demo", seed=id).people[0]
        there_and_back = np.r_[np.arange(len(person)), np.arange(len(person) - 2, 0, -1)]
        rows = np.resize(there_and_back, frames)
        fields = {name: getattr(person, name)[rows] for name in person.filled}
        motions.append(person.replace(id=id, frames=np.arange(frames), **fields))
    clip = procedural_motion(free_body(), "demo")
    return clip.replace(times=np.arange(frames) / 30, people=tuple(motions))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--people", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = save_motion(long_motion(args.minutes, args.people), Path(folder) / "long.pkl")
        size = path.stat().st_size / 2**20
        times: dict[str, tuple[float, float]] = {}

        def timed(name: str, work):
            wall, cpu = time.perf_counter(), time.process_time()
            result = work()
            times[name] = time.perf_counter() - wall, time.process_time() - cpu
            return result

        motion = timed("reading", lambda: load_motion(path))
        timed("judging", lambda: validate_motion(motion))
        validation = timed("file to verdict", lambda: validate_file(path))
        reports = Path(folder) / "v.json", Path(folder) / "b.csv"
        timed("writing the reports", lambda: write_report(validation, *reports))
        command = [sys.executable, "-m", "kinema", "validate", str(path), "--no-files"]
        begin = time.perf_counter()
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - begin
    seconds = 60 * args.minutes
    print(f"{args.people} people, {args.minutes:g} minutes, {size:.0f} MiB: {validation.verdict}")
    for name, (wall, cpu) in times.items():
        print(f"    {name:<20} {wall:6.2f} s ({cpu:.2f} s of CPU time)  {seconds / wall:8.0f} x real time")
    print(f"    {'whole command':<20} {whole:6.2f} s")
    return 0 if min(times["file to verdict"]) <= MAX_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
