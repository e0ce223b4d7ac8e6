"""Shadows and reflections: upside down on somebody's feet; people who meet in other ways are people."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.keypoints.source import Observation
from kinema.skeleton import BLAZEPOSE33, JointSet
from kinema.tracking.body_parts import body_parts
from kinema.tracking.shadows import is_shadow, without_shadows
from kinema.tracking.track import Track
from tests.helpers.walkers import PARTS, clothed, observe_at

HEIGHT = 400.0
SOLES = 0.85 * HEIGHT / 1.7
"""Pixels from the hips down to the ankles, about."""


def turned(seen: Observation, degrees: float, stretch: float = 1.0) -> Observation:
    """The body turned about the middle of its ankles, and stretched away from them."""
    ankles = seen.points[PARTS.ankles].mean(axis=0)
    c, s = stretch * np.cos(np.radians(degrees)), stretch * np.sin(np.radians(degrees))
    return dataclasses.replace(seen, points=(seen.points - ankles) @ np.array([[c, s], [-s, c]]) + ankles)


def moved(seen: Observation, x: float, y: float) -> Observation:
    return dataclasses.replace(seen, points=seen.points + [x, y])


@pytest.mark.parametrize("degrees", [180, 160, -150])
@pytest.mark.parametrize("stretch", [0.5, 1.0, 1.8])
def test_what_hangs_down_from_somebodys_feet_is_a_shadow(degrees, stretch):
    person = observe_at()
    shadow = turned(person, degrees, stretch)
    assert is_shadow(shadow, person, PARTS)
    assert is_shadow(moved(shadow, 20, 15), person, PARTS)
    assert not is_shadow(person, shadow, PARTS)


def test_people_who_meet_are_no_shadows():
    """Who stands beside or before somebody; does a handstand beside them, or on their shoulders; lies at their feet."""
    person = observe_at()
    assert not is_shadow(moved(person, 30, 5), person, PARTS)
    hands_down = turned(observe_at((330.0, 300.0 - 2 * SOLES)), 180)
    assert not is_shadow(hands_down, person, PARTS)
    assert not is_shadow(moved(hands_down, 0, -HEIGHT), person, PARTS)
    assert not is_shadow(turned(person, 90), person, PARTS)
    assert not is_shadow(turned(person, 180), turned(person, 170), PARTS)


def test_sets_without_ankles_have_no_shadows():
    upper = BLAZEPOSE33.joints[:25]
    joints = JointSet("upper", upper, ())
    person = observe_at()
    cut = dataclasses.replace(person, points=person.points[:25])
    assert not is_shadow(turned(person, 180), cut, body_parts(joints))


def track(number: int, seen: list[Observation]) -> Track:
    made = Track(number, 0, 0.0, seen[0], clothed(3))
    for frame, each in enumerate(seen[1:], start=1):
        made.add(frame, frame / 30, each, crowded=False)
    return made


@pytest.mark.parametrize(("share", "left"), [(1.0, 1), (0.6, 1), (0.3, 2)])
def test_a_track_that_is_mostly_a_shadow_is_left_out(share, left):
    """Whoever else is upside down on somebody's feet for a moment stays."""
    people = [observe_at((300.0 + 4 * frame, 300.0)) for frame in range(20)]
    shadows = [turned(each, 175) if frame < share * 20 else moved(each, 300, 0) for frame, each in enumerate(people)]
    kept = without_shadows([track(1, shadows), track(2, people)], PARTS)
    assert [each.number for each in kept] == [2, 1][:left] or [each.number for each in kept] == [1, 2][2 - left :]
