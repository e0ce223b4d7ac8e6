"""Balance as evidence: its derivatives, leans that the image does not show, and people whom feet do not carry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinema.body.kinematics import Rig
from kinema.body.mass import MASS_OF_JOINTS
from kinema.estimation.balanced import LEAN, BalancePull, carried
from kinema.estimation.options import SolverOptions
from kinema.estimation.solver import FREE_JOINTS, Evidence, PoseState, moved, solve
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.models.pose_lifter.vertical import Vertical
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.world.balance import ROBUST, tangent

FRAMES = 12
TIMES = np.arange(FRAMES) / 30.0
UP = np.array([0.05, -0.95, -0.31]) / np.linalg.norm([0.05, -0.95, -0.31])
VERTICAL = Vertical(UP, 0.0)
SURE = np.ones(FRAMES)
SIDE, DEPTH = tangent(UP)


@pytest.fixture(scope="module")
def rig(body):
    return Rig.of(body, BLAZEPOSE33.name, np.zeros(10))


def standing(lean: float = 0.0, knees: float = 0.0, **turns: float) -> PoseState:
    """Somebody who stands sideways to the camera, 4 metres away, leaning as a whole by some degrees towards it; degrees
    of both knees' and other joints' flexion."""
    pose = np.zeros((FRAMES, 24, 3))
    for side in ("left", "right"):
        pose[:, SMPL24.index(f"{side}_knee"), 0] = np.radians(knees)
        pose[:, SMPL24.index(f"{side}_hip"), 0] = -np.radians(knees) / 2
    for name, degrees in turns.items():
        pose[:, SMPL24.index(name), 0] = np.radians(degrees)
    local = axis_angle_to_matrix(pose)
    upright = np.stack([np.cross(UP, SIDE), UP, SIDE], axis=-1)  # faces the picture's right side
    local[:, 0] = axis_angle_to_matrix(-np.radians(lean) * SIDE) @ upright
    return PoseState(local, np.tile([0.0, 0.0, 4.0], (FRAMES, 1)))


def line_of(rig: Rig, state: PoseState) -> np.ndarray:
    """Degrees by which the line from the feet to the centre of mass leans away from the camera, in each frame."""
    _, joints, _ = rig.forward(state.local, state.root)
    line = np.einsum("fj,fjc->fc", carried(joints, state.local, UP)[0], joints)
    return np.degrees(np.arctan2(line @ DEPTH, line @ UP))


def blocks(rig: Rig, state: PoseState) -> tuple[np.ndarray, np.ndarray]:
    """The Gauss-Newton blocks of balance alone."""
    size = 3 * len(FREE_JOINTS) + 3
    hessian, gradient = np.zeros((FRAMES, size, size)), np.zeros((FRAMES, size))
    BalancePull(rig, TIMES, VERTICAL, SURE).of(slice(0, FRAMES))(state, hessian, gradient)
    return hessian, gradient


def test_the_centre_of_mass_is_a_mean_of_joints(rig):
    state = standing()
    _, joints, _ = rig.forward(state.local, state.root)
    shares, _ = carried(joints, state.local, UP)
    assert MASS_OF_JOINTS.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(shares.sum(axis=1), 0.0, atol=1e-12)


def test_the_gradient_is_that_of_half_the_squared_lean(rig):
    """Against differences of the cost whose load, height and kernel stay as they are, as the solver holds them."""
    state = standing(6.0, 20.0, spine2=25.0, left_shoulder=40.0)
    hessian, gradient = blocks(rig, state)
    _, joints, _ = rig.forward(state.local, state.root)
    shares, on_feet = carried(joints, state.local, UP)
    line = np.einsum("fj,fjc->fc", shares, joints)
    lean = line @ tangent(UP).T / (line @ UP)[:, None]
    precision = on_feet / (1 + np.sum(lean**2, axis=1) / ROBUST**2) ** 2 / LEAN**2

    def cost(step: np.ndarray) -> np.ndarray:
        now = moved(state, step, 1.0)
        _, joints, _ = rig.forward(now.local, now.root)
        off = np.einsum("fj,fjc->fc", shares, joints) @ tangent(UP).T / (line @ UP)[:, None]
        return 0.5 * precision * np.sum(off**2, axis=1)

    step = 1e-4 * np.random.default_rng(0).normal(size=gradient.shape)
    slope = (cost(step) - cost(-step)) / 2
    np.testing.assert_allclose(slope, np.sum(gradient * step, axis=1), rtol=1e-5, atol=1e-9)
    assert np.all(np.linalg.eigvalsh(hessian) > -1e-6 * hessian.max())


@pytest.mark.parametrize("wrong", [-10.0, 10.0])
def test_a_lean_in_depth_that_the_prior_has_wrong_is_corrected(rig, wrong):
    """Of ten degrees, points that are hardly seen leave several; balance leaves less than half of these."""
    truth = standing(line_of(rig, standing())[0])  # so turned that it is in balance
    assert abs(line_of(rig, truth)[0]) < 0.5
    _, _, points = rig.forward(truth.local, truth.root)
    sigma = np.full((FRAMES, 24), np.radians(6.0))
    believed = standing(line_of(rig, standing())[0] + wrong).local
    evidence = Evidence(
        TIMES, points[..., :2] / points[..., 2:], 0.02 * np.ones(points.shape[:2]), believed, sigma,
        np.ones((FRAMES, 25)), np.zeros((FRAMES, 24)),
    )  # fmt: skip
    start = PoseState(believed, truth.root)
    alone = solve(rig, evidence, start, SolverOptions())
    pull = BalancePull(rig, TIMES, VERTICAL, SURE)
    balanced = solve(rig, evidence, start, SolverOptions(), added=[pull.of(slice(0, FRAMES))])
    assert np.abs(line_of(rig, alone)).mean() > 3.0
    assert np.abs(line_of(rig, balanced)).mean() < 0.5 * np.abs(line_of(rig, alone)).mean()


def test_whoever_sits_or_lies_is_left_alone(rig):
    """Against somebody who stands and leans by eight degrees: less than a twentieth of the pull."""

    def pull(state: PoseState) -> float:
        return float(np.linalg.norm(blocks(rig, state)[1]))

    leaning = pull(standing(8.0))
    assert pull(standing(8.0, 90.0)) < 0.05 * leaning
    assert pull(standing(80.0)) < 0.05 * leaning


def test_feet_that_are_not_seen_say_nothing(rig):
    assert BalancePull(rig, TIMES, VERTICAL, np.zeros(FRAMES)).of(slice(0, FRAMES)) is None


def test_an_unsure_vertical_pulls_less(rig):
    """By the sum of both variances."""
    state, size = standing(8.0), 3 * len(FREE_JOINTS) + 3
    found = []
    for sigma in (0.0, float(np.degrees(LEAN))):
        gradient = np.zeros((FRAMES, size))
        pull = replace(BalancePull(rig, TIMES, VERTICAL, SURE), vertical=Vertical(UP, sigma))
        pull.of(slice(0, FRAMES))(state, np.zeros((FRAMES, size, size)), gradient)
        found.append(np.linalg.norm(gradient))
    assert found[1] == pytest.approx(0.5 * found[0])
