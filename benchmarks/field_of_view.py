"""Errors of the field of view that Kinema settles on: rendered clips of 40 to 90 degrees, and real ones.

    python benchmarks/field_of_view.py [--out DIR] [--real] [--excerpts]

Degrees over the longer side: of the old default (55), of how such videos are recorded ("assumed", without looking at
lines), and of the result, with its standard deviation, and the error in such standard deviations, whose root mean
square is about 1 if they are honest. The rendered person is framed alike at every field of view. The truth of the real
clips is their calibration; that of the squats was estimated at 68 to 81 degrees, so it counts as 74. Real clips whose
lens nobody knows are listed without a truth.

--excerpts: instead, parts of clips that were filmed with one lens, through the camera's path where the camera moves.
They differ by about their standard deviations, or less, as they share errors.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

from kinema.body import load_body
from kinema.camera.options import CameraOptions
from kinema.camera.stage import find_camera
from kinema.commands._tables import print_table
from kinema.geometry.camera import DEFAULT_FOV, Camera
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_clip
from kinema.tracking import TrackingOptions
from kinema.tracking.stage import CAMERA_MOTION, track_video
from kinema.video import open_video
from kinema.world.lens import estimate_camera
from kinema.world.vanishing import log_focal

FOVS = (40.0, 55.0, 70.0, 85.0)
SCRIPTS = {"demo": 1, "rounds": 2, "on-the-spot": 3}
"""Script and seed, which also chooses room and clothes."""

DISTANCE = 4.6
"""Metres from the studio's camera to the middle of the scripts at 55 degrees."""

REAL = {
    "balance_single_multiview_cam01": 59.5,
    "balance_single_multiview_cam03": 59.5,
    "opencap_squats_marker_truth": 74.0,
    "arms_upper_body_multiview_cam02": 88.9,
    "sign_language_upper_body_static": None,
    "walk_edit_list_original": None,
    "one_leg_stand_single_static": None,
    "football_juggle_single_handheld": None,
    "walk_two_people_backlit_static": None,
    "taiji_single_static": None,
    "basketball_two_people_static": None,
    "tennis_single_moving_camera": None,
    "street_crowd_moving_camera": None,
}


EXCERPTS = {
    "street_crowd_moving_camera": ((0.0, 2.0), (0.0, 3.0), (1.0, 3.0), (1.0, 4.1), (2.0, 4.1)),
    "opencap_squats_marker_truth": ((0.0, 1.5), (4.0, 5.5), (8.0, 9.5)),
}
"""Seconds."""


def rendered(folder: Path, script: str, seed: int, fov: float) -> Path:
    """A clip of 10 frames a second, 640x360, from as far away as shows the person equally large."""
    path = folder / f"{script}_{fov:.0f}.mp4"
    if not path.is_file():
        distance = DISTANCE * np.tan(np.radians(DEFAULT_FOV / 2)) / np.tan(np.radians(fov / 2))
        camera = studio_camera(
            640, 360, fov=fov, position=(0.0, 1.4, distance - DISTANCE), pitch=0.09 * DISTANCE / distance
        )
        folder.mkdir(parents=True, exist_ok=True)
        body = load_body()
        render_clip(procedural_motion(body, script, seed=seed, fps=10, camera=camera), body, path, seed=seed)
    return path


def row(name: str, path: Path, true: float | None) -> tuple[list[str], list[float]]:
    """The table's row, and the errors of default, assumption and result."""
    with open_video(path, end=6.5) as video:
        motion = track_video(None, video=video, options=TrackingOptions(threads=1, max_persons=2))
    assumed, _ = estimate_camera(motion, moving=motion.data[CAMERA_MOTION]["moving"])
    if assumed is None or motion.camera is None:
        return [name, "nobody", "", "", "", "", "", ""], []
    found = motion.camera
    errors = [] if true is None else [DEFAULT_FOV - true, assumed.fov - true, found.fov - true]
    shown = [f"{error:+.1f}" for error in errors] or ["", f"({assumed.fov:.1f})", ""]
    ratio = off_by(found.fov, true, found.fov_uncertainty) if true is not None else None
    errors += [] if ratio is None else [ratio]
    return [
        name, "" if true is None else f"{true:.1f}", *shown, "" if ratio is None else f"{ratio:+.1f}", said(found),
        found.focal_source,
    ], errors  # fmt: skip


def said(camera: Camera) -> str:
    return f"{camera.fov:.1f} +- {camera.fov_uncertainty or 0:.1f}"


def off_by(fov: float, true: float, spread: float | None) -> float:
    """The error in standard deviations, as which logarithms of the focal length are meant (`kinema.world.lens`)."""
    sigma = np.radians(spread or 0.0) / np.sin(np.radians(fov))
    return float((log_focal(np.array(true)) - log_focal(np.array(fov))) / sigma)


def excerpts() -> None:
    """Prints the lens of each excerpt, and by how much they differ from their mean."""
    for clip, spans in EXCERPTS.items():
        path = DATA / "videos" / f"{clip}.mp4"
        if not path.is_file():
            continue
        cells, found = [], []
        for start, end in spans:
            with open_video(path, start=start or None, end=end) as video:
                motion = track_video(None, video=video, options=TrackingOptions(threads=1, max_persons=2))
                lens = motion.camera
                motion = find_camera(motion, video=video) if find_camera.needed(motion, CameraOptions()) else motion
            if lens is None or motion.camera is None:
                continue
            found.append(motion.camera)
            cells.append([f"{start:g}-{end:g} s", said(lens), said(motion.camera), motion.camera.focal_source])
        print(clip)
        print_table(["excerpt", "by lines", "result", "source"], cells)
        mean = float(np.mean([camera.fov for camera in found]))
        ratios = [off_by(camera.fov, mean, camera.fov_uncertainty) for camera in found]
        print(f"differences from their mean, {mean:.1f} degrees: {_rms(ratios):.2f} standard deviations")


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("outputs/field_of_view"))
    parser.add_argument("--real", action="store_true", help="only the real clips")
    parser.add_argument("--excerpts", action="store_true", help="only excerpts of real clips")
    args = parser.parse_args()
    if args.excerpts:
        excerpts()
        return 0
    clips = [] if args.real else [(f"{s} {fov:.0f}", s, seed, fov) for s, seed in SCRIPTS.items() for fov in FOVS]
    found = [row(name, rendered(args.out, script, seed, fov), fov) for name, script, seed, fov in clips]
    for clip, true in REAL.items():
        path = DATA / "videos" / f"{clip}.mp4"
        if path.is_file():
            found.append(row(clip, path, true))
    headings = ["clip", "true", "default 55", "assumed", "result", "/ spread", "found, degrees", "source"]
    print_table(headings, [cells for cells, _ in found])
    known = np.abs([errors for _, errors in found if errors])
    if len(known):
        print(f"error over stated spread: root mean square {_rms(known[:, 3]):.2f}, largest {known[:, 3].max():.1f}")
        for name, column in zip(headings[2:5], known.T[:3], strict=True):
            print(f"mean error of {name}: {column.mean():.1f} degrees, largest {column.max():.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
