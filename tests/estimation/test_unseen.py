"""Legs that are never seen stand; those that are seen, and those of people who lie, are left to the prior."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.estimation import FitOptions, fit_body
from kinema.estimation.unseen import UNSEEN_SIGMA, with_standing_legs
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import BLAZEPOSE33, SMPL24
from tests.helpers.fit_scenes import make_scene, swinging

BELOW = BLAZEPOSE33.indices(
    [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "heel", "big_toe")]
)
LEGS = SMPL24.indices([f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle")])
THIGHS = [(SMPL24.index(f"{side}_hip"), SMPL24.index(f"{side}_knee")) for side in ("left", "right")]
FRAMES, NAMES = 20, BLAZEPOSE33.joints


def seated(lean: float = 0.0) -> np.ndarray:
    """(F,72): somebody who sits before a camera, thighs level, leaning forward by some degrees."""
    pose = swinging(FRAMES)
    for hip, knee in THIGHS:
        pose[:, 3 * hip : 3 * hip + 3] = [-np.pi / 2, 0.0, 0.0]
        pose[:, 3 * knee : 3 * knee + 3] = [np.pi / 2, 0.0, 0.0]
    pose[:, 0] = np.pi - np.radians(lean)
    return pose


def thighs_from_vertical(joints: np.ndarray) -> float:
    """Degrees, of the worst thigh in any frame."""
    thigh = np.concatenate([joints[:, knee] - joints[:, hip] for hip, knee in THIGHS])
    return float(np.degrees(np.arccos(thigh[:, 1] / np.linalg.norm(thigh, axis=1))).max())


@pytest.mark.parametrize("seen", [False, True])
def test_an_upper_body_stands_unless_its_legs_are_seen(body, seen):
    scene = make_scene(body, frames=FRAMES, pose=seated())
    (person,) = scene.seen.people
    confidence = person.keypoint_confidence.copy()
    if not seen:
        confidence[:, BELOW] = 0.0
    shown = scene.seen.replace(people=(person.replace(keypoint_confidence=confidence),))
    fitted = fit_body(shown, body, FitOptions(prior="analytic")).people[0]
    assert (thighs_from_vertical(fitted.joints) < 20.0) != seen  # the rest pose's thighs lean by up to 10 degrees


def prior(lean: float) -> tuple[np.ndarray, np.ndarray]:
    rotation = axis_angle_to_matrix(seated(lean).reshape(FRAMES, 24, 3))
    return rotation, np.full((FRAMES, 24), 0.5)


def test_who_leans_stands_upright_along_the_given_vertical():
    up = np.array([0.1, -0.98, 0.17]) / np.linalg.norm([0.1, -0.98, 0.17])
    weight = np.ones((FRAMES, len(NAMES)))
    weight[:, BELOW] = 0.0
    rotation, sigma = with_standing_legs(*prior(30.0), NAMES, weight, up)
    for hip, knee in THIGHS:
        np.testing.assert_allclose((rotation[:, 0] @ rotation[:, hip])[:, :, 1], np.tile(up, (FRAMES, 1)), atol=1e-9)
        np.testing.assert_array_equal(rotation[:, knee], np.tile(np.eye(3), (FRAMES, 1, 1)))
    assert np.all(sigma[:, LEGS] == UNSEEN_SIGMA)
    others = np.delete(np.arange(24), LEGS)
    np.testing.assert_array_equal(rotation[:, others], prior(30.0)[0][:, others])


@pytest.mark.parametrize(
    ("lean", "frames_seen", "names"),
    [(90.0, 0, NAMES), (0.0, 3, NAMES), (0.0, 0, [name for k, name in enumerate(NAMES) if k not in BELOW])],
    ids=["lies", "seen for a moment", "a set without legs"],
)
def test_others_are_left_alone(lean, frames_seen, names):
    weight = np.ones((FRAMES, len(names)))
    if len(names) == len(NAMES):
        weight[frames_seen:, BELOW] = 0.0
    before = prior(lean)
    after = with_standing_legs(*before, names, weight, None)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
