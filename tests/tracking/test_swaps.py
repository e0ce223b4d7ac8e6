"""Left and right exchanged in made-up and in real motion are put back; clean motion is left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.skeleton import BLAZEPOSE33, JOINT_SETS, JointSet
from kinema.tracking.swaps import NUM_GROUPS, exchange, find_swaps
from tests.helpers.walkers import image_of, walker

FPS = 30.0
SETS = (BLAZEPOSE33, BLAZEPOSE33)
TURNS = {
    "facing the camera": np.zeros_like,
    "from behind": lambda t: np.full_like(t, np.pi),
    "from the side": lambda t: np.full_like(t, np.pi / 2),
    "turning round": lambda t: 1.5 * t,
    "turning fast": lambda t: 4.0 * t,
}


def clip(turn: str, seconds: float = 4.0, fps: float = FPS, seed: int = 0):
    times = np.arange(round(seconds * fps)) / fps
    world = walker(times, heading=TURNS[turn](times), seed=seed)
    return image_of(world), world, np.full(world.shape[:2], 0.9), times, np.full(len(times), 400.0)


def exchanged(points, swapped):
    return exchange(points, swapped, BLAZEPOSE33)


def repaired(points, world, confidence, times, heights):
    swapped = find_swaps(points, world, confidence, times, heights, *SETS)
    return exchanged(points, swapped), exchanged(world, swapped), swapped


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("fps", [10.0, 24.0, 60.0])
def test_clean_motion_is_left_alone(turn, fps):
    assert not find_swaps(*clip(turn, fps=fps), *SETS).any()


@pytest.mark.parametrize("turn", TURNS)
@given(
    start=st.integers(3, 90),
    length=st.integers(1, 14),
    group=st.sampled_from([(0, 1, 2, 3), (2, 3), (3,), (1,), (1, 2, 3)]),
)
def test_an_exchange_of_some_frames_is_undone(turn, start, length, group):
    points, world, confidence, times, heights = clip(turn)
    truth = np.zeros((len(times), NUM_GROUPS), dtype=bool)
    truth[start : start + length, list(group)] = True
    fixed, fixed_world, _ = repaired(exchanged(points, truth), exchanged(world, truth), confidence, times, heights)
    # Where limbs pass each other an exchange changes nothing: what counts is where the points end up.
    assert np.abs(fixed_world - world).max() < 0.12
    assert np.abs(fixed - points).max() < 0.12 * 400 / 1.7


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("first", [0, 40])
def test_an_exchange_is_undone_while_the_camera_shakes(turn, first):
    """A hand that holds a telephone moves the whole picture by a tenth of a person's height within a frame."""
    points, world, confidence, times, heights = clip(turn)
    shaken = points + np.random.default_rng(2).normal(0.0, 30.0, (len(times), 1, 2))
    truth = np.zeros((len(times), NUM_GROUPS), dtype=bool)
    truth[first] = True
    fixed, fixed_world, _ = repaired(exchanged(shaken, truth), exchanged(world, truth), confidence, times, heights)
    assert np.abs(fixed_world - world).max() < 0.12
    assert np.abs(fixed - shaken).max() < 0.12 * 400 / 1.7


def test_several_exchanges_in_one_track():
    points, world, confidence, times, heights = clip("turning round")
    truth = np.zeros((len(times), NUM_GROUPS), dtype=bool)
    truth[20:26] = truth[60:61] = True
    truth[80:90, 2:] = True
    _, fixed_world, swapped = repaired(exchanged(points, truth), exchanged(world, truth), confidence, times, heights)
    assert np.abs(fixed_world - world).max() < 0.12
    assert swapped.any(axis=1).sum() == pytest.approx(17, abs=2)


def test_nothing_is_concluded_across_a_pause():
    points, world, confidence, times, heights = clip("from behind")
    other = clip("facing the camera", seed=1)
    points, world = np.concatenate([points, other[0]]), np.concatenate([world, other[1]])
    times = np.concatenate([times, times + times[-1] + 2.0])
    assert not find_swaps(points, world, np.tile(confidence, (2, 1)), times, np.tile(heights, 2), *SETS).any()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_tracks(count):
    points, world, confidence, times, heights = (value[:count] for value in clip("from behind"))
    assert find_swaps(points, world, confidence, times, heights, *SETS).shape == (count, NUM_GROUPS)


def test_exchange_is_its_own_inverse_and_spares_the_middle():
    points, *_ = clip("from the side")
    swapped = np.random.default_rng(0).random((len(points), NUM_GROUPS)) < 0.5
    once = exchanged(points, swapped)
    np.testing.assert_array_equal(exchanged(once, swapped), points)
    nose = BLAZEPOSE33.index("nose")
    np.testing.assert_array_equal(once[:, nose], points[:, nose])
    everything = exchanged(points, np.ones_like(swapped))
    np.testing.assert_array_equal(everything, points[:, BLAZEPOSE33.mirror])


def flat_clip(joints, turn):
    """The clip in the image only, in those joints of a set that the walker has too; the others lie on the hips."""
    points, _, _, times, heights = clip(turn)
    shared = [joint for joint in joints.joints if joint in BLAZEPOSE33]
    flat = np.repeat(points[:, [BLAZEPOSE33.index("left_hip")]], len(joints), axis=1)
    flat[:, joints.indices(shared)] = points[:, BLAZEPOSE33.indices(shared)]
    confidence = np.zeros(flat.shape[:2])
    confidence[:, joints.indices(shared)] = 0.9
    return flat, None, confidence, times, heights


@pytest.mark.parametrize("name", ["coco17", "h36m17", "openpose25"])
@pytest.mark.parametrize("turn", ["facing the camera", "from behind", "turning round"])
def test_other_sets_without_3d(name, turn):
    joints = JOINT_SETS[name]
    points, _, confidence, times, heights = flat_clip(joints, turn)
    assert not find_swaps(points, None, confidence, times, heights, joints).any()
    truth = np.zeros((len(times), NUM_GROUPS), dtype=bool)
    truth[40:48] = True
    wrong = exchange(points, truth, joints)
    fixed = exchange(wrong, find_swaps(wrong, None, confidence, times, heights, joints), joints)
    shown = confidence[0] > 0
    assert np.abs(fixed - points)[:, shown].max() < 0.12 * 400 / 1.7


def test_a_set_without_limbs_is_never_exchanged():
    face = JointSet("face", ("nose", "left_eye", "right_eye"))
    points = np.random.default_rng(0).normal(size=(20, 3, 2))
    assert not find_swaps(points, None, np.ones((20, 3)), np.arange(20) / 30, np.full(20, 300.0), face).any()
