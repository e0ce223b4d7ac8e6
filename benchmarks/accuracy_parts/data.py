"""The folder of real clips, their truth and motion capture that the benchmarks read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DATA = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parents[2] / "../shared/data"))


def require_data(path: Path) -> None:
    """End the benchmark with one sentence and exit code 3 if a file or folder of DATA is not there."""
    if not path.exists():
        print(f"no {path}; set KINEMA_DATA", file=sys.stderr)
        sys.exit(3)


def all_videos() -> list[Path]:
    """Every video of DATA; without one, the benchmark ends as with `require_data`."""
    videos = sorted((DATA / "videos").glob("*.mp4"))
    if not videos:
        print(f"no clips in {DATA / 'videos'}; set KINEMA_DATA", file=sys.stderr)
        sys.exit(3)
    return videos
