"""The body's surface, thinned out to what can touch the ground: which part of a body is lowest, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from kinema.body.kinematics import Rig
from kinema.skeleton import SMPL24

if TYPE_CHECKING:
    from kinema.body.model import BodyModel

_SIDES = ("left", "right")
PARTS: dict[str, tuple[str, ...]] = {
    **{f"{side}_foot": (f"{side}_ankle", f"{side}_foot") for side in _SIDES},
    **{f"{side}_hand": (f"{side}_wrist", f"{side}_hand") for side in _SIDES},
    **{f"{side}_shin": (f"{side}_knee",) for side in _SIDES},
    **{f"{side}_forearm": (f"{side}_elbow",) for side in _SIDES},
    **{f"{side}_thigh": (f"{side}_hip",) for side in _SIDES},
    **{f"{side}_upper_arm": (f"{side}_collar", f"{side}_shoulder") for side in _SIDES},
    "seat": ("pelvis",),
    "trunk": ("spine1", "spine2", "spine3"),
    "head": ("neck", "head"),
}
"""Parts of the body, each with the joints whose skin it is."""

NAMES = tuple(PARTS)
FEET = 2
"""The first two parts are the feet."""

LIMBS = tuple(NAMES.index(f"{side}_{part}") for part in ("foot", "hand", "shin", "forearm") for side in _SIDES)
"""Parts that stand on the ground one by one, unlike the stiff trunk, of which one point or another touches it."""

_DIRECTIONS = np.array([d for d in product((-1, 0, 1), repeat=3) if any(d)], dtype=np.float64)
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Surface:
    """The outermost vertices of every part of a body of one shape: K points.

    rest (K,3) metres and joints (24,3): in the rest pose; weights (K,24): of the skinning; part (K,) int: index into
    `NAMES`; carrier (K,) int: the joint that moves a point most.
    """

    rest: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    part: np.ndarray
    carrier: np.ndarray

    @classmethod
    def of(cls, body: BodyModel, betas: np.ndarray) -> Surface:
        """The surface of `body` with shape `betas` (10,): of each joint's skin what lies farthest in 26 directions."""
        carrier = body.weights.argmax(axis=1)
        part_of = np.zeros(24, dtype=int)
        for number, names in enumerate(PARTS.values()):
            part_of[SMPL24.indices(names)] = number
        chosen: list[np.ndarray] = []
        for joint in range(24):
            own = np.flatnonzero(carrier == joint)
            if len(own):
                chosen.append(own[np.unique((body.v_template[own] @ _DIRECTIONS.T).argmax(axis=0))])
        rows = np.concatenate(chosen)
        return cls(
            rest=body.shaped(betas)[rows],
            joints=body.rest_joints(betas),
            weights=np.asarray(body.weights[rows], dtype=np.float64),
            part=part_of[carrier[rows]],
            carrier=carrier[rows],
        )

    def posed(self, rig: Rig, local: np.ndarray, root: np.ndarray) -> np.ndarray:
        """The points (F,K,3) float32 of a body with rotations (F,24,3,3) and pelvis (F,3), by linear blend skinning."""
        out = np.empty((len(root), len(self.rest), 3), dtype=np.float32)
        for start in range(0, len(root), _CHUNK):
            rows = slice(start, start + _CHUNK)
            rotation, position, _ = rig.forward(local[rows], root[rows])
            shift = position - np.squeeze(rotation @ self.joints[..., None], -1)
            transform = np.concatenate([rotation, shift[..., None]], axis=-1).reshape(-1, 24, 12)
            blended = (self.weights @ transform).reshape(-1, len(self.rest), 3, 4)
            out[rows] = np.einsum("fkab,kb->fka", blended[..., :3], self.rest) + blended[..., 3]
        return out

    def heights(self, rig: Rig, local: np.ndarray, root: np.ndarray, up: np.ndarray) -> np.ndarray:
        """The points' (F,K) place along `up` (3,), for less than `posed` takes."""
        rotation, position, _ = rig.forward(local, root)
        turned = up @ rotation  # (F,24,3)
        shift = position @ up - np.sum(turned * self.joints, axis=-1)
        blended = self.weights @ np.concatenate([turned, shift[..., None]], axis=-1)  # (F,K,4)
        return np.asarray(np.einsum("fka,ka->fk", blended[..., :3], self.rest) + blended[..., 3])

    def rig_with(self, rig: Rig, points: np.ndarray) -> Rig:
        """The rig with some of these points (E,) added to its own, each rigidly attached to its carrier."""
        carrier = self.carrier[points]
        return Rig(
            parents=rig.parents,
            offsets=rig.offsets,
            point_joint=np.concatenate([rig.point_joint, carrier]),
            point_offset=np.concatenate([rig.point_offset, self.rest[points] - self.joints[carrier]]),
            offsets_dbeta=rig.offsets_dbeta,
            point_offset_dbeta=np.concatenate([rig.point_offset_dbeta, np.zeros((len(points), 3, 10))]),
        )
