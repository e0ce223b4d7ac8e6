"""How tall a jumper is, by how fast they fall."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.sizes import BODY_HEIGHT, stature
from kinema.motion import Motion
from kinema.stage import Context
from kinema.synthetic import person_in_view, studio_camera
from kinema.world import WorldOptions, place_in_world
from kinema.world.flight import GRAVITY
from tests.helpers.monocular import blank

CAMERA = studio_camera(position=(0.0, 1.2, 4.5), pitch=0.08)
RATE = 30.0
SWAY = 0.004
"""Metres: error of the fitted position, new in every frame."""


def fitted_jumper(body, *, true: float, flights: int = 1, seconds: float = 0.6, gravity: float = GRAVITY, **about):
    """Somebody `true` metres tall who stands, jumps some times for some seconds and lands, as fitted like an adult of
    average height. gravity: m/s2, of the true movement; about: changes of what is said of the height."""
    times = np.arange(0.0, 1.0 + flights * (seconds + 0.7), 1 / RATE)
    height = np.zeros_like(times)
    for number in range(flights):
        since = times - 0.8 - number * (seconds + 0.7)
        height = np.maximum(height, 0.5 * gravity * since * (seconds - since))
    return before_camera(body, times, height, true, **about)


def before_camera(body, times, height, true, **about):
    """Somebody who stands upright with hanging arms, `height` (F,) metres above the ground."""
    betas, rng = np.zeros(10), np.random.default_rng(3)
    fitted = stature(body, betas) / true * height
    pose = np.zeros((len(times), 24, 3))
    pose[:, 16, 2], pose[:, 17, 2] = -1.3, 1.3
    pose = pose.reshape(-1, 72)
    transl = np.zeros((len(times), 3))
    transl[:, 1] = fitted - body.posed_points("contacts", pose[:1], betas, transl[:1])[..., 1].min()
    person = person_in_view(body, CAMERA, 1, pose, betas, transl)
    motion = blank(Motion(times, CAMERA.width, CAMERA.height, people=(person,), camera=CAMERA, body_model=body.name))
    person = motion.people[0]
    sway = rng.normal(0, SWAY, person.transl.shape)
    height = {"metres": stature(body, betas), "source": "assumed", "uncertainty": 0.09, **about}
    joints = person.joints + sway[:, None]
    person = person.replace(transl=person.transl + sway, joints=joints, data={**person.data, BODY_HEIGHT: height})
    return motion.replace(people=(person,))


def placed(motion, body):
    context = Context(body)
    person = place_in_world(motion, body, WorldOptions(), context=context).people[0]
    return person, person.data[BODY_HEIGHT], context


@pytest.mark.parametrize("true", [1.5, 1.6, 1.8, 1.95])
def test_a_jump_tells_how_tall_an_adult_is(body, true):
    motion = fitted_jumper(body, true=true)
    person, height, context = placed(motion, body)
    assert height["source"] == "estimated"
    assert height["uncertainty"] < 0.08  # of 0.09 before
    assert stature(body, person.betas[0]) == pytest.approx(height["metres"], abs=0.002)
    # Between what is measured (a 4 cm error of one jump) and the average, which weighs a little more than one jump.
    assert abs(height["metres"] - true) < 0.6 * abs(stature(body, np.zeros(10)) - true) + 0.02
    assert [note for note in context.notes if "by how fast they fall in 1 jump" in note]
    assert context.facts["flights"]["1"]["count"] == 1
    # The image is kept.
    before, after = (each.joints[..., :2] / each.joints[..., 2:] for each in (motion.people[0], person))
    assert np.median(np.abs(before - after)) < 0.004


def test_more_jumps_tell_more(body):
    sigmas = [
        placed(fitted_jumper(body, true=1.6, flights=flights, seconds=0.5), body)[1]["uncertainty"]
        for flights in (1, 3)
    ]
    assert sigmas[1] < 0.93 * sigmas[0]


@pytest.mark.parametrize("true", [1.0, 1.2])
def test_a_child_who_jumps_alone_is_recognised(body, true):
    person, height, _ = placed(fitted_jumper(body, true=true, flights=2, seconds=0.45), body)
    assert height["metres"] == pytest.approx(true, rel=0.08)
    assert stature(body, person.betas[0]) == pytest.approx(height["metres"], abs=0.002)


def not_flying(body):
    times = np.arange(0.0, 3.0, 1 / RATE)
    yield "lifted by somebody", before_camera(body, times, 0.25 * (1 - np.cos(2 * np.pi * times / 1.5)), 1.69)
    yield "hanging", before_camera(body, times, 0.4 * ((times > 0.7) & (times < 2.2)), 1.69)
    yield "in slow motion", fitted_jumper(body, true=1.69, seconds=1.2, gravity=GRAVITY / 4)
    yield "a short hop", fitted_jumper(body, true=1.69, seconds=0.3)
    yield "given", fitted_jumper(body, true=1.5, source="given", uncertainty=0.003)


def test_what_is_no_clear_flight_changes_nothing(body):
    for what, motion in not_flying(body):
        person, height, context = placed(motion, body)
        assert np.array_equal(person.betas, motion.people[0].betas), what
        assert height == motion.people[0].data[BODY_HEIGHT], what
        assert "flights" not in context.facts, what


def test_a_leap_with_swinging_legs_is_left_out(body):
    """Where the pelvis falls otherwise than the centre of mass, the legs decide, whose masses are not known well."""
    still = fitted_jumper(body, true=1.6)
    person = still.people[0]
    pose = person.pose.reshape(-1, 24, 3).copy()
    swing = np.clip(np.sin(np.pi * (still.times - 0.8) / 0.6), 0, None) * (np.abs(still.times - 1.1) < 0.3)
    pose[:, 1, 0], pose[:, 2, 0] = -1.5 * swing, -1.5 * swing
    pose = pose.reshape(-1, 72)
    leaping = person.replace(pose=pose, joints=body.joints(pose, person.betas, person.transl))
    assert placed(still, body)[1]["source"] == "estimated"
    assert placed(still.replace(people=(leaping,)), body)[1]["source"] == "assumed"
