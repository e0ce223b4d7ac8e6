"""The path of the camera in rendered scenes whose truth is known: what is found, and how far off it is.

    python benchmarks/camera_motion.py [--seconds 3] [--lens-off 1.0] [WAY ...]

One to three people move before a camera that pans, tilts, zooms, is held, travels or stands still; their true boxes
hide them. Rotation: median over the frames, from the first frame's. Path: root mean square over the frames after the
best rotation and scale, as a share of its length. Frames a second: of 1280x720, following and solving, no decoding.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from kinema.body import load_body
from kinema.camera.points import PointFollower, working_image
from kinema.camera.shot import solve_shot
from kinema.camera.turning import Lens
from kinema.commands._tables import print_table
from kinema.geometry.alignment import align
from kinema.geometry.rotations import geodesic_angle
from kinema.synthetic.moving_camera import WAYS, moving_scene

FAR = 12.0
"""Metres to the walls of the scenes outdoors."""

OUTDOORS = ("walking", "handheld-pan", "crane")


def path_error(found: np.ndarray, true: np.ndarray) -> float:
    """Percent of the true way's length, after the best rotation, shift and scale."""
    missed = np.linalg.norm(align(found, true) - true, axis=1)
    return 100 * float(np.sqrt(np.mean(missed**2)) / np.linalg.norm(np.diff(true, axis=0), axis=1).sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {', '.join(WAYS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument(
        "--lens-off", type=float, default=1.0, help="factor on the assumed focal length; 1: it is known"
    )
    args = parser.parse_args()
    body, rows = load_body(), []
    for way in args.ways or WAYS:
        number = list(WAYS).index(way)  # so that some alone are the same scenes
        scene = moving_scene(
            body, way, people=1 + number % 3, seconds=args.seconds, seed=number + 1,
            surroundings=FAR if way in OUTDOORS else 0.0,
        )  # fmt: skip
        follower, spent = PointFollower(), 0.0
        for frame, image in enumerate(scene.images()):
            begin = time.perf_counter()
            small = working_image(image)
            boxes = [person.boxes[frame] for person in scene.motion]
            follower(small, float(scene.motion.times[frame]), np.array(boxes) * small.shape[1] / image.shape[1])
            spent += time.perf_counter() - begin
        focal = float(np.reshape(scene.path.intrinsics, (-1, 3, 3))[0, 0, 0]) * small.shape[1] / image.shape[1]
        begin = time.perf_counter()
        found = solve_shot(follower.tracks(), Lens(focal * args.lens_off, 0.0 if args.lens_off == 1 else 0.2))
        spent += time.perf_counter() - begin
        turned = np.degrees(geodesic_angle(found.rotation, scene.path.rotation @ scene.path.rotation[0].T))
        way_off = f"{path_error(found.centre, scene.path.centre):.1f}" if found.kind == "full" else "-"
        rows.append([
            way, scene.path.kind, found.kind, f"{np.median(turned):.2f}", way_off,
            f"{np.exp(found.log_focal[0]) / focal:.2f}", f"{100 * found.found.mean():.0f}",
            f"{len(scene.motion.times) / spent:.0f}",
        ])  # fmt: skip
        print(way, file=sys.stderr)
    print_table(
        ["scene", "true", "found", "rotation, deg", "path, %", "focal found / true", "frames found, %", "frames/s"],
        rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
