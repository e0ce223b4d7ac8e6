"""Which filter, and how strong: motion capture with the noise of image-based networks, filtered and compared.

    python benchmarks/filter_choice.py [--data ../shared/data] [--each 6]

CMU sequences of five categories; joints get 20 mm of noise with a correlation time of 0.15 s and 7 mm of white noise.
For every filter and strength (seconds, see docs/filters.md): the mean joint error in mm, and the mean
error of the joints' acceleration in m/s^2, over all categories and for running only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.tables import heading, line

from kinema.refinement.filtering import FILTERS

STRENGTHS = (0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.40)
FPS = 30.0


def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Metres, (F, J, 3): 20 mm with a correlation time of 0.15 s, and 7 mm of white noise."""
    keep = np.exp(-1 / FPS / 0.15)
    slow = rng.normal(size=shape)
    for i in range(1, len(slow)):
        slow[i] = keep * slow[i - 1] + np.sqrt(1 - keep**2) * slow[i]
    return 0.020 * slow + 0.007 * rng.normal(size=shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--each", type=int, default=6)
    args = parser.parse_args()
    capture = np.load(args.data / "mocap" / "cmu_train.npz")
    joints = capture["root"][:, None] + capture["smpl24_rel_i16"] / 1e4
    rng = np.random.default_rng(1)
    clips = []
    for category in ("walk", "dance", "sport", "run", "martial"):
        rows = np.flatnonzero(capture["category"] == category)
        for row in rng.choice(rows, min(args.each, len(rows)), replace=False):
            start, stop = capture["seq_start"][row : row + 2]
            truth = joints[start : min(stop, start + 300)]
            clips.append((category, truth, truth + noise(rng, truth.shape), np.arange(len(truth)) / FPS))

    def scores(filtered: list[np.ndarray]) -> list[str]:
        cells = []
        for selected in (None, "run"):
            pairs = [(f, t) for f, (c, t, _, _) in zip(filtered, clips, strict=True) if selected in (None, c)]
            error = np.mean([1000 * np.linalg.norm(f - t, axis=-1).mean() for f, t in pairs])
            jitter = np.mean([np.linalg.norm(np.diff(f - t, 2, axis=0), axis=-1).mean() * FPS**2 for f, t in pairs])
            cells += [f"{error:.1f}", f"{jitter:.1f}"]
        return cells

    measures = ("error, mm", "acceleration error, m/s2", "error, running", "acceleration error, running")
    print(heading(["filter", "seconds", *measures]))
    print(line(["none", "0", *scores([noisy for _, _, noisy, _ in clips])]))
    for name, smooth in FILTERS.items():
        for seconds in STRENGTHS:
            print(line([name, f"{seconds:.2f}", *scores([smooth(x, t, seconds) for _, _, x, t in clips])]))


if __name__ == "__main__":
    main()
