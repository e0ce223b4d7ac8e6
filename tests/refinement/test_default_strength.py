"""The default amount of smoothing on a motion with known ground truth: what it keeps, and what it removes."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.refinement import FilterOptions, filter_motion
from kinema.synthetic import procedural_motion


def pose_of(motion):
    """Joints relative to the pelvis (F,24,3), metres."""
    joints = motion.people[0].joints
    return joints - joints[:, :1]


def accelerations(motion):
    """(F-2,24,3) m/s2 of the joints relative to the pelvis."""
    return np.diff(pose_of(motion), 2, axis=0) / np.median(np.diff(motion.times)) ** 2


def mean_length(vectors):
    return float(np.linalg.norm(vectors, axis=-1).mean())


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_walking_turning_and_squatting_are_left_as_they_are(body, fps):
    truth = procedural_motion(body, "demo", seed=0, fps=fps)
    smooth = filter_motion(truth, body)
    assert mean_length(pose_of(smooth) - pose_of(truth)) < 0.0015
    assert mean_length(accelerations(smooth)) > 0.85 * mean_length(accelerations(truth))


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_the_jitter_of_a_fit_is_removed_and_more_smoothing_only_costs(body, fps):
    truth = procedural_motion(body, "demo", seed=0, fps=fps)
    person = truth.people[0]
    # 0.7 degrees that are new in every frame, as the fit leaves them.
    pose = person.pose + np.random.default_rng(0).normal(scale=np.radians(0.7), size=person.pose.shape)
    noisy = truth.replace(people=(person.replace(pose=pose, joints=body.joints(pose, person.betas, person.transl)),))
    smooth, more = filter_motion(noisy, body), filter_motion(noisy, body, FilterOptions(strength=0.8))
    error = {name: mean_length(pose_of(m) - pose_of(truth)) for name, m in (("noisy", noisy), ("default", smooth))}
    assert error["default"] < 0.6 * error["noisy"]
    wrong = [mean_length(accelerations(m) - accelerations(truth)) for m in (noisy, smooth)]
    assert wrong[1] < 0.3 * wrong[0]
    assert mean_length(pose_of(more) - pose_of(truth)) > error["default"]
