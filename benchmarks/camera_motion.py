"""The path of the camera in rendered scenes whose truth is known: what is found, and how far off it is.

    python benchmarks/camera_motion.py [--seconds 3] [--lens-off 1.0] [--points FOLDER] [SCENE ...]

One to three people move before a camera that pans, tilts, zooms, is held, travels or stands still; their true boxes
hide them. Rotation: median over the frames, after the one rotation that fits best (as `kinema evaluate camera` has it),
and from the first frame's. Path: root mean square over the frames after the best rotation and scale, as a share of its
length. Bend: of the lens, in percent of the way from the picture's middle to its corner. Frames a second of a core:
of 1280x720, following and solving, no decoding, by CPU time, with one thread of the linear algebra library, as in a
run. Other work on the machine slows that down, too, by up to two: ratios count.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.camera.hiding import painted
from kinema.camera.points import PointFollower, working_image
from kinema.camera.shot import solve_shot
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens
from kinema.commands._tables import print_table
from kinema.evaluation.camera import shot_scores
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import geodesic_angle
from kinema.pipeline.threads import one_blas_thread
from kinema.synthetic.moving_camera import WAYS, moving_scene

FAR = 12.0
"""Metres to the walls of the scenes outdoors."""

OUTDOORS = ("walking", "handheld-pan", "crane")

WIDE: dict[str, Any] = {"fov": 85.0, "distortion": np.array([-0.1, 0.0, 0.0, 0.0])}
"""A wide lens whose corners lie 11 % nearer to the middle than a straight one's."""

SCENES: dict[str, tuple[str, dict[str, Any]]] = {
    **{way: (way, {"surroundings": FAR if way in OUTDOORS else 0.0}) for way in WAYS},
    "wide-pan": ("pan", WIDE),
    "wide-orbit": ("orbit", WIDE),
}
"""By name: how the camera moves, and the rest of `moving_scene`."""


@dataclass(frozen=True)
class Followed:
    """tracks: the points of a scene; spent: seconds of CPU time that following them took; truth: the true path; focal,
    bend: of the true lens in its first frame, as the working image has it."""

    tracks: PointTracks
    spent: float
    truth: CameraPath
    focal: float
    bend: float

    def save(self, file: Path) -> None:
        """Write an `.npz`."""
        tracks, truth = self.tracks, self.truth
        np.savez(
            file, ids=np.concatenate(list(tracks.ids)), pixels=np.concatenate(list(tracks.pixels)),
            counts=[len(ids) for ids in tracks.ids], times=tracks.times, size=tracks.size, spent=self.spent,
            rotation=truth.rotation, centre=truth.centre, intrinsics=truth.intrinsics, kind=truth.kind,
            focal=self.focal, bend=self.bend,
        )  # fmt: skip

    @classmethod
    def load(cls, file: Path) -> Followed:
        """What `save` wrote."""
        kept = np.load(file)
        ends = np.cumsum(kept["counts"])[:-1]
        tracks = PointTracks(
            np.split(kept["ids"], ends), np.split(kept["pixels"], ends), kept["times"], tuple(kept["size"].tolist())
        )
        truth = CameraPath(kept["rotation"], kept["centre"], kept["intrinsics"], str(kept["kind"]), metric=True)
        return cls(tracks, float(kept["spent"]), truth, float(kept["focal"]), float(kept["bend"]))


def followed(body: BodyModel, name: str, seconds: float) -> Followed:
    """Render a scene and follow its points."""
    way, settings = SCENES[name]
    number = list(SCENES).index(name)  # so that some alone are the same scenes
    scene = moving_scene(body, way, people=1 + number % 3, seconds=seconds, seed=number + 1, **settings)
    follower, spent = PointFollower(), 0.0
    for frame, image in enumerate(scene.images()):
        begin = time.process_time()
        small = working_image(image)
        boxes = np.array([person.boxes[frame] for person in scene.motion]) * small.shape[1] / image.shape[1]
        follower(small, float(scene.motion.times[frame]), painted(boxes, small.shape))
        spent += time.process_time() - begin
    focal = float(np.reshape(scene.path.intrinsics, (-1, 3, 3))[0, 0, 0]) * small.shape[1] / image.shape[1]
    tracks = follower.tracks()
    coefficient = settings["distortion"][0] if "distortion" in settings else 0.0
    bend = float(coefficient * np.sum(tracks.middle**2) / focal**2)
    return Followed(tracks, spent, scene.path, focal, bend)


def row_of(name: str, scene: Followed, lens_off: float) -> list[str]:
    """The scene's row of the table."""
    begin = time.process_time()
    lens = Lens(scene.focal * lens_off, 0.0 if lens_off == 1 else 0.2, bends=True)
    found = one_blas_thread(solve_shot)(scene.tracks, lens)
    spent = scene.spent + time.process_time() - begin
    truth = scene.truth
    path = CameraPath(found.rotation, found.centre, truth.intrinsics, found.kind)
    scores = shot_scores(path, truth, scene.tracks.times)
    turned = np.degrees(geodesic_angle(found.rotation, truth.rotation @ truth.rotation[0].T))
    return [
        name, truth.kind, found.kind, f"{scores['rotation_median_deg']:.2f}", f"{np.median(turned):.2f}",
        f"{scores['ate_percent']:.1f}" if found.kind == truth.kind == "full" else "-",
        f"{np.exp(found.log_focal[0]) / scene.focal:.2f}", f"{100 * scene.bend:.1f} / {100 * found.bend:.1f}",
        f"{100 * found.found.mean():.0f}", f"{len(scene.tracks) / spent:.0f}",
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument(
        "--lens-off", type=float, default=1.0, help="factor on the assumed focal length; 1: it is known"
    )
    parser.add_argument(
        "--points", type=Path, metavar="FOLDER",
        help="keep the points that were followed here, and take those that are: rendering takes most of the time",
    )  # fmt: skip
    args = parser.parse_args()
    body, rows = load_body(), []
    for name in args.scenes or SCENES:
        kept = None if args.points is None else args.points / f"{name}-{args.seconds:g}s.npz"
        if kept is not None and kept.is_file():
            scene = Followed.load(kept)
        else:
            scene = followed(body, name, args.seconds)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                scene.save(kept)
        rows.append(row_of(name, scene, args.lens_off))
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print_table(
        [
            "scene", "true", "found", "rotation, deg", "from the first, deg", "path, %", "focal found / true",
            "bend true / found, %", "frames found, %", "frames/s",
        ],
        rows,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
