"""Errors of a prior that last are corrected by all frames together."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.kinematics import Rig
from kinema.estimation import FitOptions, fit_body
from kinema.estimation.lasting import MOMENTARY, recentred
from kinema.estimation.options import SolverOptions
from kinema.estimation.solver import Evidence, PoseState, solve
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import BLAZEPOSE33, SMPL24
from tests.helpers.fit_scenes import make_scene

FRAMES = 45
TIMES = np.arange(FRAMES) / 30.0
ELBOW = SMPL24.index("left_elbow")
STATED = np.radians(8.0)


@pytest.fixture(scope="module")
def rig(body):
    return Rig.of(body, BLAZEPOSE33.name, np.zeros(10))


def bent() -> PoseState:
    """Somebody who faces the camera from 4 metres away, both elbows bent by 60 degrees."""
    pose = np.zeros((FRAMES, 24, 3))
    pose[:, 0, 0] = np.pi
    pose[:, ELBOW, 1], pose[:, SMPL24.index("right_elbow"), 1] = np.radians([-60.0, 60.0])
    return PoseState(axis_angle_to_matrix(pose), np.tile([0.0, 0.0, 4.0], (FRAMES, 1)))


def seen(rig: Rig, truth: PoseState, prior_off: np.ndarray) -> Evidence:
    """Clear points, beside a prior whose left elbow bends too much by (F,) radians."""
    _, _, points = rig.forward(truth.local, truth.root)
    prior = truth.local.copy()
    turn = np.zeros((FRAMES, 3))
    turn[:, 1] = -prior_off
    prior[:, ELBOW] = prior[:, ELBOW] @ axis_angle_to_matrix(turn)
    return Evidence(
        TIMES, points[..., :2] / points[..., 2:], np.ones(points.shape[:2]), prior,
        np.full((FRAMES, 24), STATED), np.ones((FRAMES, 25)), np.zeros((FRAMES, 24)),
    )  # fmt: skip


def elbow_off(state: PoseState, truth: PoseState) -> np.ndarray:
    """(F,) degrees."""
    turn = matrix_to_axis_angle(np.swapaxes(truth.local[:, ELBOW], -1, -2) @ state.local[:, ELBOW])
    return np.degrees(np.linalg.norm(turn, axis=-1))


def test_a_lasting_error_of_the_prior_is_corrected(rig):
    """Of fifteen degrees, which move hands in depth, half are left; a quarter of these goes if errors last."""
    truth = bent()
    evidence = seen(rig, truth, np.full(FRAMES, np.radians(15.0)))
    start = PoseState(evidence.prior, truth.root)
    plain, lasting = (solve(rig, evidence, start, SolverOptions(), lasting=last) for last in (False, True))
    assert elbow_off(plain, truth).mean() > 6.0
    assert elbow_off(lasting, truth).mean() < 0.75 * elbow_off(plain, truth).mean()


def test_the_prior_moves_to_the_mean_deviation_but_for_the_root(rig):
    truth = bent()
    evidence = seen(rig, truth, np.full(FRAMES, np.radians(15.0)))
    turned = truth.local.copy()
    turned[:, 0] = turned[:, 0] @ axis_angle_to_matrix(np.array([0.0, 0.2, 0.0]))
    moved = recentred(evidence, PoseState(turned, truth.root))
    np.testing.assert_allclose(moved.prior[:, ELBOW], truth.local[:, ELBOW], atol=1e-9)
    np.testing.assert_allclose(moved.prior[:, 0], evidence.prior[:, 0], atol=1e-12)
    np.testing.assert_allclose(moved.prior_sigma, MOMENTARY * STATED)


@pytest.mark.parametrize(
    ("frames", "prior", "changes"), [(45, "learned", True), (20, "learned", False), (45, "analytic", False)]
)
def test_only_a_lifter_that_saw_the_person_for_a_second_is_taken_to_err_lastingly(body, frames, prior, changes):
    scene = make_scene(body, frames=frames)
    first, second = (
        fit_body(scene.seen, body, FitOptions(prior=prior, lasting=last)).people[0].pose for last in (False, True)
    )
    assert (np.abs(first - second).max() > 1e-6) == changes
