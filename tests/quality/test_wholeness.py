"""Hands, lamps and legs are no whole people; people, whatever they do, are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.stages import LEFT_OUT, settle
from kinema.quality import validate_motion
from kinema.quality.wholeness import wholeness, wholeness_problems
from kinema.skeleton import BLAZEPOSE33, FUSED59, HALPE26, JOINT_SETS
from tests.helpers.walkers import image_of, walker

FRAMES, FPS = 60, 30.0
SIZE = (1280, 720)
LEGS = BLAZEPOSE33.indices(
    [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "heel", "big_toe")]
)


def clip(
    *, misfit=0.012, confidence=0.95, flicker=0.0, speed=0.0, height=400.0, seed=0, fps=FPS, scale=1.0, lying=False
) -> tuple[Motion, Person]:
    """One person who walks in place, or with `speed` heights a second, and a fit that is off by `misfit` heights.

    lying: turned by 90 degrees in the picture.

    flicker: standard deviation, heights, by which every keypoint jumps from frame to frame.
    """
    times = np.arange(FRAMES) / fps
    points = image_of(walker(times), height=height, hips=(500.0, 360.0))
    if lying:
        points = (points - [500.0, 360.0]) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + [500.0, 360.0]
    points = points + np.random.default_rng(seed).normal(0, flicker * height, points.shape)
    points[..., 0] += speed * height * times[:, None]
    points = points * scale
    low, high = points.min(axis=1), points.max(axis=1)
    tall = (high - low).max(axis=1)
    person = Person(
        2,
        np.arange(FRAMES),
        boxes=np.concatenate([low, high], axis=1),
        keypoint_set="blazepose33",
        keypoints=points,
        keypoint_confidence=np.broadcast_to(confidence, points.shape[:2]),
        reprojection_error=misfit * tall,
        pose=np.zeros((FRAMES, 72)),
    )
    return Motion(times, *(round(scale * s) for s in SIZE), people=(person,)), person


def reasons(**about) -> set[str]:
    return {problem.measure for problem in wholeness_problems(*clip(**about))}


@given(st.floats(0.003, 0.029), st.floats(0.6, 1.0), st.floats(0.0, 1.5), st.floats(0.0, 0.02), st.floats(80.0, 600.0))
def test_people_whose_body_fits_are_whole_however_they_move(misfit, confidence, speed, flicker, height):
    motion, person = clip(misfit=misfit, confidence=confidence, speed=speed, flicker=flicker, height=height)
    assert wholeness_problems(motion, person) == []
    assert not wholeness(motion, person).is_nobody


@pytest.mark.parametrize("fps", [60.0, 120.0, 240.0])
def test_noise_is_no_flicker_at_a_higher_frame_rate(fps):
    """The same noise in every frame, at more frames a second, is as much movement between two moments."""
    about = {"misfit": 0.04, "confidence": 0.85, "flicker": 0.008, "height": 90.0}
    slow, fast = (wholeness(*clip(fps=rate, **about)) for rate in (FPS, fps))
    assert not slow.flickers
    assert not fast.flickers
    assert fast.speed == pytest.approx(slow.speed, rel=0.15)


@pytest.mark.parametrize(
    ("about", "left_out"),
    [
        ({"misfit": 0.24}, True),  # a hand
        ({"misfit": 0.12, "confidence": 0.7}, True),
        ({"misfit": 0.045, "confidence": 0.55}, True),
        ({"misfit": 0.06, "confidence": 0.75, "flicker": 0.02, "height": 90.0}, True),  # a camera below the ceiling
        ({"misfit": 0.06, "confidence": 0.75, "flicker": 0.02, "height": 500.0}, True),
        ({"misfit": 0.06, "confidence": 0.75}, True),  # a cart with hurdles
        ({"misfit": 0.06, "confidence": 0.9}, False),  # too clear to be a thing
        ({"misfit": 0.03, "confidence": 0.8, "lying": True}, True),
        ({"misfit": 0.02, "confidence": 0.6, "lying": True}, True),
        ({"misfit": 0.075, "confidence": 0.79, "flicker": 0.02, "speed": 0.3}, False),  # one who spins on the floor
    ],
)
def test_who_does_not_match_the_picture_never_passes(about, left_out):
    motion, person = clip(**about)
    assert wholeness(motion, person).is_nobody == left_out
    (problem,) = wholeness_problems(motion, person)
    assert problem.severe
    assert problem.value == pytest.approx(about["misfit"], rel=1e-6)
    assert f"{100 * about['misfit']:.2g} % of the height" in problem.sentence
    notes: list[str] = []
    kept = settle(motion, notes)
    assert len(kept.people) == (0 if left_out else 1)
    assert len(notes) == 1
    assert notes[0].startswith(LEFT_OUT) == left_out
    assert "person 2" in notes[0]


@pytest.mark.parametrize("about", [{"confidence": 0.9}, {"misfit": 0.02, "confidence": 0.75}, {"speed": 0.2}])
def test_somebody_who_lies_is_a_person(about):
    assert not wholeness(*clip(lying=True, **about)).is_nobody


def test_keep_all_keeps_everything():
    motion, _ = clip(misfit=0.24)
    notes: list[str] = []
    assert len(settle(motion, notes, things=False).people) == 1
    assert not notes[0].startswith(LEFT_OUT)


@given(st.floats(0.2, 4.0), st.floats(0.0, 0.05), st.floats(0.0, 0.2))
def test_the_size_of_the_picture_does_not_matter(scale, flicker, misfit):
    one, other = (wholeness(*clip(flicker=flicker, misfit=misfit, scale=s)) for s in (1.0, scale))
    for name in ("misfit", "confidence", "speed", "spread"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("about", [{"misfit": 0.06, "confidence": 0.75}, {"flicker": 0.02}, {"lying": True}])
def test_two_networks_together_are_judged_by_the_points_that_blazepose_sees_itself(about):
    motion, person = clip(**about)
    halpe = np.zeros((len(person), len(HALPE26), 2))  # of another network, which may see anything
    both = person.replace(
        keypoint_set=FUSED59.name,
        keypoints=np.concatenate([halpe, person.keypoints], axis=1),
        keypoint_confidence=np.concatenate([np.full(halpe.shape[:2], 0.3), person.keypoint_confidence], axis=1),
    )
    one, other = wholeness(motion, person), wholeness(motion, both)
    for name in ("misfit", "confidence", "speed", "spread", "upright", "size"):
        assert getattr(other, name) == getattr(one, name)
    assert other.is_nobody == one.is_nobody


def test_legs_alone_are_said():
    confidence = np.full(33, 0.03)
    confidence[LEGS] = 0.9
    assert "legs_only" in reasons(confidence=confidence)
    assert "legs_only" not in reasons()
    confidence[:] = 0.9
    confidence[LEGS] = 0.03
    assert reasons(confidence=confidence) == set()  # an upper body alone is an ordinary picture


@pytest.mark.parametrize("name", ["coco17", "halpe26", "openpose25", "h36m17"])
def test_legs_alone_are_said_of_any_joint_set(name):
    motion, person = clip()
    joints = JOINT_SETS[name]
    legs = [k for k, joint in enumerate(joints.joints) if joint.endswith(("knee", "ankle"))]
    points = np.ones((FRAMES, len(joints), 2)) * 300
    confidence = np.full((FRAMES, len(joints)), 0.05)
    confidence[:, legs] = 0.8
    person = person.replace(keypoint_set=name, keypoints=points, keypoint_confidence=confidence)
    assert "legs_only" in {problem.measure for problem in wholeness_problems(motion, person)}
    whole = person.replace(keypoint_confidence=np.full((FRAMES, len(joints)), 0.8))
    assert wholeness_problems(motion, whole) == []


def test_the_validator_reports_it_as_a_severe_problem_of_the_person():
    motion, _ = clip(misfit=0.08)
    report = validate_motion(motion, checks=("quality",))
    assert report.verdict != "PASS"
    assert [p.person for p in report.all_problems() if p.measure == "misfit"] == [2]


def test_frames_that_were_filled_in_do_not_count():
    motion, person = clip(misfit=0.01)
    error = np.array(person.reprojection_error)
    error[20:] *= 50
    observed = np.arange(FRAMES) < 20
    filled = person.replace(reprojection_error=error, observed=observed)
    assert wholeness_problems(motion.replace(people=(filled,)), filled) == []


def test_what_was_never_measured_is_no_reason():
    assert wholeness_problems(Motion(np.arange(3) / 30, 0, 0), Person(1, np.arange(3))) == []
    motion, person = clip()
    bare = person.replace(reprojection_error=np.full(FRAMES, np.nan), keypoint_confidence=None)
    assert wholeness_problems(motion, bare) == []
