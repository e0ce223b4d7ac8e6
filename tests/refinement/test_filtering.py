"""The filter stage on a motion: rotations, gaps, missing values, what it reports and what it leaves alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.errors import InputError, UsageError
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import REFINERS, FilterOptions, filter_motion, refine
from kinema.refinement.filtering import FILTERS, smooth_positions, smooth_root, smooth_rotations
from kinema.refinement.measures import SMOOTHING, shakiness
from kinema.synthetic import studio_camera

TIMES = np.arange(60) / 30


@dataclass(frozen=True)
class ChainBody:
    """A body that is a straight chain of 24 joints: enough for a stage that only needs joints."""

    name: str = "chain"
    sha256: str = "0" * 64

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        rest = np.zeros((*np.shape(betas)[:-1], 24, 3))
        rest[..., 1] = 0.3 + 0.05 * np.arange(24)
        return rest

    def joints(self, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> np.ndarray:
        turn = axis_angle_to_matrix(pose.reshape(-1, 24, 3))
        joints = np.zeros((len(pose), 24, 3))
        joints[:, 0] = self.rest_joints(betas)[..., 0, :] + transl
        for j in range(1, 24):
            turn[:, j] = turn[:, j - 1] @ turn[:, j]
            joints[:, j] = joints[:, j - 1] + turn[:, j - 1] @ [0.0, 0.05, 0.0]
        return joints


BODY = ChainBody()


def moving_person(frames: np.ndarray, times: np.ndarray, noise: float = 0.0, seed: int = 0, **fields) -> Person:
    rng = np.random.default_rng(seed)
    t = times[frames][:, None]
    pose = 0.4 * np.sin(2 * t + np.arange(72)) + rng.normal(scale=noise, size=(len(frames), 72))
    transl = np.concatenate([0.5 * t, 0 * t, 4 + 0.3 * t], axis=1) + rng.normal(scale=noise, size=(len(frames), 3))
    return Person(1, frames, pose=pose, betas=np.zeros((len(frames), 10)), transl=transl, **fields)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return geodesic_angle(axis_angle_to_matrix(a), axis_angle_to_matrix(b))


@pytest.mark.parametrize("method", FILTERS)
@given(seed=st.integers(0, 10_000))
def test_rotation_filters_commute_with_a_turn_of_the_world_and_of_the_bone(method, seed):
    rng = np.random.default_rng(seed)
    path = Rotation.from_rotvec(rng.normal(scale=0.15, size=(40, 3)).cumsum(axis=0))
    world, bone = Rotation.random(2, random_state=seed)
    options = FilterOptions(method, seconds=0.2)
    smooth = Rotation.from_rotvec(smooth_rotations(path.as_rotvec(), TIMES[:40], options))
    turned = smooth_rotations((world * path * bone).as_rotvec(), TIMES[:40], options)
    assert angle_between(turned, (world * smooth * bone).as_rotvec()).max() < 1e-6


@pytest.mark.parametrize("method", FILTERS)
def test_two_pi_jumps_and_signs_of_the_input_make_no_difference(method):
    spin = np.linspace(0, 3 * np.pi, 60)[:, None] * np.array([0.0, 0.6, 0.8])
    options = FilterOptions(method, seconds=0.15)
    smooth = smooth_rotations(spin, TIMES, options)
    jumping = Rotation.from_rotvec(spin).as_rotvec()  # folded into [0, pi]
    angle = np.linalg.norm(jumping, axis=-1, keepdims=True)
    jumping[::2] *= ((angle - 2 * np.pi) / np.maximum(angle, 1e-9))[::2]  # and every other one turned the long way
    # At the ends a median is of an even number of frames: which of the two in the middle it takes, rounding decides.
    compared = slice(3, -3) if method == "median" else slice(None)
    assert angle_between(smooth, smooth_rotations(jumping, TIMES, options))[compared].max() < 1e-6
    steps = np.linalg.norm(np.diff(smooth_rotations(jumping, TIMES, options), axis=0), axis=-1)
    assert steps.max() < 0.5  # the numbers returned do not jump either


@pytest.mark.parametrize("method", ["whittaker", "savgol", "gaussian", "butterworth"])
def test_steady_turning_is_kept(method):
    spin = np.linspace(0, 2 * np.pi, 60)[:, None] * np.array([0.0, 0.6, 0.8])
    smooth = smooth_rotations(spin, TIMES, FilterOptions(method, seconds=0.16))
    # A steady turn is a circle of quaternions, which a low-pass only shrinks; the ends see one side of it.
    assert np.degrees(angle_between(smooth, spin))[10:-10].max() < 0.1
    assert np.degrees(angle_between(smooth, spin)).max() < 3.0


@pytest.mark.parametrize("method", ["whittaker", "savgol", "gaussian", "butterworth"])
def test_noise_of_rotations_falls_as_the_seconds_say(method):
    rng = np.random.default_rng(0)
    times = np.arange(3000) / 60
    noisy = matrix_to_axis_angle(
        axis_angle_to_matrix(np.array([2.0, 1.0, -1.5])) @ axis_angle_to_matrix(rng.normal(scale=0.03, size=(3000, 3)))
    )
    smooth = smooth_rotations(noisy, times, FilterOptions(method, seconds=0.3))
    error = angle_between(smooth, np.tile([2.0, 1.0, -1.5], (3000, 1)))
    expected = 0.03 * np.sqrt(3) * np.sqrt(1 / 60 / 0.3)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(expected, rel=0.1)


def test_a_gap_in_the_track_is_not_smoothed_across():
    frames = np.r_[0:20, 40:60]
    values = np.where(frames < 30, 0.0, 1.0)[:, None]
    options = FilterOptions(seconds=0.5)
    assert np.allclose(smooth_positions(values, TIMES[frames], options, frames=frames), values, atol=1e-9)
    # Without frame numbers the same times are a pause in the video; at one rate they would be a slow video.
    assert np.allclose(smooth_positions(values, TIMES[frames], options), values, atol=1e-9)
    joined = smooth_positions(values, 0.25 * np.arange(len(values)), FilterOptions(seconds=2.0))
    assert np.abs(joined - values).max() > 0.02


@pytest.mark.parametrize("smooth", [smooth_positions, smooth_rotations])
def test_a_nan_is_refused_by_frame_and_field_or_interpolated(smooth):
    clean = np.linspace(0, 1, 60)[:, None] * np.array([0.3, 0.2, 0.5])
    broken = clean.copy()
    broken[10:13] = np.nan
    frames = np.arange(100, 160)
    with pytest.raises(InputError, match=r"pose .*frame 110"):
        smooth(broken, TIMES, FilterOptions(), frames=frames, name="pose")
    mended = smooth(broken, TIMES, FilterOptions(missing="interpolate"), frames=frames, name="pose")
    assert np.allclose(mended, clean, atol=2e-3)
    with pytest.raises(InputError, match="no number at all"):
        smooth(np.full((60, 3), np.nan), TIMES, FilterOptions(missing="interpolate"))


def test_missing_rotations_are_interpolated_across_the_sign_of_a_quaternion():
    spin = np.linspace(0.5, 2 * np.pi - 0.5, 60)[:, None] * np.array([0.0, 0.0, 1.0])
    broken = spin.copy()
    broken[27:33] = np.nan  # where the axis-angle passes pi and the quaternion's sign turns
    broken[:2] = np.nan
    mended = smooth_rotations(broken, TIMES, FilterOptions(strength=0.0, missing="interpolate"))
    assert np.degrees(angle_between(mended, spin))[2:].max() < 1.0


def test_the_root_keeps_its_ray_and_its_depth_is_smoothed_more():
    rng = np.random.default_rng(1)
    depth = 4 + rng.normal(scale=0.1, size=60)
    root = depth[:, None] * np.array([0.2, -0.1, 1.0])
    smooth = smooth_root(root, TIMES, FilterOptions(seconds=0.16, depth=3.0))
    assert np.allclose(smooth[:, :2] / smooth[:, 2:], [0.2, -0.1], atol=1e-9)
    plain = smooth_root(root, TIMES, FilterOptions(seconds=0.16, depth=1.0))
    assert smooth[:, 2].std() < 0.75 * plain[:, 2].std()
    near = smooth_root(root - [0, 0, 4.0], TIMES, FilterOptions())  # through the camera: no ray to speak of
    assert np.isfinite(near).all()


@pytest.mark.parametrize("method", FILTERS)
def test_filter_motion_smooths_the_body_and_nothing_else(method):
    frames = np.arange(60)
    rng = np.random.default_rng(2)
    keypoints = rng.uniform(0, 400, size=(60, 33, 2))
    person = moving_person(
        frames, TIMES, noise=0.05, boxes=np.ones((60, 4)), keypoint_set="blazepose33", keypoints=keypoints,
        keypoint_confidence=np.zeros((60, 33)), contacts=np.zeros((60, 4), bool), transl_world=np.zeros((60, 3)),
        pose_world=np.zeros((60, 72)), joints_world=np.zeros((60, 24, 3)),
    )  # fmt: skip
    motion = Motion(TIMES, 640, 480, (person,), camera=studio_camera(640, 480))
    out = filter_motion(motion, BODY, FilterOptions(method))
    smooth = out.people[0]
    assert np.array_equal(smooth.keypoints, keypoints)
    assert np.array_equal(smooth.boxes, person.boxes)
    assert np.array_equal(smooth.betas, person.betas)
    assert smooth.pose_world is None
    assert smooth.transl_world is None
    assert np.allclose(smooth.joints, BODY.joints(smooth.pose, smooth.betas, smooth.transl))
    record = out.provenance[-1]
    told = record.arguments["people"]["1"]
    assert record.name == "filter"
    assert record.arguments["method"] == method
    assert told == smooth.data[SMOOTHING]
    assert record.weights == {"chain": "0" * 64}
    assert told["after"]["jitter"] < 0.7 * told["before"]["jitter"]
    assert told["after"] == shakiness(smooth.joints, TIMES, [slice(0, 60)])


def test_filter_motion_brings_a_noisy_motion_nearer_to_the_truth():
    frames = np.arange(60)
    clean, noisy = moving_person(frames, TIMES), moving_person(frames, TIMES, noise=0.03)
    smooth = filter_motion(Motion(TIMES, 640, 480, (noisy,)), BODY).people[0]
    before = angle_between(noisy.pose.reshape(-1, 24, 3), clean.pose.reshape(-1, 24, 3)).mean()
    after = angle_between(smooth.pose.reshape(-1, 24, 3), clean.pose.reshape(-1, 24, 3)).mean()
    assert after < 0.65 * before
    assert np.abs(smooth.transl - clean.transl).mean() < 0.65 * np.abs(noisy.transl - clean.transl).mean()


def test_strength_zero_changes_nothing_and_more_strength_smooths_more():
    motion = Motion(TIMES, 640, 480, (moving_person(np.arange(60), TIMES, noise=0.05),))
    same = filter_motion(motion, BODY, FilterOptions(strength=0.0)).people[0]
    assert angle_between(same.pose.reshape(-1, 24, 3), motion.people[0].pose.reshape(-1, 24, 3)).max() < 1e-6
    jitters = [
        filter_motion(motion, BODY, FilterOptions(strength=s))
        .provenance[-1]
        .arguments["people"]["1"]["after"]["jitter"]
        for s in (0.0, 0.3, 0.6, 1.0)
    ]
    assert jitters == sorted(jitters, reverse=True)


def test_shakiness_of_known_curves_at_uneven_times_and_over_a_gap():
    times = np.cumsum(np.random.default_rng(4).uniform(0.01, 0.05, size=40))
    cubic = np.stack([times**3, 0 * times, 2 * times**2], axis=-1)[:, None]
    pieces = [slice(0, 20), slice(20, 40)]
    told = shakiness(cubic, times, pieces)
    assert told["jitter"] == pytest.approx(6.0, rel=1e-4)
    jumped = cubic.copy()
    jumped[20:] += 5.0  # between the pieces, where nobody looks
    assert shakiness(jumped, times, pieces) == pytest.approx(told, rel=1e-3)
    assert shakiness(cubic[:2], times[:2], [slice(0, 2)]) == {"jitter": 0.0, "acceleration": 0.0}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_very_short_tracks_pass(count):
    motion = Motion(TIMES, 640, 480, (moving_person(np.arange(count), TIMES),))
    assert len(filter_motion(motion, BODY).people[0]) == count


def test_nobody_and_joints_without_a_body_pass_and_a_person_without_anything_is_refused():
    assert filter_motion(Motion(TIMES, 640, 480), None).people == ()
    joints = np.random.default_rng(3).normal(size=(60, 24, 3))
    lifted = Motion(TIMES, 640, 480, (Person(1, np.arange(60), joints=joints),))
    told = filter_motion(lifted, None).provenance[-1].arguments["people"]["1"]
    assert told["after"]["jitter"] < 0.1 * told["before"]["jitter"]
    with pytest.raises(UsageError, match="pose"):
        filter_motion(Motion(TIMES, 640, 480, (Person(1, np.arange(60)),)), None)


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "wavelet"}, {"strength": 1.5}, {"strength": -0.1}, {"seconds": -1.0}, {"seconds": 99.0},
        {"depth": 0.5}, {"max_gap": 0.0}, {"missing": "guess"},
    ],
)  # fmt: skip
def test_impossible_options_are_refused(settings):
    with pytest.raises(UsageError):
        FilterOptions(**settings)


def test_every_filter_is_registered_and_runs_by_name():
    assert {refiner.name for refiner in REFINERS if refiner.kind == "filter"} == set(FILTERS)
    motion = Motion(TIMES, 640, 480, (moving_person(np.arange(60), TIMES, noise=0.02),))
    for name in FILTERS:
        refiner = REFINERS.find(name)
        out = refine(motion, BODY, name, strength=0.4)
        assert out.provenance[-1].arguments["strength"] == 0.4
        assert set(refiner.fills) <= set(out.people[0].filled)
    with pytest.raises(UsageError, match="whittaker"):
        REFINERS.find("magic")


def test_a_shaking_camera_does_not_shake_a_body_that_stands():
    """Smoothed in axes that turn with the camera, the body would lag behind every turn, and shake in the world."""
    angle = np.radians(2.0) * np.stack([np.sin(40 * TIMES), np.cos(31 * TIMES), 0 * TIMES], axis=1)
    turn = axis_angle_to_matrix(angle)
    place, pelvis = np.array([1.0, 0.3, 6.0]), BODY.rest_joints(np.zeros(10))[0]
    pose = np.zeros((60, 72))
    pose[:, :3] = matrix_to_axis_angle(turn)
    transl = turn @ place - pelvis
    person = Person(1, np.arange(60), pose=pose, betas=np.zeros((60, 10)), transl=transl)
    camera = studio_camera()
    path = CameraPath(turn, np.zeros((60, 3)), camera.intrinsics, kind="rotation")
    motion = Motion(TIMES, 1280, 720, (person,), camera=camera)
    known = filter_motion(motion.replace(data=path_data(path)), BODY).people[0]
    assert np.abs(np.einsum("fji,fj->fi", turn, known.transl + pelvis) - place).max() < 1e-6
    assert angle_between(known.pose[:, :3], pose[:, :3]).max() < 1e-6
    unknown = filter_motion(motion, BODY).people[0]
    assert np.abs(np.einsum("fji,fj->fi", turn, unknown.transl + pelvis) - place).max() > 0.02


def test_a_camera_that_turns_all_the_way_round_changes_nothing_of_how_a_body_is_smoothed():
    """There are no axes in which it is always before the camera."""
    rng = np.random.default_rng(3)
    turn = axis_angle_to_matrix(np.linspace(0, 2 * np.pi, 60)[:, None] * [0.0, 1.0, 0.0])
    root = np.array([0.0, 0.2, 4.0]) + 0.02 * rng.normal(size=(60, 3))
    options = FilterOptions(seconds=0.2)
    still = smooth_root(root, TIMES, options)
    turned = smooth_root(root, TIMES, options, turns=np.swapaxes(turn, -1, -2))
    shaking = [float(np.abs(np.diff(each[:, 2], 2)).mean()) for each in (turned, still)]
    assert shaking[0] < 1.5 * shaking[1]  # smoothed like a point, and not as a distance, it shakes 19 times as much
