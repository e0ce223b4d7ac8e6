"""Refiners and the fit on a clip of two shots: what they make of it is what they make of each half."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.estimation import fit_body
from kinema.estimation.options import FitOptions
from kinema.motion import Motion
from kinema.person import join_people
from kinema.refinement import filter_motion
from kinema.refinement.options import FilterOptions, LandmarkOptions, StabilizeOptions
from kinema.refinement.people import _averaged
from kinema.refinement.stage import refine_landmarks, stabilize_motion
from kinema.synthetic import procedural_motion
from tests.helpers.fit_scenes import make_scene

FIELDS = ("pose", "transl", "joints", "keypoints3d", "pose_world", "transl_world", "joints_world")


@pytest.fixture(scope="module")
def body():
    return load_body()


def two_shots(body, cut: bool = True) -> tuple[Motion, list[Motion]]:
    """One person in two shots that have nothing to do with each other, and the shots alone."""
    halves = []
    for seed in (1, 5):
        half = procedural_motion(body, "demo", seed=seed, fps=30).slice(0, 1)
        person = half.people[0]
        noise = np.random.default_rng(seed).normal(0, 0.03, (len(person), 72))
        pose = person.pose + noise
        joints = body.joints(pose, person.betas, person.transl)
        halves.append(half.replace(people=(person.replace(pose=pose, joints=joints, data={}),), provenance=()))
    camera = halves[0].camera
    halves = [half.replace(camera=camera.replace(rotation=None, translation=None)) for half in halves]
    whole = Motion.concatenate(halves)
    return whole.replace(cuts=[halves[0].num_frames] if cut else []), halves


def landmarks(motion: Motion) -> Motion:
    people = (
        person.replace(keypoint3d_set="blazepose33", keypoints3d=np.repeat(person.joints[:, :1], 33, axis=1))
        for person in motion
    )
    return motion.replace(people=tuple(people))


@pytest.mark.parametrize(
    ("stage", "options", "prepared"),
    [
        *((filter_motion, FilterOptions(name), lambda m: m) for name in ("whittaker", "savgol", "oneeuro", "median")),
        (stabilize_motion, StabilizeOptions(), lambda m: m),
        (refine_landmarks, LandmarkOptions(), landmarks),
    ],
    ids=["whittaker", "savgol", "oneeuro", "median", "stabilize", "landmarks"],
)  # fmt: skip
def test_a_shot_is_refined_as_if_it_were_alone(body, stage, options, prepared):
    whole, halves = two_shots(body)
    found = stage(prepared(whole), body, options).people[0]
    alone = [stage(prepared(half), body, options).people[0] for half in halves]
    for name in (name for name in FIELDS if getattr(found, name) is not None):
        expected = np.concatenate([getattr(half, name) for half in alone])
        apart = np.abs(getattr(found, name) - expected)
        # The time at which a shot begins leaves rounding; axis-angles may differ by whole turns.
        assert np.minimum(apart, np.abs(apart - 2 * np.pi)).max() < 1e-6, name


def test_without_the_cut_the_filter_mixes_the_shots(body):
    whole, halves = two_shots(body, cut=False)
    found = filter_motion(whole, body).people[0].joints
    alone = np.concatenate([filter_motion(half, body).people[0].joints for half in halves])
    count = halves[0].num_frames
    assert np.linalg.norm(found - alone, axis=-1)[count - 3 : count + 3].mean() > 0.05


def test_figures_of_shots_are_averaged_over_their_frames():
    shots = [{"a": {"b": 1.0, "only": 5.0}, "kind": "x", "log": [1]}, {"a": {"b": 4.0}, "kind": "x", "log": [2]}]
    assert _averaged(shots, [10, 20]) == {"a": {"b": 3.0, "only": 5.0}, "kind": "x", "log": [1, 2]}


@pytest.mark.parametrize("prior", ["analytic", "learned"])
def test_the_fit_shares_the_shape_and_nothing_else(body, prior):
    shape = np.r_[1.5, -1.0, np.zeros(8)]
    first = make_scene(body, frames=30, betas=shape, pixel_noise=1.0, depth_noise=0.02, seed=1)
    second = make_scene(body, frames=30, betas=shape, pixel_noise=1.0, depth_noise=0.02, seed=2)
    far = second.seen.people[0]
    far = far.replace(frames=far.frames + 30, keypoints=far.keypoints + [60.0, 20.0])
    camera = first.seen.camera
    times = np.arange(60) / 30
    person = join_people(1, (first.seen.people[0], far))
    clip = Motion(times, first.seen.width, first.seen.height, people=(person,), camera=camera, cuts=[30])
    options = FitOptions(prior=prior, threads=1)
    whole = fit_body(clip, body, options).people[0]
    assert np.ptp(whole.betas, axis=0).max() == 0  # one shape in all shots
    other = clip.replace(people=(far.replace(id=1),), cuts=[])
    alone = fit_body(other, body, options).people[0]
    apart = np.linalg.norm(whole.joints[30:] - alone.joints, axis=-1)
    # Only the shape differs: by as much in the first frames after the cut as anywhere.
    assert apart[:6].mean() < 1.5 * apart.mean() + 1e-3
    rough = fit_body(clip.replace(cuts=[]), body, options).people[0]
    across = np.linalg.norm(rough.joints[30:] - alone.joints, axis=-1)
    assert across[:6].mean() > apart[:6].mean() + 0.01


@pytest.mark.parametrize("pause", [1.0, 60.0, 1e6])
@pytest.mark.parametrize("prior", ["analytic", "learned"])
def test_a_pause_changes_nothing_on_either_side(body, pause, prior):
    scene = make_scene(body, frames=40, pixel_noise=1.0, depth_noise=0.02)
    late = scene.seen.times + np.where(np.arange(40) >= 20, pause, 0.0)
    options = FitOptions(prior=prior, threads=1)
    found = fit_body(scene.seen.replace(times=late), body, options)
    far = fit_body(scene.seen.replace(times=scene.seen.times + np.where(np.arange(40) >= 20, 7.0, 0.0)), body, options)
    assert np.abs(found.people[0].joints - far.people[0].joints).max() < 0.02
    smooth = filter_motion(found, body).people[0]
    for half in (slice(0, 20), slice(20, 40)):
        rows = np.arange(40)[half]
        part = found.people[0].select(rows).replace(frames=np.arange(20))
        alone = filter_motion(found.replace(times=scene.seen.times[:20], people=(part,)), body).people[0]
        assert np.abs(smooth.joints[half] - alone.joints).max() < 1e-6
