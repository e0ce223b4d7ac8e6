"""Segment lengths and girths of real people, and MakeHuman bodies that have them.

MakeHuman's people were modelled by eye. Their arms are a tenth too short (from tip to tip they span 0.99 of their
height, real people 1.02 to 1.03), women's forearms most of all, and they are slim (a body mass index of 20.7, people's
is 24.6). Its targets for single measures correct that, and give every segment the spread that it has among people of
one height, which the macro parameters alone do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from free_body.makehuman import NUM_SKIN, MakeHuman
from free_body.rig import joints_of

from kinema.skeleton import SMPL24

ROUNDS = 4
"""Lengths are fractions of the stature, which legs and trunk change: each round leaves a tenth of the error."""


@dataclass(frozen=True)
class Segment:
    """A length between joint centres, as a fraction of stature, and what changes it.

    start, end: names of joints, or of the midpoint of a pair ("hips", "shoulders"). target: the MakeHuman measure, less
    its ending -incr or -decr. female, male: means; spread: standard deviation among people of one sex.
    """

    start: str
    end: str
    target: str
    female: float
    male: float
    spread: float


SEGMENTS = (
    Segment("left_shoulder", "left_elbow", "arms/measure-upperarm-length", 0.162, 0.164, 0.0055),
    Segment("left_elbow", "left_wrist", "arms/measure-lowerarm-length", 0.1485, 0.1535, 0.0050),
    Segment("left_hip", "left_knee", "legs/measure-upperleg-height", 0.234, 0.240, 0.0070),
    Segment("left_knee", "left_ankle", "legs/measure-lowerleg-height", 0.2455, 0.2525, 0.0065),
    Segment("hips", "shoulders", "torso/measure-napetowaist-dist", 0.285, 0.285, 0.0085),
    Segment("left_hip", "right_hip", "hip/hip-scale-horiz", 0.112, 0.106, 0.0060),
    Segment("left_shoulder", "right_shoulder", "torso/measure-shoulder-dist", 0.200, 0.207, 0.0080),
)
"""Between joint centres, of adults standing with the arms down; tools/README.md says where the numbers are from."""

GIRTHS = {
    "torso/measure-waist-circ-incr": 0.8,
    "torso/measure-underbust-circ-incr": 0.4,
    "legs/measure-thigh-circ-incr": 0.5,
    "legs/measure-calf-circ-incr": 0.2,
    "arms/measure-upperarm-circ-incr": 0.4,
    "arms/l-lowerarm-fat-incr": 0.7,
    "arms/r-lowerarm-fat-incr": 0.7,
}
"""Weights of targets that give MakeHuman's average person the girths of ANSUR's, as fractions of the stature."""

GIRTH_SPREAD = 0.5
"""Standard deviation of the factor on all of `GIRTHS` among people, whose mean is 1."""


def sampled_girth(rng: np.random.Generator) -> float:
    """The factor on `GIRTHS` of one person."""
    return float(1 + GIRTH_SPREAD * np.clip(rng.standard_normal(), -2.0, 3.0))


def with_girth(data: MakeHuman, shape: np.ndarray, factor: float) -> np.ndarray:
    """The shape (NUM_VERTICES,3) with a factor on `GIRTHS`."""
    return shape + sum(factor * weight * data.target(name) for name, weight in GIRTHS.items())


def sampled_lengths(male: bool, rng: np.random.Generator) -> np.ndarray:
    """(S,) fractions of stature of one person."""
    mean = np.array([s.male if male else s.female for s in SEGMENTS])
    spread = np.array([s.spread for s in SEGMENTS])
    return np.asarray(mean + spread * np.clip(rng.standard_normal(len(SEGMENTS)), -2.5, 2.5))


def lengths_of(data: MakeHuman, shape: np.ndarray) -> np.ndarray:
    """(S,) metres of a shape (NUM_VERTICES,3)."""
    joints = joints_of(data, shape)
    return np.array([np.linalg.norm(_place(s.end, joints) - _place(s.start, joints)) for s in SEGMENTS])


def with_lengths(data: MakeHuman, shape: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """The shape (NUM_VERTICES,3) with these segment lengths (S,), fractions of the stature that it then has."""
    before, base = lengths_of(data, shape), shape
    gains = np.array([[abs(lengths_of(data, base + _change(data, s, w)) - before)[k] for w in (-1.0, 1.0)]
                      for k, s in enumerate(SEGMENTS)])  # fmt: skip
    weights = np.zeros(len(SEGMENTS))
    for _ in range(ROUNDS):
        lack = fractions * np.ptp(shape[:NUM_SKIN, 1]) - lengths_of(data, shape)
        now = np.where(weights > 0, gains[:, 1], gains[:, 0]) * weights + lack
        weights = now / np.where(now > 0, gains[:, 1], gains[:, 0])
        shape = base + sum(_change(data, s, w) for s, w in zip(SEGMENTS, weights, strict=True))
    return shape


def _change(data: MakeHuman, segment: Segment, weight: float) -> np.ndarray:
    """The offsets (NUM_VERTICES,3) of a measure at a weight of -1 (shortest), 1 (longest), or beyond."""
    return abs(weight) * data.target(f"{segment.target}-{'incr' if weight > 0 else 'decr'}")


def _place(name: str, joints: np.ndarray) -> np.ndarray:
    """The position (3,) of a joint, or of the midpoint of "hips" or "shoulders"."""
    if name in SMPL24:
        return np.asarray(joints[SMPL24.index(name)])
    return np.asarray(joints[SMPL24.indices([f"{side}_{name[:-1]}" for side in ("left", "right")])].mean(axis=0))
