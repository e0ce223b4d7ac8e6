"""Strikes through the fit and the filter keep their speed; standing keeps its calm."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.estimation.fitting import fit_people
from kinema.estimation.options import FitOptions
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.refinement import FilterOptions, filter_motion
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.stage import Context
from tests.helpers.fit_scenes import Scene, make_scene

BODY = load_body()
WRIST = SMPL24.index("left_wrist")
FORE_ARM = [BLAZEPOSE33.index(f"left_{part}") for part in ("elbow", "wrist", "pinky", "index", "thumb")]
BLURRED = 0.3
"""Confidence of an arm in the frames in which it is fastest, as on real clips of martial arts at 24 frames a second."""


def scene(fps: float, *, strikes: bool, noise: float, blurred: bool = False, seconds: float = 2.0) -> Scene:
    """Somebody who stands, and strikes with the left arm three times, out in a tenth of a second and back."""
    frames = int(seconds * fps)
    t = np.arange(frames) / fps
    pose = np.zeros((frames, 24, 3))
    pose[:, 0] = [np.pi, 0, 0]
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, SMPL24.index(f"{side}_shoulder"), 2] = sign * 1.2
    if strikes:
        out = sum(np.tanh((t - at) / 0.04) - np.tanh((t - at - 0.25) / 0.04) for at in (0.4, 0.9, 1.4)) / 2
        pose[:, SMPL24.index("left_shoulder"), 2] += 1.5 * out
        pose[:, SMPL24.index("left_elbow"), 2] += 0.9 * out
    made = make_scene(
        BODY, frames=frames, fps=fps, pose=pose.reshape(frames, 72), transl=np.tile([0.0, 0.2, 3.5], (frames, 1)),
        pixel_noise=noise, depth_noise=0.05,
    )  # fmt: skip
    if not blurred:
        return made
    speed = np.linalg.norm(np.gradient(made.truth.joints[:, WRIST], axis=0), axis=1) * fps
    (person,) = made.seen.people
    confidence = person.keypoint_confidence.copy()
    confidence[np.ix_(speed > 0.5 * speed.max(), FORE_ARM)] = BLURRED
    return Scene(made.truth, made.seen.replace(people=(person.replace(keypoint_confidence=confidence),)))


def result(made: Scene) -> Motion:
    return filter_motion(fit_people(made.seen, Context(BODY), FitOptions(outlines=False)), BODY, FilterOptions())


def kept(made: Scene, found: Motion) -> float:
    """Of the wrist's speed in the image, in the fastest tenth of the frames, along the true velocity."""
    camera = made.seen.camera.intrinsics
    own, true = (np.diff(project(person.joints[:, WRIST], camera), axis=0) for person in (found.people[0], made.truth))
    speed = np.linalg.norm(true, axis=1)
    fast = speed >= np.quantile(speed, 0.9)
    return float(np.sum((own * true)[fast]) / np.sum(true[fast] ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("blurred", [False, True])
@pytest.mark.parametrize("fps", [24, 30, 60])
def test_a_strike_keeps_its_speed(fps, blurred):
    made = scene(fps, strikes=True, noise=2.0, blurred=blurred)
    assert kept(made, result(made)) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("fps", "most"), [(24, 0.69), (30, 0.66), (60, 0.52)])
def test_noise_of_somebody_who_stands_is_no_movement(fps, most):
    """Acceleration, m/s2, of 5 pixels of noise (2 cm): a twentieth more than when only confidence was asked."""
    found = result(scene(fps, strikes=False, noise=5.0))
    second = np.diff(found.people[0].joints, 2, axis=0) * fps**2
    assert np.linalg.norm(second, axis=-1).mean() < most
