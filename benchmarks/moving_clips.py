"""Real clips whose camera moves: does the background stand still, do feet slide, do people keep their size, how fast?

    python benchmarks/moving_clips.py [CLIP ...] [--out outputs/moving_clips]

Runs each clip of KINEMA_DATA's videos that the names match (default: those with "moving_camera" in theirs), unless it
was run before, and prints for the clip: how the camera moves; how far, in pixels of the image, the background's
points are from where the camera's path and their one place in the world put them (root mean square; it stands still in
the bird's view by as much), and how many frames a second following and solving take, of one core's CPU time and by the
clock; and for each person: the share of feet that are in contact and their speed (limit: 50 mm/s), the greatest speed
of the pelvis along the view and across it, stature, and by how much bones change in length, in percent.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

from kinema.body.sizes import BODY_HEIGHT
from kinema.camera.classical import find_classical
from kinema.camera.options import CameraOptions
from kinema.camera.points import WORKING_SIZE
from kinema.commands._tables import print_table
from kinema.geometry.camera import to_world
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions, run
from kinema.skeleton import SMPL24
from kinema.stage import Context
from kinema.video import open_video


def bone_change(joints: np.ndarray) -> float:
    """Percent: the largest range of a bone's length over the frames of (F,24,3), of its mean."""
    parents = np.array(SMPL24.parents)
    bones = np.flatnonzero(parents >= 0)
    lengths = np.linalg.norm(joints[:, bones] - joints[:, parents[bones]], axis=-1)
    return float(100 * (np.ptp(lengths, axis=0) / lengths.mean(axis=0)).max())


def pelvis_speed(motion: Motion, person: Person) -> tuple[float, float]:
    """m/s: greatest speed of a person's pelvis in the world between neighbouring frames, along the view and across."""
    if person.joints_world is None or motion.camera is None:
        return np.nan, np.nan
    root, times = person.joints_world[:, 0], motion.times[person.frames]
    ray = root - to_world(np.zeros((len(root), 3)), motion.camera.at(person.frames))
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    velocity = (np.diff(root, axis=0) / np.diff(times)[:, None])[np.diff(person.frames) == 1]
    ray = ray[:-1][np.diff(person.frames) == 1]
    along = np.sum(velocity * ray, axis=-1)
    across = np.linalg.norm(velocity - along[:, None] * ray, axis=-1)
    return float(np.abs(along).max(initial=0.0)), float(across.max(initial=0.0))


def camera_speed(file: Path, motion: Motion) -> tuple[dict[str, object], float, float]:
    """The record of the camera's path, and frames a second of a core and by the clock; decoding is left out."""
    with open_video(file) as video:
        frames = list(video)
        context = Context(video=frames)
        cpu, clock = time.process_time(), time.perf_counter()
        find_classical(motion, context, CameraOptions())
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return context.facts, len(frames) / cpu, len(frames) / clock


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", default=["moving_camera"], help="parts of the names of clips")
    parser.add_argument("--out", type=Path, default=Path("outputs/moving_clips"))
    args = parser.parse_args()
    files = sorted(
        file for file in (DATA / "videos").glob("*.mp4") if any(each in file.stem for each in args.clips)
    )  # fmt: skip
    if not files:
        print(f"no such clips in {DATA / 'videos'}; set KINEMA_DATA", file=sys.stderr)
        return 3
    cameras, people = [], []
    for file in files:
        result = run(file, args.out / file.stem, RunOptions.of(overlay=False))
        motion = result.motion
        facts, cpu, clock = camera_speed(file, motion)
        larger = max(motion.width, motion.height) / WORKING_SIZE
        for shot in facts["shots"]:
            error = shot.get("reprojection_error")
            cameras.append([
                file.stem, shot["kind"], f"{100 * shot['found']:.0f}",
                "-" if error is None else f"{error * max(larger, 1):.2f}",
                f"{shot.get('drift_degrees', 0.0):.2f}", f"{cpu:.0f}", f"{clock:.0f}",
            ])  # fmt: skip
        world = next(stage for stage in result.record["stages"] if stage["name"] == "world")
        for person in motion:
            told = world["arguments"].get("people", {}).get(str(person.id), {})
            sizes = person.data.get(BODY_HEIGHT, {})
            along, across = pelvis_speed(motion, person)
            bones = "-" if person.joints_world is None else f"{bone_change(person.joints_world):.2f}"
            people.append([
                file.stem, str(person.id), str(len(person)), f"{100 * told.get('contact', np.nan):.0f}",
                f"{told.get('sliding_before', np.nan):.0f}", f"{told.get('sliding_after', np.nan):.1f}",
                f"{along:.1f}", f"{across:.1f}", f"{sizes.get('metres', np.nan):.2f}", bones,
            ])  # fmt: skip
        print(file.stem, file=sys.stderr)
    print_table(
        ["clip", "camera", "frames found, %", "background off, px", "drift, deg", "frames/s of a core", "by the clock"],
        cameras,
    )
    print_table(
        [
            "clip",
            "person",
            "frames",
            "in contact, %",
            "sliding before",
            "after, mm/s",
            "pelvis along, m/s",
            "across",
            "stature, m",
            "bones change, %",
        ],
        people,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
