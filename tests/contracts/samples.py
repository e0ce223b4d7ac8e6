"""Motions for the contract tests: everything that a stage may ask for, in the shapes in which it goes wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from kinema.body import load_body
from kinema.motion import Motion
from kinema.person import Person
from kinema.synthetic import procedural_motion, studio_camera

FRAMES = 40


def walk(frames: int = FRAMES) -> Motion:
    """Somebody in motion, with every field that any of Kinema's stages reads: seen, fitted and placed."""
    body = load_body()
    whole = procedural_motion(body, "on-the-spot", fps=30, camera=studio_camera(640, 480))
    motion = whole.slice(end=float(whole.times[min(frames, whole.num_frames - 1)]))
    return motion.replace(people=tuple(_seen(person, motion) for person in motion))


def _seen(person: Person, motion: Motion) -> Person:
    body, camera = load_body(), motion.camera
    points = body.posed_points("blazepose33", person.pose, person.betas, person.transl)
    pixels = points[..., :2] / points[..., 2:] @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2]
    hips = points[:, 23:25].mean(axis=1, keepdims=True)
    shaking = np.random.default_rng(3).normal(size=points.shape) * 0.01
    return person.replace(
        keypoint_set="blazepose33", keypoints=pixels, keypoint_confidence=np.full(pixels.shape[:2], 0.9),
        keypoints3d=points - hips + shaking, confidence=np.ones(len(person)), observed=np.ones(len(person), bool),
    )  # fmt: skip


def _nobody(motion: Motion) -> Motion:
    return motion.replace(people=())


def _one_frame(motion: Motion) -> Motion:
    return motion.slice(end=float(motion.times[1]))


def _gaps(motion: Motion) -> Motion:
    keep = np.ones(motion.num_frames, bool)
    keep[10:24] = keep[30] = False
    return motion.replace(people=tuple(person.select(keep[person.frames]) for person in motion))


def _two_people(motion: Motion) -> Motion:
    other = motion.people[0].select(np.arange(5, motion.num_frames)).replace(id=7)
    return motion.replace(people=(*motion.people, other))


def _unseen_points(motion: Motion) -> Motion:
    """Some keypoints are NaN with confidence 0, as a network says that it does not see them."""
    person = motion.people[0]
    pixels, confidence = person.keypoints.copy(), person.keypoint_confidence.copy()
    landmarks = person.keypoints3d.copy()
    pixels[3:9, 13], landmarks[3:9, 13], confidence[3:9, 13] = np.nan, np.nan, 0.0
    return motion.replace(
        people=(person.replace(keypoints=pixels, keypoint_confidence=confidence, keypoints3d=landmarks),)
    )


CASES: dict[str, Callable[[Motion], Motion]] = {
    "as it should be": lambda motion: motion,
    "nobody": _nobody,
    "one frame": _one_frame,
    "gaps": _gaps,
    "two people": _two_people,
    "points that are not seen": _unseen_points,
}


def fingerprint(motion: Motion) -> str:
    """Of every number in the motion."""
    digest = hashlib.sha256(motion.times.tobytes())
    for person in motion:
        for name in ("frames", *person.filled):
            digest.update(np.ascontiguousarray(getattr(person, name)).tobytes())
    return digest.hexdigest()
