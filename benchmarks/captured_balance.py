"""How far captured people lean: the line from the feet to the centre of mass, which the fit takes to be vertical.

    python benchmarks/captured_balance.py cmu_train.npz [MOCAP...]

Prints, by the speed of the centre of mass, the standard deviation of that line about the vertical on one horizontal
axis, in degrees: of all frames in which feet carry the body (`kinema.estimation.balanced.carried`), and of the core
(1.48 times the median); then how much of it is left after a while.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.estimation.balanced import carried
from kinema.training.mocap import load_mocap

RATE = 30.0
UP = np.array([0.0, 1.0, 0.0])
SPEEDS = (0.0, 0.05, 0.2, 0.5, 1.0, 1.5, 5.0)
AFTER = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)


def leans(path: Path, rig: Rig) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of every sequence: degrees (F,2) on both axes, NaN where feet do not carry the body, and speeds (F,) in m/s."""
    found = []
    for sequence in load_mocap(path):
        slow = sequence.resampled(RATE)
        local, root = np.asarray(slow.rotation, float), np.asarray(slow.root, float)
        _, joints, _ = rig.forward(local, root)
        shares, on_feet = carried(joints, local, UP)
        line = np.einsum("fj,fjc->fc", shares, joints)
        speed = np.linalg.norm(np.gradient(root, 1 / RATE, axis=0), axis=1)
        lean = np.degrees(np.arctan2(line[:, [0, 2]], line[:, 1:2]))
        found.append((np.where(on_feet[:, None] > 0.8, lean, np.nan), speed))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mocap", type=Path, nargs="+")
    rig = Rig.of(load_body(), "blazepose33", np.zeros(10))
    found = [each for path in parser.parse_args().mocap for each in leans(path, rig)]
    lean, speed = (np.concatenate(each) for each in zip(*found, strict=True))
    print(f"{len(lean) / RATE / 60:.0f} minutes, on the feet in {100 * np.isfinite(lean[:, 0]).mean():.0f} %")
    for low, high in (*pairwise(SPEEDS), (0.0, np.inf)):
        values = lean[(speed >= low) & (speed < high)]
        values = values[np.isfinite(values)]
        print(
            f"{low:4.2f} to {high:4.2f} m/s: {len(values) // 2:6d} frames, {np.sqrt(np.mean(values**2)):4.1f} degrees, "
            f"core {1.48 * np.median(np.abs(values)):4.1f}"
        )
    total = np.nanmean(lean**2)
    for delay in AFTER:
        step = round(delay * RATE)
        both = np.concatenate([each[step:] * each[:-step] for each, _ in found if len(each) > step])
        print(f"after {delay} s: {np.nanmean(both) / total:.2f} of the variance")


if __name__ == "__main__":
    main()
