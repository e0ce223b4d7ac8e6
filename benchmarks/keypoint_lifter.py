"""What 2D keypoints alone are worth on real clips: the chain with BlazePose's 3D, and with 17 of its 2D points only.

    python benchmarks/keypoint_lifter.py [--frames 10000] [--speed] [--network FILE] [--rendered FOLDER]

All start from the same tracks, with what the background shows of the vertical, as in `kinema run`. First the chain as
it runs, with BlazePose's 33 points and their 3D; then the same with a fit that sees COCO's 17 points only, and a prior
from all 33 in 3D; then these 17 in 2D and nothing else, as a file of keypoints has them, lifted by Kinema's own lifter
of 2D keypoints; last, fitted from a relaxed stance instead. 12 limb joints, mid-hip aligned, millimetres. --rendered
adds three rendered clips, which are made in that folder; --network takes another file for the lifter of 2D keypoints,
such as one before a training.

Then the lifter's speed (--speed: nothing else): in CPU time, beside products of matrices of as many operations as its
network has, and in frames per second on two threads. Needs onnx for that.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.rendered import SCRIPTS, rendered_clip
from benchmarks.accuracy_parts.truths import truth_clips

from kinema.body import load_body
from kinema.body.points import SurfacePoints
from kinema.commands._tables import print_table
from kinema.estimation import fitting, person_fit
from kinema.estimation.priors import evidence_rows
from kinema.estimation.stage import fit_body
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth
from kinema.geometry.camera import camera_from_fov
from kinema.models.pose_lifter.lifter import KeypointLifter
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.threads import one_blas_thread
from kinema.refinement.stage import filter_motion
from kinema.skeleton import BLAZEPOSE33, COCO17
from kinema.stage import Context
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import track_video
from kinema.video import open_video

SEED = 0

ROUNDS = 5
"""Of the measurement of speed, whose alternatives take turns, so that what else the machine does hits all."""


def as_coco(person: Person) -> Person:
    """The person's 17 COCO joints in 2D, and nothing else."""
    rows = BLAZEPOSE33.indices(COCO17.joints)
    pixels, confidence = person.require("keypoints", "keypoint_confidence")
    return person.replace(
        keypoint_set=COCO17.name, keypoints=pixels[:, rows], keypoint_confidence=confidence[:, rows],
        keypoint3d_set=None, keypoints3d=None,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10000, help="frames that are lifted for the speed")
    parser.add_argument("--speed", action="store_true", help="measure nothing but the speed")
    parser.add_argument("--network", type=Path, help="an ONNX file instead of the lifter of 2D keypoints that ships")
    parser.add_argument("--rendered", type=Path, help="folder for rendered clips, which are measured, too")
    args = parser.parse_args()
    if args.network is not None:
        content = args.network.read_bytes()
        KeypointLifter._model = property(lambda self: content, lambda self, value: None)  # type: ignore[assignment]
    if args.speed:
        print(speed(args.frames))
        return 0
    require_data(DATA / "gt")
    body, rows = load_body(), []
    clips: list[tuple[str, Path, Truth | Motion]] = [(each.name, each.clip, each.truth) for each in truth_clips()]
    if args.rendered is not None:
        args.rendered.mkdir(parents=True, exist_ok=True)
        for script in SCRIPTS:
            path, made = rendered_clip(args.rendered, body, script, seed=0)
            clips.append((script, path, made))
    for name, clip, truth in clips:
        with open_video(clip) as video:
            tracked = track_video(None, options=TrackingOptions(), context=Context(body, video))
        flat = tracked.replace(people=tuple(map(as_coco, tracked.people)))
        rows.append([name, fitted(tracked, truth)])
        with replaced(person_fit, "evidence_rows", coco_rows):
            rows[-1].append(fitted(tracked, truth))
        rows[-1].append(fitted(flat, truth))
        with replaced(fitting, "prior_of", lambda person, requested: "standing"):
            rows[-1].append(fitted(flat, truth))
    columns = ("33 points, 2D and 3D", "17 of them, 2D and 3D", "17 in 2D, lifted", "17 in 2D, from a stance")
    print_table(["MPJPE / PA-MPJPE, mm", *columns], rows)
    print(speed(args.frames))
    return 0


def coco_rows(points: SurfacePoints, set_name: str) -> np.ndarray:
    """The rows of the points that the fit uses, of COCO's joints only."""
    rows = evidence_rows(points, set_name)
    return np.array([row for row in rows if points.names[row] in COCO17.joints], dtype=int)


@contextmanager
def replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """A module has another value by this name meanwhile."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def fitted(tracked: Motion, truth: Truth | Motion) -> str:
    """The errors of tracked people, fitted and filtered."""
    return score(filter_motion(fit_body(tracked, load_body()), load_body()), truth)


def score(motion: Motion, truth: Truth | Motion) -> str:
    total = evaluate_motion(motion, truth).total
    return f"{total['mpjpe_mm']:.1f} / {total['pa_mpjpe_mm']:.1f}"


def speed(frames: int) -> str:
    """Sentences on the speed of lifting a long clip, beside large products of matrices of as many operations."""
    rng = np.random.default_rng(SEED)
    pixels = 500 + 100 * rng.normal(size=(frames, 17, 2))
    person = Person(
        1, np.arange(frames), keypoint_set=COCO17.name, keypoints=pixels, keypoint_confidence=np.ones((frames, 17))
    )
    camera, times = camera_from_fov(1920, 1080, 55.0), np.arange(frames) / 30
    a, b = np.ones((2048, 1024), np.float32), np.ones((1024, 1024), np.float32)
    products = round(2 * frames * operations() / (2 * a.size * b.shape[1]))
    alone, pair = KeypointLifter(threads=1), KeypointLifter(threads=2)
    multiply = one_blas_thread(lambda: [a @ b for _ in range(products)])
    for lifter in (alone, pair):
        lifter(person.select(np.arange(100)), times[:100], camera)
    cpu, plain, wall = [], [], []
    for _ in range(ROUNDS):
        cpu.append(spent(time.process_time, lambda: alone(person, times, camera)))
        plain.append(spent(time.process_time, multiply))
        wall.append(spent(time.perf_counter, lambda: pair(person, times, camera)))
    return (
        f"{frames} frames and their mirror images: {frames / min(cpu):.0f} a second of one core's time,"
        f" {min(cpu):.2f} s; products of matrices of as many operations as the network's {min(plain):.2f} s."
        f" On two threads {frames / min(wall):.0f} a second, whatever else ran. Best of {ROUNDS}, in turn."
    )


def operations() -> float:
    """Multiplications and additions of the network for one frame."""
    from onnx import load, numpy_helper

    graph = load(str(files("kinema.models.pose_lifter") / KeypointLifter.file)).graph
    shapes = [numpy_helper.to_array(tensor).shape for tensor in graph.initializer]
    return 2.0 * sum(float(np.prod(shape)) for shape in shapes if len(shape) == 2)


def spent(clock: Callable[[], float], call: Callable[[], object]) -> float:
    """Seconds of a call by a clock."""
    began = clock()
    call()
    return clock() - began


if __name__ == "__main__":
    sys.exit(main())
