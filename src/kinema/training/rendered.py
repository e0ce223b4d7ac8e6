"""Rendered training windows: bodies in captured poses, rendered and processed by the keypoint networks.

The errors of the keypoint networks depend on pose and view in ways that no noise model describes. So
the free body is put into captured poses, filmed by random cameras, and the networks are run on the images.
A window contains their output and the ground truth.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, project, unproject
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_6d,
    matrix_to_axis_angle,
)
from kinema.models.blazepose.landmarks import BlazePoseLandmarker
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.atomic import atomic_path
from kinema.synthetic.render import render_frames
from kinema.training.augmentation import (
    CLOSE_SHARE,
    FAR_SHARE,
    FAR_TURN,
    HIGH_PITCH,
    HIGH_SHARE,
    LEVEL_PITCH,
    LEVEL_SPREAD,
    MIXED_PARTS,
    TURNED_DEGREES,
    USUAL_TURN,
)
from kinema.training.mocap import MocapSequence
from kinema.weights import locate


@dataclass(frozen=True)
class Film:
    """The format of windows. rate: frames per second, one of 10, 20, 30, 60; frames: per window."""

    rate: float
    frames: int

    def __post_init__(self) -> None:
        if self.rate not in (10.0, 20.0, 30.0, 60.0) or self.frames < 2:
            raise UsageError(f"windows need 10, 20, 30 or 60 frames per second and at least two frames, found {self}")


LIFTER_FILM = Film(10.0, 30)
"""Frame spacing of the lifter's taps: images are expensive, and neighbouring frames are redundant."""

REFINER_FILM = Film(30.0, 96)
"""Windows for refiners, which process every frame."""

CAPTURE_RATE = 60.0
"""Frames per second of the stored sequences; windows step through them at several speeds."""

SIZE = (384, 384)
"""Size of the rendered images in pixels: the networks use a crop of 256."""

HELD_OUT_SHARE = 0.06
"""Fraction of the windows held out: just enough for evaluation."""

PART_SIZE = 200
"""Windows per file."""

LOST = 0.5
"""Below this score the network has lost the person and is reinitialized from the true position."""


@dataclass(frozen=True, eq=False)
class Window:
    """One window, ready to be stored: observations and ground truth of T frames in the camera's frame.

    rays (T,33,2), confidence (T,33), landmarks (T,33,3): the networks' output; rotation (T,24,3,3)
    relative to the parent, root (T,3), betas (10,), up (3,): the ground truth.
    """

    rays: np.ndarray
    confidence: np.ndarray
    landmarks: np.ndarray
    rotation: np.ndarray
    root: np.ndarray
    betas: np.ndarray
    up: np.ndarray


def film_window(
    sequence: MocapSequence, rng: np.random.Generator, film: Film, donors: Sequence[MocapSequence] = ()
) -> tuple[Motion, Window]:
    """A random segment of a sequence (at CAPTURE_RATE) seen by a random camera: the motion to render, and the ground
    truth (no observations yet).

    donors: motions from which the arms or the whole upper body are sometimes taken.
    """
    frames = film.frames
    # Half to one and a half times the captured speed.
    step = round(float(rng.choice([0.5, 1, 1, 1, 1.5])) * CAPTURE_RATE / film.rate)
    index = _segment(sequence, frames, step, rng)
    rotation, root = sequence.rotation[index].copy(), sequence.root[index].copy()
    for joints, probability in MIXED_PARTS if donors else ():
        if rng.uniform() < probability:
            donor = donors[int(rng.integers(len(donors)))]
            rotation[:, joints] = donor.rotation[_segment(donor, frames, step, rng)][:, joints]
    perturbation = TURNED_DEGREES[:, None] * rng.normal(size=(24, 3))
    far = rng.uniform() < FAR_SHARE
    perturbation = perturbation * (rng.uniform(USUAL_TURN, FAR_TURN) if far else rng.uniform(0, USUAL_TURN))
    rotation = rotation @ axis_angle_to_matrix(np.radians(perturbation))
    betas = rng.normal(size=10) * np.r_[np.full(5, 1.2), np.full(5, 0.6)]
    high = rng.uniform() < HIGH_SHARE
    degrees = rng.uniform(*HIGH_PITCH) if high else LEVEL_PITCH + LEVEL_SPREAD * rng.normal()
    yaw, pitch, roll = rng.uniform(0, 2 * np.pi), np.radians(degrees), np.radians(3 * rng.normal())
    turns = [[0, 0, roll], [-np.clip(pitch, -1.2, 0.6), 0, 0], [0, yaw, 0]]
    bank, tilt, turn = (axis_angle_to_matrix(np.array(t, dtype=float)) for t in turns)
    view = bank @ np.diag([1.0, -1, -1]) @ tilt @ turn
    rotation[:, 0] = view @ rotation[:, 0]
    root = root @ view.T
    middle = 0.5 * (root.min(0) + root.max(0))
    reach = np.abs(root - middle).max()
    fov, nearest = float(rng.uniform(28, 75)), 1.0
    # Far enough for the whole trajectory, sometimes so near that limbs leave the frame.
    near = (1.05 * rng.uniform(0.8, 1.4) + 0.6 * reach) / np.tan(np.radians(fov) / 2)
    if rng.uniform() < CLOSE_SHARE:
        # Somebody at a desk, or filmed from the waist up: the camera looks at the chest.
        near = (rng.uniform(0.4, 0.6) + 0.6 * reach) / np.tan(np.radians(fov) / 2)
        middle = middle + 0.35 * view[:, 1]
        nearest = 0.6
    shift = np.array([0, 0, max(near, nearest + reach)]) - middle
    root = root + shift
    empty = np.zeros((frames, 33, 3))
    window = Window(empty[..., :2], empty[..., 0], empty, rotation, root, betas, view[:, 1])
    body = load_body()
    pose = matrix_to_axis_angle(rotation).reshape(frames, 72)
    # The body's legs differ from the captured ones: the floor is at its lowest foot.
    _, _, soles = Rig.of(body, "contacts", betas).forward(rotation, root)
    floor = np.percentile((soles - shift) @ view[:, 1], 2)
    camera = camera_from_fov(*SIZE, fov).replace(rotation=view, translation=shift + view[:, 1] * floor)
    person = Person(
        1, np.arange(frames), pose=pose, betas=np.tile(betas, (frames, 1)), transl=root - body.rest_joints(betas)[0]
    )
    motion = Motion(np.arange(frames) / film.rate, *SIZE, people=(person,), camera=camera, body_model=body.name)
    return motion, window


def _segment(sequence: MocapSequence, frames: int, step: int, rng: np.random.Generator) -> np.ndarray:
    """(frames,) rows of a sequence, `step` apart; a shorter sequence is played back and forth."""
    last = len(sequence.root) - 1
    index = int(rng.integers(0, max(1, last + 1 - (frames - 1) * step))) + step * np.arange(frames)
    return np.asarray(last - np.abs(index % (2 * last) - last))


def observe(motion: Motion, window: Window, landmarker: BlazePoseLandmarker, seed: int) -> Window | None:
    """Render the motion, track the person as in a run, and return the window with observations; None if lost."""
    body = load_body()
    camera = motion.camera
    person = motion.people[0]
    pose, betas, transl = person.require("pose", "betas", "transl")
    truth = body.posed_points("blazepose33", pose, betas, transl)
    pixels = project(truth, camera.intrinsics)  # type: ignore[union-attr]
    found = None
    rays, confidence, landmarks = [], [], []
    for image, points in zip(render_frames(motion, body, seed=seed), pixels, strict=True):
        if found is None or found.score < LOST:
            low, high = points.min(0), points.max(0)
            roi = np.array([*(low + high) / 2, 1.25 * np.max(high - low), 0.0])
            found = landmarker(image, roi)
            found = landmarker(image, found.next_roi) if found.score >= LOST else found
        else:
            found = landmarker(image, found.next_roi)
        inside = np.all((found.points >= 0) & (found.points < SIZE), axis=-1)
        confident = found.visibility * found.presence * (found.score >= LOST)
        rays.append(unproject(found.points, camera.intrinsics))  # type: ignore[union-attr]
        confidence.append(np.where(inside, confident, 0.1 * confident))
        landmarks.append(found.world)
    visible = np.array(confidence).max(1) > 0.3
    if visible.mean() < 0.6:
        return None
    return Window(
        np.array(rays), np.array(confidence), np.array(landmarks), window.rotation, window.root, window.betas, window.up
    )


def render_windows(
    sequences: Sequence[MocapSequence], out: Path, film: Film, *, seed: int, minutes: float = math.inf,
    most: float = math.inf, workers: int, held_out: Sequence[str],
) -> None:  # fmt: skip
    """Write windows (train_*.npz, held_out_*.npz) to `out` for some minutes, or up to a number, in several processes.

    most: number per process. The windows depend only on the seed and the number of processes, not on speed.
    """
    out.mkdir(parents=True, exist_ok=True)
    locate("blazepose-landmarks-full")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # the processes already share the cores
    dense = [s.resampled(CAPTURE_RATE) for s in sequences]
    deadline = time.time() + minutes * 60
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(_fill, dense, out, film, seed * 1000 + i, deadline, most, tuple(held_out))
            for i in range(workers)
        ]
        counts = [job.result() for job in jobs]
    print(f"{sum(counts)} windows of {film.frames} frames in {out}")


def _fill(
    sequences: list[MocapSequence], out: Path, film: Film, seed: int, deadline: float, most: float,
    held_out: tuple[str, ...],
) -> int:  # fmt: skip
    rng = np.random.default_rng(seed)
    landmarker = BlazePoseLandmarker(locate("blazepose-landmarks-full").path, threads=1)
    groups: dict[tuple[str, str], list[MocapSequence]] = {}
    for sequence in sequences:
        groups.setdefault((sequence.category, sequence.subject), []).append(sequence)
    keys = list(groups)
    probability = np.sqrt([sum(len(s.root) for s in groups[k]) for k in keys])
    held = np.array([k[1] in held_out for k in keys])
    for split, share in ((held, HELD_OUT_SHARE), (~held, 1 - HELD_OUT_SHARE)):
        probability[split] *= share / max(probability[split].sum(), 1e-9)
    donors = [s for s in sequences if s.subject not in held_out]
    done: dict[str, list[Window]] = {"train": [], "held_out": []}
    count = 0
    while count < most and time.time() < deadline:
        key = rng.choice(len(keys), p=probability / probability.sum())
        group = groups[keys[key]]
        motion, blank = film_window(group[rng.integers(len(group))], rng, film, () if held[key] else donors)
        window = observe(motion, blank, landmarker, int(rng.integers(2**31)))
        if window is None:
            continue
        done["held_out" if held[key] else "train"].append(window)
        count += 1
        if count % PART_SIZE == 0:  # so that a crash loses minutes, not hours
            _store(done, film, out, f"{seed}_{count:05d}")
    _store(done, film, out, f"{seed}_{count:05d}")
    return count


def _store(done: dict[str, list[Window]], film: Film, out: Path, name: str) -> None:
    """Write the windows of each split to its own file, and clear them."""
    for split, windows in done.items():
        if not windows:
            continue
        stacked = {f: np.stack([getattr(w, f) for w in windows]) for f in Window.__annotations__}
        stacked["rotation"] = matrix_to_6d(stacked["rotation"])
        compact = {n: v.astype(np.float32 if n == "root" else np.float16) for n, v in stacked.items()}
        with atomic_path(out / f"{split}_{name}.npz") as part:
            np.savez_compressed(part, rate=film.rate, **compact)  # type: ignore[arg-type]  # mistaken for options
        windows.clear()
