"""Fuzzes one reader, or all of them one after the other, guided by coverage (https://github.com/google/atheris).

    pip install atheris                      # in an environment that has Kinema; it is no dependency of Kinema
    python tools/fuzz/fuzz.py pickle         # ten minutes
    python tools/fuzz/fuzz.py all --seconds 60

The corpus grows in `--folder`, by default `fuzz-corpus` in the current folder. An input that raises anything but
Kinema's own errors, takes more than 60 s or more than 1.5 GB is kept there as `crash-...`, `timeout-...` or `oom-...`;
give it as `--input` to see what it does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = ("-timeout=60", "-rss_limit_mb=1536", "-max_len=65536", "-print_final_stats=1", "-verbosity=1")


def main() -> int:
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="a name in targets.py, or all")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=Path("fuzz-corpus"))
    parser.add_argument("--input", type=Path, help="run this input alone")
    args = parser.parse_args()
    if args.target == "all":
        from corpus import SUFFIXES

        again = [sys.executable, __file__, "--seconds", str(args.seconds), "--folder", str(args.folder)]
        return max(subprocess.run([*again, target], check=False).returncode for target in SUFFIXES)

    import atheris

    with atheris.instrument_imports(include=["kinema"]):
        from targets import TARGETS
    target = TARGETS[args.target]
    if args.input is not None:
        target(args.input.read_bytes())
        return 0
    folder = args.folder / args.target
    if not folder.is_dir():
        from corpus import write_corpus

        print(f"{args.target}: {write_corpus(args.target, folder)} files to start from", flush=True)
    finds = f"-artifact_prefix={folder}-"
    atheris.Setup([sys.argv[0], str(folder), finds, f"-max_total_time={args.seconds}", *LIMITS], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
