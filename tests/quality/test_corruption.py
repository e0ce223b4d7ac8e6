"""Damage for the validator's tests does what it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import free_body
from kinema.motion import Motion
from kinema.quality.corruption import CORRUPTIONS, suitable
from kinema.quality.skeletons import skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion

FEET = SMPL24.indices(("left_foot", "right_foot", "left_ankle", "right_ankle"))
PLACED = [name for name, kind in CORRUPTIONS.items() if not kind.needs_pose]


@pytest.fixture(scope="module")
def clip() -> Motion:
    return procedural_motion(free_body(), "demo", fps=30)


def damaged(clip: Motion, kind: str, seed: int = 0) -> Motion:
    return CORRUPTIONS[kind](clip, np.random.default_rng(seed))


def joints(motion: Motion) -> np.ndarray:
    return motion.people[0].joints_world


def lowest(motion: Motion) -> np.ndarray:
    return joints(motion)[:, FEET, 1].min(axis=1)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_kind_suits_a_walk_and_changes_a_copy_of_it(clip, kind):
    before = joints(clip).copy(), clip.people[0].pose_world.copy()
    assert CORRUPTIONS[kind].suits(clip) or kind == "swap"  # this walk's sides are too alike half of the time
    first, again, other = damaged(clip, kind), damaged(clip, kind), damaged(clip, kind, seed=1)
    np.testing.assert_array_equal(joints(clip), before[0])
    np.testing.assert_array_equal(clip.people[0].pose_world, before[1])
    np.testing.assert_array_equal(joints(first), joints(again))
    person = first.people[0]
    change = max(np.abs(person.pose_world - before[1]).max(), np.abs(person.joints_world - before[0]).max())
    assert change > 0.05
    assert other.num_frames == clip.num_frames


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind != "limb length"])
def test_joints_and_pose_tell_the_same_afterwards(clip, kind):
    """To a tenth of a millimetre, on the skeleton of the undamaged clip."""
    person = damaged(clip, kind).people[0]
    posed = skeleton_of(clip, clip.people[0]).joints(person.pose_world, person.transl_world)
    np.testing.assert_allclose(posed, person.joints_world, atol=1e-4)


@pytest.mark.parametrize("kind", PLACED)
def test_joints_alone_are_placed_like_those_with_a_pose(clip, kind):
    person = clip.people[0]
    bare = clip.replace(people=(person.replace(pose_world=None, transl_world=None),))
    np.testing.assert_allclose(joints(damaged(bare, kind)), joints(damaged(clip, kind)), atol=1e-6)


@pytest.mark.parametrize("kind", PLACED)
def test_placing_moves_the_body_as_a_whole(clip, kind):
    moved = trajectory_of(clip, damaged(clip, kind).people[0]).joints
    parents = list(SMPL24.parents or ())
    for points in (moved, joints(clip)):
        assert np.ptp(np.linalg.norm(points[:, 1:] - points[:, parents[1:]], axis=-1), axis=0).max() < 1e-6


@pytest.mark.parametrize(("kind", "height"), [("float 0.2 m", 0.2), ("float 1 m", 1.0)])
def test_floating_is_of_its_height(clip, kind, height):
    moved = joints(damaged(clip, kind)) - joints(clip)
    np.testing.assert_allclose(moved, np.broadcast_to([0.0, height, 0.0], moved.shape), atol=1e-12)


@pytest.mark.parametrize(("kind", "speed"), [("rise 0.1 m/s", 0.1), ("sink 0.1 m/s", -0.1)])
def test_rising_is_of_its_speed(clip, kind, speed):
    risen = (joints(damaged(clip, kind)) - joints(clip))[:, 0, 1]
    np.testing.assert_allclose(risen, speed * clip.times, atol=1e-9)


def test_drift_is_of_its_speed(clip):
    way = joints(damaged(clip, "drift 0.45 m/s")) - joints(clip)
    np.testing.assert_allclose(np.linalg.norm(way[-1, 0]) / clip.times[-1], 0.45, rtol=1e-6)


@pytest.mark.parametrize("degrees", [10, 20, 30])
def test_a_tilted_world_leans_by_its_angle(clip, degrees):
    """By the rotation that takes the way of the pelvis to that of the damaged copy."""
    a, b = (
        joints(motion)[:, 0] - joints(motion)[:, 0].mean(axis=0)
        for motion in (clip, damaged(clip, f"tilt {degrees} deg"))
    )
    u, _, vt = np.linalg.svd(a.T @ b)
    turn = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    assert np.degrees(np.arccos(turn[1, 1])) == pytest.approx(degrees, abs=0.01)


def test_hovering_feet_never_touch_the_ground(clip):
    above = lowest(damaged(clip, "hover")) - lowest(clip)
    assert above.min() >= 0.05
    assert above.max() <= 0.30 + 1e-9
    assert np.ptp(above) > 0.05
    assert np.abs(np.diff(above)).max() * clip.fps < 0.4


def test_legs_that_are_pulled_up_leave_the_ground(clip):
    assert lowest(damaged(clip, "legs up")).min() > lowest(clip).min() + 0.1


def test_a_twist_moves_no_joint(clip):
    twisted = damaged(clip, "twist flip")
    np.testing.assert_allclose(joints(twisted), joints(clip), atol=0.12)
    assert np.abs(twisted.people[0].pose_world - clip.people[0].pose_world).max() > 2


def test_a_pose_is_stuck_where_the_root_goes(clip):
    for kind, least in (("stuck pose", 1.3), ("stuck pose to the end", 1.3)):
        person = damaged(clip, kind).people[0]
        stuck = np.all(np.diff(person.pose_world[:, 3:], axis=0) == 0, axis=1)
        assert stuck.sum() / clip.fps >= least
        way = person.transl_world[1:][stuck]
        assert np.linalg.norm(way.max(axis=0) - way.min(axis=0)) > 0.5
        np.testing.assert_array_equal(person.transl_world, clip.people[0].transl_world)


def test_a_first_t_pose_leaves_the_other_frames(clip):
    person = damaged(clip, "first T-pose").people[0]
    assert not person.pose_world[0].any()
    np.testing.assert_array_equal(person.pose_world[1:], clip.people[0].pose_world[1:])


def test_what_makes_no_sense_is_left_out(clip):
    still = clip.replace(people=(clip.people[0].select(np.arange(3)),), times=clip.times[:3])
    for check in (suitable.goes_somewhere, suitable.feet_rest, suitable.long_on_the_ground):
        assert not check(still)
    floating = damaged(clip, "float 1 m")
    assert not suitable.on_the_ground(floating)
    lying = damaged(clip, "float 0.2 m")
    turned = lying.people[0].joints_world[..., [1, 0, 2]]
    assert not suitable.upright(clip.replace(people=(clip.people[0].replace(joints_world=turned, pose_world=None),)))
