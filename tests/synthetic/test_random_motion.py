"""Random motions and exercises: as varied as intended, and within human limits."""

import numpy as np
import pytest

from kinema.body import load_body
from kinema.geometry.rotations import geodesic_angle, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from kinema.synthetic.exercises import random_exercise
from kinema.synthetic.performer import perform
from kinema.synthetic.random_motion import DURATION, random_motion
from kinema.training.mocap import random_sequences

BODY = load_body()


@pytest.mark.parametrize("act", [random_motion, random_exercise])
@pytest.mark.parametrize("seed", range(12))
def test_planted_feet_do_not_slide_and_joints_stay_within_their_range(seed, act):
    betas = np.random.default_rng(seed).normal(size=10)
    acted = perform(act(np.random.default_rng(seed)), BODY, betas, np.arange(0, DURATION, 1 / 60))
    soles = BODY.posed_points("contacts", acted.pose, betas, acted.transl)
    assert soles[..., 1].min() > -0.03  # a foot that rolls is rigid: its edges dip
    for k in range(4):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], acted.contacts[:, k].astype(int), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            assert np.linalg.norm(soles[start:end, k] - soles[start, k], axis=1).max() < 1e-3
    pose = acted.pose.reshape(-1, 24, 3)
    for side, sign in (("left", -1), ("right", 1)):
        assert pose[:, SMPL24.index(f"{side}_knee"), 0].min() > 0  # backwards
        assert (sign * pose[:, SMPL24.index(f"{side}_elbow"), 1]).min() > -0.1  # forwards
    angles = np.degrees(np.linalg.norm(pose, axis=-1)).max(axis=0)
    limits = {"hip": 155, "knee": 145, "ankle": 80, "foot": 70, "spine": 30, "neck": 40, "collar": 50, "elbow": 150}
    for name, limit in limits.items():
        assert angles[[i for i, joint in enumerate(SMPL24.joints) if name in joint]].max() < limit, name
    joints = BODY.joints(acted.pose, betas, acted.transl)
    # The fastest hands of sprinters and throwers reach 100 to 200 m/s2.
    assert np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).max() * 60**2 < 200


def test_random_sequences_are_reproducible_and_vary():
    sequences = random_sequences(BODY, 12, seed=1)
    again = random_sequences(BODY, 12, seed=1)
    assert [s.subject for s in sequences[8:]] == ["random-8", "random-9", "random-0", "random-1"]
    for a, b in zip(sequences, again, strict=True):
        np.testing.assert_array_equal(a.rotation, b.rotation)
        assert a.rotation.shape == (720, 24, 3, 3)
        # The pelvis is between the floor and its standing height.
        assert 0.2 < a.root[:, 1].min() < a.root[:, 1].max() < 1.2
    joint = [SMPL24.index(n) for n in ("left_shoulder", "right_elbow", "spine2", "left_knee")]
    samples = np.concatenate([s.rotation[::20, joint] for s in sequences])
    spread = geodesic_angle(samples, np.roll(samples, 97, axis=0)).mean(axis=0)
    assert np.degrees(spread).min() > 7  # two frames differ in every joint
    headings = np.ptp(np.concatenate([matrix_to_axis_angle(s.rotation[:, 0])[:, 1] for s in sequences]))
    assert headings == pytest.approx(2 * np.pi, abs=0.5)  # people face every direction


def test_exercises_show_both_arms_forward_over_bent_knees():
    """What they are for: knees bent by over 50 degrees while both hands are 30 cm or more ahead of the shoulders, far
    more often than in random motion."""
    shares = {}
    for category in ("exercise", "random"):
        frames = np.concatenate([s.rotation[::10] for s in random_sequences(BODY, 30, category)])
        pose = matrix_to_axis_angle(frames)
        joints = BODY.joints(pose.reshape(len(pose), 72), np.zeros(10), np.zeros((len(pose), 3)))
        ahead = frames[:, 0, :, 2] * [1, 0, 1]
        ahead = ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)
        places = {name: (joints[:, SMPL24.index(name)] * ahead).sum(-1) for name in SMPL24.joints}
        reach = np.min([places[f"{side}_wrist"] - places[f"{side}_shoulder"] for side in ("left", "right")], axis=0)
        knees = np.degrees(pose[:, SMPL24.indices(("left_knee", "right_knee")), 0]).min(axis=1)
        shares[category] = np.mean((knees > 50) & (reach > 0.3))
    assert shares["exercise"] > 0.02, shares
    assert shares["exercise"] > 4 * shares["random"], shares
