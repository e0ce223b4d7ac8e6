"""Where keypoint networks see the points of a body, learned from their errors on rendered people.

    python tools/keypoint_errors.py --mocap cmu_train.npz --out errors.npz rtmpose-s-halpe26 blazepose
    python tools/point_offsets.py errors.npz [SOURCE...]
    python tools/point_offsets.py WINDOWS                    BlazePose's, from the windows of tools/train_pose_lifter.py

An error in the image is that of an offset that turns with the part of the body that carries the point: metres in the
axes of the rest pose (x to the left, y up, z ahead), the least squares over all images and both sides. Prints them
for each source as in `kinema.body.definitions.CLICKED`, and the mean error of images that were not learned from,
without and with the offset.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import InputError
from kinema.keypoints import open_source
from kinema.skeleton import BLAZEPOSE33, mirrored
from kinema.storage.safe_npz import load_npz
from kinema.training.rendered import LIFTER_FILM
from kinema.training.windows import load_windows

SURE, FAR = 0.5, 0.12
"""Confidence from which a point counts, and metres of error up to which: what is further off is another point."""

RIDGE = 3.0
"""Images' worth of belief in no offset."""

LEARNED = 0.75
"""Share of the images that are learned from: the first ones, whose scenes the others do not share."""

STEP = 6
"""Frames of windows from one that counts to the next: neighbours show the same."""

MIRROR = np.array([-1.0, 1.0, 1.0])


def equations(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N,2,3) and errors (N,2) of a point's usable images, from (N,9) of `tools/keypoint_errors.py`."""
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
    """Mean error in metres of a point's images (N,9) whose body has it at an offset (3,); NaN without any."""
    turned, off = equations(errors)
    return float(np.linalg.norm(off - turned @ shift, axis=1).mean()) if len(off) else float("nan")


def errors_of_windows(folder: Path, split: str) -> np.ndarray:
    """(N,33,9) as of `tools/keypoint_errors.py`: of every `STEP`-th frame of the windows of a split."""
    body = load_body()
    joint = body.points(BLAZEPOSE33.name).joint
    windows = load_windows(folder, split, LIFTER_FILM)
    found = []
    for number in range(len(windows["root"])):
        rotation, root, rays, confidence = (
            windows[name][number, ::STEP].astype(np.float64) for name in ("rotation", "root", "rays", "confidence")
        )
        rig = Rig.of(body, BLAZEPOSE33.name, windows["betas"][number].astype(np.float64))
        turned, _, points = rig.forward(rotation, root)
        off = (rays - points[..., :2] / points[..., 2:]) * root[:, None, 2:]
        rows = turned[:, joint, :2].reshape(*off.shape[:2], 6)
        found.append(np.concatenate([off, confidence[..., None], rows], axis=-1))
    return np.concatenate(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errors", type=Path, metavar="ERRORS.npz|WINDOWS")
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="of the file (default: all)")
    args = parser.parse_args()
    if args.errors.is_dir():
        learned, held = (errors_of_windows(args.errors, split) for split in ("train", "held_out"))
        report("blazepose", BLAZEPOSE33.joints, learned, held)
        return
    found = load_npz(args.errors)
    for name in args.sources or found:
        if name not in found:
            raise InputError(f"{args.errors} has no errors of {name}; it has {', '.join(found)}")
        joints = open_source(name.partition("+")[0], threads=1).joint_set.joints
        split = round(LEARNED * len(found[name]))
        report(name, joints, found[name][:split], found[name][split:])


def report(name: str, joints: Sequence[str], learned: np.ndarray, held: np.ndarray) -> None:
    """Print the offsets of a source's points, from errors (N,K,9), and what they explain of others (M,K,9)."""
    print(name)
    for k, joint in enumerate(joints):
        if joint.startswith("right_"):
            continue
        columns = [k] if mirrored(joint) == joint else [k, joints.index(mirrored(joint))]
        shift = offset([learned[:, column] for column in columns])
        before, after = (1000 * left(held[:, k], each) for each in (np.zeros(3), shift))
        x, y, z = shift
        print(f'    "{joint}": ({x:.3f}, {y:.3f}, {z:.3f}),  # {before:.0f} -> {after:.0f} mm')


if __name__ == "__main__":
    main()
