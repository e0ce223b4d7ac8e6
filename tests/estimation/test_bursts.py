"""Which bursts of movement the fit believes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.estimation.bursts import burst_trust, emphasis, shown_turns, sure_share, with_shown
from kinema.estimation.options import FitOptions, SolverOptions
from kinema.estimation.solver import FREE_JOINTS, Evidence, PoseState, solve
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import LIMBS12, SMPL24

BETWEEN = (0.4, 0.7)
TIMES = np.arange(40) / 30


def test_a_limb_is_as_trusted_as_the_less_sure_of_its_points():
    confidence = np.ones((len(TIMES), 12))
    confidence[:, LIMBS12.index("left_wrist")] = 0.55
    confidence[:, LIMBS12.index("right_knee")] = 0.2
    trust = burst_trust(TIMES, confidence, LIMBS12, BETWEEN)[20]
    by_joint = dict(zip(SMPL24.joints, trust, strict=False))
    assert by_joint["left_elbow"] == pytest.approx(0.5)
    assert by_joint["left_shoulder"] == by_joint["right_elbow"] == by_joint["spine2"] == trust[-1] == 1
    assert by_joint["right_knee"] == by_joint["right_hip"] == by_joint["right_ankle"] == 0


def test_a_moment_of_confidence_is_not_believed():
    confidence = np.zeros((len(TIMES), 12))
    confidence[20] = 1.0
    assert burst_trust(TIMES, confidence, LIMBS12, BETWEEN)[:, FREE_JOINTS].max() == 0


@pytest.mark.parametrize(("point", "joint", "believed"), [("wrist", "elbow", 1.0), ("ankle", "knee", 0.0)])
def test_an_arm_that_comes_into_sight_is_believed_at_once_and_a_leg_is_not(point, joint, believed):
    """Seen from frame 20 on. Over the six frames around it the mean is 0.4, where trust begins; after it, 0.8."""
    confidence = np.ones((len(TIMES), 12))
    column, row = LIMBS12.index(f"left_{point}"), SMPL24.index(f"left_{joint}")
    confidence[:20, column], confidence[20:, column] = 0.0, 0.8
    trust = burst_trust(TIMES, confidence, LIMBS12, BETWEEN)[:, row]
    assert trust[20] == pytest.approx(believed)
    assert trust[15] == 0
    assert trust[26] == 1
    confidence[23:, column] = 0.0
    assert burst_trust(TIMES, confidence, LIMBS12, BETWEEN)[:, row].max() == pytest.approx(0.0)


@given(st.integers(1, 30), st.sets(st.sampled_from(LIMBS12)), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_trust_is_a_share_for_any_points(frames, names, seed):
    names = sorted(names)
    confidence = np.random.default_rng(seed).uniform(0, 1, (frames, len(names)))
    trust = burst_trust(np.arange(frames) / 25, confidence, names, BETWEEN)
    assert trust.shape == (frames, 25)
    assert np.all((trust >= 0) & (trust <= 1))


def test_points_of_a_fast_forearm_count_for_more():
    body = load_body()
    points = body.points("blazepose33")
    rig = Rig.of(body, "blazepose33", np.zeros(10))
    rays = np.tile(rig.forward(np.eye(3)[None, None].repeat(24, 1), np.zeros((1, 3)))[2][..., :2] / 3, (40, 1, 1))
    wrist = points.names.index("left_wrist")
    rays[:, wrist, 1] += 0.05 * np.sin(2 * np.pi * 3 * TIMES)
    confidence = np.ones(rays.shape[:2])
    turns = shown_turns(TIMES, rays, confidence, np.full(40, 3.0), points.names, rig)
    share = sure_share(turns)
    counts = emphasis(share, rig, 4.0)[20]
    assert counts[wrist] > 2
    assert counts[points.names.index("left_index")] == counts[wrist]
    hand = [points.names.index(f"left_{part}") for part in ("wrist", "index", "pinky", "thumb")]
    assert np.allclose(np.delete(counts, hand), 1)
    assert np.allclose(emphasis(np.zeros((40, 24)), rig, 4.0), 1)
    trust = with_shown(np.zeros((40, 25)), share)[20]
    assert trust[SMPL24.index("left_elbow")] > 0.5
    assert trust[SMPL24.index("right_elbow")] == trust[-1] == 0


def test_a_blurred_strike_is_believed_if_the_limb_is_clear_around_it():
    confidence = np.ones((len(TIMES), 12))
    confidence[16:24, LIMBS12.index("left_wrist")] = 0.2
    elbow = SMPL24.index("left_elbow")
    by_now, lately = (
        burst_trust(TIMES, confidence, LIMBS12, BETWEEN, shown=shown)[:, elbow] for shown in (False, True)
    )
    assert by_now[20] < 0.3
    assert lately.min() == 1
    confidence[:, LIMBS12.index("left_wrist")] = 0.2
    assert burst_trust(TIMES, confidence, LIMBS12, BETWEEN, shown=True)[:, elbow].max() == 0


def strike(trust: float, bend: float = 80.0, noise: float = 0.0) -> np.ndarray:
    """Degrees of the left elbow (F,) fitted to the image of an arm that bends by so many in a tenth of a second."""
    body = load_body()
    rig = Rig.of(body, "smpl24", np.zeros(10))
    angle = np.interp(np.arange(len(TIMES)), [18, 19, 21, 22], [0.0, 0.19 * bend, 0.81 * bend, bend])
    local = np.tile(np.eye(3), (len(TIMES), 24, 1, 1))
    elbow = SMPL24.index("left_elbow")
    local[:, elbow] = axis_angle_to_matrix(np.radians(angle)[:, None] * [0.0, 0.0, 1.0])
    root = np.tile([0.0, 0.0, 3.0], (len(TIMES), 1))
    points = rig.forward(local, root)[2]
    rays = points[..., :2] / points[..., 2:]
    rays = rays + noise * np.random.default_rng(0).normal(size=rays.shape)
    at_rest = np.tile(np.eye(3), (len(TIMES), 24, 1, 1))
    sigma = np.full((len(TIMES), 24), 0.7)
    evidence = Evidence(
        TIMES, rays, np.ones(rays.shape[:2]), at_rest, sigma, np.full((len(TIMES), 25), trust), np.zeros(sigma.shape)
    )
    solved = solve(rig, evidence, PoseState(at_rest, root), SolverOptions())
    return np.degrees(np.arctan2(solved.local[:, elbow, 1, 0], solved.local[:, elbow, 0, 0]))


def test_a_trusted_strike_is_followed_and_another_smoothed():
    """What the fit makes of the fastest step, 25 degrees in the truth."""
    believed, doubted = (np.abs(np.diff(strike(trust))).max() for trust in (1.0, 0.0))
    assert believed > 1.3 * doubted


def test_noise_of_doubted_points_is_smoothed_more():
    still, shaken = (np.abs(np.diff(strike(trust, 0.0, 0.04), 2)).mean() for trust in (0.0, 1.0))
    assert still < shaken


def test_confidences_in_the_wrong_order_are_refused():
    with pytest.raises(UsageError, match="burst_confidence` must be two confidences"):
        replace(FitOptions(), burst_confidence=(0.7, 0.4))
