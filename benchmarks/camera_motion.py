"""The path of the camera in rendered scenes whose truth is known: what is found, and how far off it is.

    python benchmarks/camera_motion.py [--seconds 3] [--width 1280] [--lens-off 1] [--points DIR] [--fits 3]
        [--no-ground] [SCENE...]

One to three people move before a camera that pans, tilts, zooms, is held, travels or stands still; their true boxes
hide them. Rotation: median over the frames, after the one rotation that fits best (as `kinema evaluate camera` has it),
and from the first frame's. Path: root mean square over the frames after the best rotation and scale, as a share of its
length. Bend: of the lens, in percent of the way from the image's middle to its corner. Frames a second of a core:
of 1280x720, following and solving, no decoding, by CPU time, with one thread of the linear algebra library, as in a
run. Other work on the machine slows that down, too, by up to two: ratios count.

Then these people, with the errors of a fit (`world_accuracy.py`) and sizes that are off by 5 % each, and by 1 % as with
`--height`, are placed by the path that was found, --fits times each; --no-ground: without the places of the background
that tell how far away the ground under their feet is. Scale: percent by which its metres are off; stated: its standard
deviation; the camera's way: what that makes, with the way's own error, in centimetres. People: their ways, in percent
of the distance walked, after the best shift and rotation about the vertical; in centimetres, since some hardly walk.
Means.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.helpers.monocular import as_fitted
from tests.helpers.moving import of_other_size

from kinema.body import BodyModel, load_body
from kinema.body.sizes import BODY_HEIGHT
from kinema.camera.hiding import painted
from kinema.camera.points import PointFollower, working_image
from kinema.camera.shot import solve_shot
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens
from kinema.commands._tables import print_table
from kinema.evaluation.camera import shot_scores
from kinema.geometry.alignment import similarity
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import geodesic_angle
from kinema.metrics import path_length, root_trajectory_error
from kinema.pipeline.threads import one_blas_thread
from kinema.synthetic.moving_camera import WAYS, MovingScene, moving_scene
from kinema.world import place_in_world

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


SIZES = (0.05, 0.01)
"""Standard deviations of people's fitted sizes, as a fraction: assumed, and with `--height`."""

STANDS = 0.01
"""Metres: a camera that travels less has no scale."""


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


def scene_of(body: BodyModel, name: str, seconds: float, width: int = 1280) -> MovingScene:
    way, settings = SCENES[name]
    number = list(SCENES).index(name)  # so that some alone are the same scenes
    size = width, width * 9 // 16
    return moving_scene(body, way, people=1 + number % 3, seconds=seconds, seed=number + 1, size=size, **settings)


def followed(body: BodyModel, name: str, seconds: float, width: int = 1280) -> Followed:
    """Render a scene and follow its points."""
    scene, settings = scene_of(body, name, seconds, width), SCENES[name][1]
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


def row_of(name: str, scene: Followed, lens_off: float) -> tuple[list[str], CameraPath]:
    """The scene's row of the table, and the path that was found."""
    begin = time.process_time()
    lens = Lens(scene.focal * lens_off, 0.0 if lens_off == 1 else 0.2, bends=True)
    found = one_blas_thread(solve_shot)(scene.tracks, lens)
    spent = scene.spent + time.process_time() - begin
    truth = scene.truth
    path = CameraPath(
        found.rotation, found.centre, truth.intrinsics, found.kind, points=found.places,
        points_sigma=found.places_sigma, points_piece=found.places_piece,
    )  # fmt: skip
    scores = shot_scores(path, truth, scene.tracks.times)
    turned = np.degrees(geodesic_angle(found.rotation, truth.rotation @ truth.rotation[0].T))
    return [
        name, truth.kind, found.kind, f"{scores['rotation_median_deg']:.2f}", f"{np.median(turned):.2f}",
        f"{scores['ate_percent']:.1f}" if found.kind == truth.kind == "full" else "-",
        f"{np.exp(found.log_focal[0]) / scene.focal:.2f}", f"{100 * scene.bend:.1f} / {100 * found.bend:.1f}",
        f"{100 * found.found.mean():.0f}", f"{len(scene.tracks) / spent:.0f}",
    ], path  # fmt: skip


def people_row(body: BodyModel, name: str, seconds: float, path: CameraPath, fits: int) -> list[str]:
    """The row of a scene's people, placed by a path that was found. Zoom changes nothing here: a fit's distances are
    taken as if it had known the lens of each frame."""
    truth = scene_of(body, name, seconds).motion
    assert truth.camera is not None
    path = path.replace(intrinsics=truth.camera.intrinsics)
    places = -np.einsum("tji,tj->ti", truth.camera.rotation, truth.camera.translation)
    travels = path.kind == "full" and path_length(places) > STANDS
    cells = []
    for size in SIZES:
        found: list[list[float]] = []
        for number in range(fits):
            rng = np.random.default_rng([number, list(SCENES).index(name)])
            fitted = of_other_size(as_fitted(truth, body, rng), body, np.exp(size * rng.normal(size=len(truth.people))))
            height = {BODY_HEIGHT: {"metres": 1.7, "source": "assumed", "uncertainty": 1.7 * size}}
            people = tuple(person.replace(data={**person.data, **height}) for person in fitted)
            camera = fitted.camera.replace(moving=path.kind != "static")
            fitted = fitted.replace(people=people, camera=camera, data={**fitted.data, **path_data(path)})
            placed = place_in_world(fitted, body)
            scale = stated = way = np.nan
            if travels:
                unit = float(similarity(path.centre, places)[0])
                told = placed.provenance[-1].arguments["path"]
                scale, stated = 100 * abs(told["scale"] / unit - 1), 100 * told["sigma_scale"]
                own = -np.einsum("tji,tj->ti", placed.camera.rotation, placed.camera.translation)
                way = root_trajectory_error(own, places) * path_length(places)
            pairs = [(placed.person(each.id).joints_world[:, 0], each.joints_world[:, 0]) for each in truth]
            shares = np.array([root_trajectory_error(*pair) for pair in pairs])
            walked = np.array([path_length(true) for _, true in pairs])
            # Of all together, since the share of somebody who stands says nothing.
            found.append(
                [scale, stated, way, 100 * np.nansum(shares / 100 * walked) / walked.sum(), np.nanmean(shares * walked)]
            )
        mean = np.mean(found, axis=0)
        cells += [
            f"{mean[0]:.1f}" if travels else "-",
            f"{mean[1]:.1f}" if travels else "-",
            f"{mean[2]:.1f}" if travels else "-",
            f"{mean[3]:.1f}",
            f"{mean[4]:.1f}",
        ]
    return [name, f"{np.mean(walked):.1f}", *cells]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--width", type=int, default=1280, help="of the images; 640 renders four times as fast")
    parser.add_argument(
        "--lens-off", type=float, default=1.0, help="factor on the assumed focal length; 1: it is known"
    )
    parser.add_argument("--fits", type=int, default=3, help="of the people, for each size; 0: without them")
    parser.add_argument("--no-ground", action="store_true", help="place people without the background's places")
    parser.add_argument(
        "--points", type=Path, metavar="FOLDER",
        help="keep the points that were followed here, and take those that are: rendering takes most of the time",
    )  # fmt: skip
    args = parser.parse_args()
    body, rows, people = load_body(), [], []
    for name in args.scenes or SCENES:
        kept = None if args.points is None else args.points / f"{name}-{args.seconds:g}s.npz"
        if kept is not None and kept.is_file():
            scene = Followed.load(kept)
        else:
            scene = followed(body, name, args.seconds, args.width)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                scene.save(kept)
        row, path = row_of(name, scene, args.lens_off)
        rows.append(row)
        if args.fits:
            if args.no_ground:
                path = path.replace(points=np.zeros((0, 3)), points_sigma=np.zeros(0), points_piece=np.zeros(0))
            people.append(people_row(body, name, args.seconds, path, args.fits))
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print_table(
        [
            "scene", "true", "found", "rotation, deg", "from the first, deg", "path, %", "focal found / true",
            "bend true / found, %", "frames found, %", "frames/s",
        ],
        rows,
    )  # fmt: skip
    if people:
        measures = ("scale, %", "stated, %", "camera's way, cm", "people, %", "people, cm")
        columns = [f"{each} (+-{100 * size:.0f} %)" for size in SIZES for each in measures]
        print_table(["scene", "walked, m", *columns], people)
    return 0


if __name__ == "__main__":
    sys.exit(main())
