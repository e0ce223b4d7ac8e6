"""Transfers a person's movement to the average body that another program poses, with its feet on the same floor.

AMASS files and GVHMR's hold a shape in SMPL-X's own shape space. A person who was fitted with another body has no shape
there, so readers pose their average body instead, whose legs are shorter or longer. With the person's own pelvis its
soles would be centimetres above or below the floor, and its feet would slide. Therefore the trajectory is scaled:

- by the ratio of the two bodies' legs (pelvis to sole, standing), upwards from the floor and sideways from the place at
  which the person enters, so that everybody starts where they did; a jump is higher by that ratio, a step longer;
- then shifted, usually by millimetres, so that the lowest points of the feet are exactly as high above the floor and as
far along it as the scaled ones: thigh, shin and foot do not have the same ratio.

Poses are unchanged. A person who sits or lies keeps contact with the floor as far as the bodies are similar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.foreign import REST_PELVIS
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS

if TYPE_CHECKING:
    from kinema.body import BodyModel

SIDES = ((1, 4, 7, 10), (2, 5, 8, 11))
"""Hip, knee, ankle and foot of each leg in SMPL's order of joints."""

HEEL, TIP = 0.25, 0.6
"""Extent of a sole behind the ankle and in front of the ball of the foot, as a fraction of their distance."""

SETTLED = 0.05
"""Metres: of points whose heights differ by more than this, the lower one decides where along the floor the body is."""

ROUNDED = 0.005
"""Metres over which one point takes over from another as the lowest."""

CHUNK = 4096
"""Frames processed at once."""


@dataclass(frozen=True, eq=False)
class Legs:
    """A body's legs at rest, metres, relative to the pelvis: y up, facing +z.

    joints (2,4,3): hip, knee, ankle, foot of the left and the right leg. depth: of the soles below the pelvis.
    """

    joints: np.ndarray
    depth: float

    def soles(self, pose: np.ndarray) -> np.ndarray:
        """(n,6,3) heel, ball and tip of both soles relative to the pelvis, for `pose` (n,72), in the root's frame."""
        turns = axis_angle_to_matrix(np.asarray(pose, dtype=np.float64).reshape(len(pose), 24, 3)[:, :12])
        points = []
        for leg, chain in zip(self.joints, SIDES, strict=True):
            hip, knee, ankle, foot = leg
            length = np.linalg.norm((foot - ankle)[[0, 2]])
            at, turn = turns[:, 0] @ hip, turns[:, 0]
            for joint, bone in zip(chain, (knee - hip, ankle - knee), strict=False):
                turn = turn @ turns[:, joint]
                at = at + turn @ bone
            turn = turn @ turns[:, chain[2]]
            ball = at + turn @ (foot - ankle)
            toes = turn @ turns[:, chain[3]]
            points.append(at + turn @ np.array([0.0, -self.depth - ankle[1], -HEEL * length]))
            points.append(ball + turn @ np.array([0.0, -self.depth - foot[1], 0.0]))
            points.append(ball + toes @ np.array([0.0, -self.depth - foot[1], TIP * length]))
        return np.stack(points, axis=1)


def _average(name: str, left: list[float], right: list[float], *, sole: float) -> Legs:
    """From positions in the model's own frame: hip, knee, ankle, foot (x, y, z each) of both legs; the soles' y."""
    pelvis = REST_PELVIS[name]
    return Legs(np.array([left, right]).reshape(2, 4, 3) - pelvis, float(pelvis[1] - sole))


AVERAGE_LEGS = {
    "smpl": _average(
        "smpl",
        [0.0565, -0.3231, 0.0109, 0.0999, -0.7097, 0.0189, 0.0852, -1.1366, -0.0185, 0.1263, -1.1969, 0.1035],
        [-0.0625, -0.3313, 0.0150, -0.1058, -0.7151, 0.0102, -0.0868, -1.1351, -0.0243, -0.1218, -1.1977, 0.1060],
        sole=-1.213,
    ),
    "smplh": _average(
        "smplh",
        [0.0677, -0.3147, 0.0214, 0.1020, -0.6899, 0.0169, 0.0884, -1.0879, -0.0268, 0.1148, -1.1437, 0.0925],
        [-0.0695, -0.3138, 0.0239, -0.1078, -0.6964, 0.0150, -0.0920, -1.0948, -0.0273, -0.1174, -1.1430, 0.0961],
        sole=-1.159,
    ),
    "smplx": _average(
        "smplx",
        [0.0613, -0.4442, -0.0140, 0.1160, -0.8229, -0.0234, 0.0726, -1.2260, -0.0552, 0.1198, -1.2840, 0.0630],
        [-0.0601, -0.4553, -0.0092, -0.1044, -0.8177, -0.0260, -0.0889, -1.2284, -0.0462, -0.1277, -1.2868, 0.0728],
        sole=-1.301,
    ),
}
"""The neutral bodies of average shape, in metres from the model's origin; like `REST_PELVIS`, lengths and no mesh.

Joints: SMPL's are those of a result of ROMP, which holds joints and vertices of a body of almost zero betas, with its
pose taken back; SMPL-H's are the bones of the humanoid that PHC and ProtoMotions simulate; SMPL-X's are the rest joints
that LeRobot (Apache-2.0) publishes. Soles: ROMP's lowest vertices lie 15.5 mm below the foot joints, along the whole
sole within 2 mm; the other two bodies' soles are assumed equally far below theirs, accurate to half a centimetre.
"""


def legs_of(body: BodyModel, betas: np.ndarray) -> Legs:
    """The legs of a body of shape `betas` (10,)."""
    rest = body.rest_joints(betas)
    return Legs(rest[np.array(SIDES)] - rest[0], float(rest[0, 1] - body.shaped(betas)[:, 1].min()))


def family(motion: Motion) -> str | None:
    """The shape space of a motion's betas: a key of `AVERAGE_LEGS`, or None for the free body."""
    if motion.body_model in (None, "free"):
        return None
    return motion.body_model if motion.body_model in AVERAGE_LEGS else "smpl"  # else a file's name, which is SMPL's


def rest_pelvis(motion: Motion, person: Person, body: BodyModel | None) -> np.ndarray:
    """(3,) or (F,3): position of the pelvis of the person's body at rest, relative to the model's origin."""
    from kinema.body.loading import body_of  # loading any motion file imports this module

    body = body_of(motion, body)
    if body is not None and person.betas is not None:
        return body.rest_joints(person.betas)[:, 0]
    return REST_PELVIS[family(motion) or "smpl"]


def own_legs(motion: Motion, person: Person, body: BodyModel | None) -> Legs:
    """The legs of the person's own body, of its median shape; average ones if that body is not available."""
    from kinema.body.loading import body_of

    body = body_of(motion, body)
    if body is None:
        return AVERAGE_LEGS[family(motion) or "smpl"]
    return legs_of(body, np.zeros(NUM_BETAS) if person.betas is None else np.median(person.betas, axis=0))


def carried_over(
    pose: np.ndarray, pelvis: np.ndarray, own: Legs, reader: Legs, *, about: np.ndarray | None = None
) -> np.ndarray:
    """The pelvis (n,3) of the reader's body for a person with `pose` (n,72) and `pelvis` (n,3), y up.

    about (3,): the point about which the trajectory is scaled; by default the floor (y = 0) below the first pelvis,
    which then stays above it.
    """
    if own is reader or not len(pelvis):
        return pelvis
    start_at = pelvis[0] * [1, 0, 1]
    ratio = reader.depth / own.depth
    centre = start_at if about is None else about
    placed = centre + ratio * (pelvis - centre)
    for start in range(0, len(pelvis), CHUNK):
        rows = slice(start, start + CHUNK)
        mine, theirs = own.soles(pose[rows]), reader.soles(pose[rows])
        heights = mine[..., 1] - mine[..., 1].min(axis=1, keepdims=True)
        weights = np.exp(-((heights / SETTLED) ** 2))
        weights /= weights.sum(axis=1, keepdims=True)
        placed[rows] += (weights[..., None] * (ratio * mine - theirs)).sum(axis=1) * [1, 0, 1]
        placed[rows, 1] += _lowest(ratio * mine[..., 1]) - _lowest(theirs[..., 1])
    if about is None:
        placed += start_at - placed[0] * [1, 0, 1]
    return np.asarray(placed)


def _lowest(heights: np.ndarray) -> np.ndarray:
    """(n,) the lowest of the heights (n,P), smoothed where two of them change order."""
    least = heights.min(axis=1)
    return np.asarray(least - ROUNDED * np.log(np.exp((least[:, None] - heights) / ROUNDED).sum(axis=1)))
