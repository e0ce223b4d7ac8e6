"""Runs every benchmark in this folder with its defaults, one after another, for `make bench`.

python benchmarks/all.py [NAME...]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    scripts = sorted(path for path in FOLDER.glob("*.py") if path.name != Path(__file__).name)
    chosen = [path for path in scripts if path.stem in sys.argv[1:]] or scripts
    failed = []
    for path in chosen:
        print(f"\n== {path.stem}", flush=True)
        if subprocess.run([sys.executable, str(path)], check=False).returncode:
            failed.append(path.stem)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
