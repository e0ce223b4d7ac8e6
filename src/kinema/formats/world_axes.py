"""The vertical axis of a file that does not state it: AMASS is z-up, but others write y-up worlds under its keys.

People are upright most of the time, so the trunk decides. If it points along y for most of a clip, the person stands in
a y-up world or lies in a z-up one: a standing person has the soles on the floor, or travels; a lying person is between
the floor and the height of a table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.formats.foreign import ZUP_FROM_YUP
from kinema.formats.reader_body import Legs
from kinema.geometry.rotations import axis_angle_to_matrix, turned_root

UPRIGHT = 0.7
"""Cosine of the trunk's angle to an axis below which it does not lie along it."""

ON_FLOOR = 0.25
"""Metres: height of the lowest sole of a person who stands on a floor at 0, with unknown body shape."""

TRAVEL = 0.6
"""Metres: people move less than this upwards, and more along the floor if they travel."""

RESTING = (0.03, 1.0)
"""Metres: height of the pelvis of a person who lies on a floor at 0, on a bed or a table."""

AHEAD = 1.0
"""Smallest distance of people in front of the camera, metres."""


@dataclass(frozen=True)
class World:
    """up: the axis that points up, "z", "y" or "-y" (the camera's frame). metres: a unit of the translation."""

    up: str
    metres: float = 1.0


def world_of(pose: np.ndarray, trans: np.ndarray, rest: np.ndarray, legs: Legs) -> World:
    """The world of pose (n,72) and trans (n,3); rest (3,): the pelvis of the body at rest, legs: its legs.

    z-up and metres by default.
    """
    if not len(pose):
        return World("z")
    for metres in (1.0, 0.01, 0.001):
        pelvis = metres * trans + rest
        up = _up(pose, trans, pelvis, legs)
        if metres == 1.0:
            first = up
            if not _is_far(trans):
                return World(up)
        elif abs(_lowest_sole(pose, pelvis, legs, up)) < ON_FLOOR and up != "-y":
            return World(up, metres)
    return World(first)


def _is_far(trans: np.ndarray) -> bool:
    """Whether the translation is larger than a room in metres, so that it may be in a smaller unit."""
    return bool(np.median(np.abs(trans).max(axis=1)) > 20)


def _up(pose: np.ndarray, trans: np.ndarray, pelvis: np.ndarray, legs: Legs) -> str:
    root = axis_angle_to_matrix(pose[:, :3])
    trunk, front = np.median(root[:, :, 1], axis=0), np.median(np.abs(root[:, :, 2]), axis=0)
    place = np.median(pelvis, axis=0)
    if abs(trunk[0]) >= UPRIGHT and front[1] >= UPRIGHT:  # on the belly or the back; in a z-up world on the side
        return "y" if _rests(place[1]) and not _rests(place[2]) else "z"
    if abs(trunk[2]) >= abs(trunk[1]):
        return "z"
    if trunk[1] <= -UPRIGHT and (place[2] > AHEAD or not np.any(trans)):
        return "-y"
    if trunk[1] < UPRIGHT:
        return "z"
    stands = abs(_lowest_sole(pose, pelvis, legs, "y")) < ON_FLOOR
    goes = np.ptp(pelvis[:, 2]) > TRAVEL > np.ptp(pelvis[:, 1])  # a lying person is not lifted that far
    return "y" if stands or goes or not _rests(place[2]) or not np.any(trans) else "z"


def _rests(height: float) -> bool:
    """Whether a person whose pelvis is at this height above a floor at 0 may be lying there."""
    return RESTING[0] < height < RESTING[1]


def _lowest_sole(pose: np.ndarray, pelvis: np.ndarray, legs: Legs, up: str) -> float:
    """Height of the lowest sole of most of the clip, metres, in a world in which `up` points up."""
    rows = slice(None, None, max(1, len(pose) // 500))
    some = pose[rows]
    heights = pelvis[rows, 1]
    if up == "z":
        some = turned_root(some, ZUP_FROM_YUP.T)
        heights = pelvis[rows, 2]
    return float(np.percentile(heights + legs.soles(some)[..., 1].min(axis=1), 20))
