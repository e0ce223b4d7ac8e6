"""Where keypoint networks see the points of a body, learned from their errors on rendered people.

    python tools/keypoint_errors.py --mocap cmu_train.npz --out errors.npz rtmpose-s-halpe26 blazepose
    python tools/point_offsets.py errors.npz [SOURCE...]

An error in the image is that of an offset that turns with the part of the body that carries the point: metres in the
axes of the rest pose (x to the left, y up, z ahead), the least squares over all pictures and both sides. Prints them
for each source as in `kinema.body.definitions.CLICKED`, and the mean error of pictures that were not learned from,
without and with the offset.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.keypoints import open_source
from kinema.skeleton import mirrored
from kinema.storage.safe_npz import load_npz

SURE, FAR = 0.5, 0.12
"""Confidence from which a point counts, and metres of error up to which: what is further off is another point."""

RIDGE = 3.0
"""Pictures' worth of belief in no offset."""

LEARNED = 0.75
"""Share of the pictures that are learned from: the first ones, whose scenes the others do not share."""

MIRROR = np.array([-1.0, 1.0, 1.0])


def equations(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N,2,3) and errors (N,2) of a point's usable pictures, from (N,9) of `tools/keypoint_errors.py`."""
    use = np.isfinite(errors).all(axis=1) & (errors[:, 2] > SURE) & (np.linalg.norm(errors[:, :2], axis=1) < FAR)
    return errors[use, 3:].reshape(-1, 2, 3), errors[use, :2]


def offset(sides: Sequence[np.ndarray]) -> np.ndarray:
    """(3,) metres, of a point from its errors (N,9) and those of its mirror image, if it has one."""
    square, right = RIDGE * np.eye(3), np.zeros(3)
    for errors, sign in zip(sides, (np.ones(3), MIRROR), strict=False):
        turned, off = equations(errors)
        turned = turned * sign
        square += np.einsum("nia,nib->ab", turned, turned)
        right += np.einsum("nia,ni->a", turned, off)
    return np.asarray(np.linalg.solve(square, right))


def left(errors: np.ndarray, shift: np.ndarray) -> float:
    """Mean error in metres of a point's pictures (N,9) whose body has it at an offset (3,); NaN without any."""
    turned, off = equations(errors)
    return float(np.linalg.norm(off - turned @ shift, axis=1).mean()) if len(off) else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errors", type=Path)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="of the file (default: all)")
    args = parser.parse_args()
    found = load_npz(args.errors)
    for name in args.sources or found:
        if name not in found:
            raise InputError(f"{args.errors} has no errors of {name}; it has {', '.join(found)}")
        source, _, _ = name.partition("+")
        joints = open_source(source, threads=1).joint_set.joints
        split = round(LEARNED * len(found[name]))
        print(name)
        for k, joint in enumerate(joints):
            if joint.startswith("right_"):
                continue
            columns = [k] if mirrored(joint) == joint else [k, joints.index(mirrored(joint))]
            shift = offset([found[name][:split, column] for column in columns])
            held = found[name][split:, k]
            x, y, z = shift
            before, after = (1000 * left(held, each) for each in (np.zeros(3), shift))
            print(f'    "{joint}": ({x:.3f}, {y:.3f}, {z:.3f}),  # {before:.0f} -> {after:.0f} mm')


if __name__ == "__main__":
    main()
