"""The free body's shape, and the rest of its trunk, that bring its joints nearest to those of a foreign skeleton.

Bone lengths alone leave shoulders, neck and head centimetres off: skeletons differ in where the collarbones begin, in
how the spine is bowed and in how the neck leans. So the shape is fitted together with small constant rotations of
spine, neck and collars, in SMPL's rest pose, where the limbs of both point the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.free import RestSkeleton
from kinema.body.kinematics import bone_offsets, forward_kinematics
from kinema.formats.report import Notes
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import NUM_BETAS, SMPL24

_STEPS = 40
"""Most steps of the fit; human skeletons take about ten."""

BENDS = {"spine1": 20.0, "spine2": 20.0, "spine3": 20.0, "neck": 30.0, "left_collar": 30.0, "right_collar": 30.0}
"""Joints of the trunk whose rest may differ, with the usual angle in degrees."""

_SPINE = ("spine1", "spine2", "spine3")

_LENGTHS = (
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right")
      for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"))),
    ("left_hip", "right_hip"),
)  # fmt: skip
"""Bones whose lengths the shape follows."""

_PLACES = ("left_shoulder", "right_shoulder", "neck", "head", "spine1", "spine2", "spine3")
"""Joints whose positions relative to the mid-hip the shape and the bends follow."""

_LENGTH_NOISE = {"knee": 0.003, "ankle": 0.003, "elbow": 0.01, "wrist": 0.01, "hip": 0.01, "foot": 0.03}
_PLACE_NOISE = {"shoulder": 0.008, "neck": 0.008, "head": 0.03, "spine1": 0.03, "spine2": 0.03, "spine3": 0.03}
"""Metres by which skeletons of one person differ: toe joints lie anywhere in the toes, spines have any joints."""

_SHAPE_RANGE = 3.0
"""Usual betas."""

_NOBODYS = 0.25
"""Metres by which no bone differs from a person's: longer and shorter ones hardly count."""

_OTHERWISE = 5.0
"""Positions off by more than this multiple of the usual difference belong to another joint, and hardly count."""


@dataclass(frozen=True, eq=False)
class Proportions:
    """betas (10,); bends (24,3,3): constant local rotations of SMPL's joints, the identity except in the trunk."""

    betas: np.ndarray
    bends: np.ndarray


def fitted_proportions(rest: np.ndarray, joints: dict[str, int], body: BodyModel, notes: Notes) -> Proportions:
    """The shape and bends for a skeleton. rest (J,3): its joints in SMPL's rest pose, metres; joints: by SMPL joint."""
    from scipy.optimize import least_squares  # here, since loading any motion file imports this module

    lengths = [(a, b) for a, b in _LENGTHS if a in joints and b in joints]
    first, last = (np.array(SMPL24.indices([bone[i] for bone in lengths])) for i in (0, 1))
    wanted = np.array([np.linalg.norm(rest[joints[b]] - rest[joints[a]]) for a, b in lengths])
    length_noise = np.array([_LENGTH_NOISE[b.rpartition("_")[2]] for _, b in lengths])
    places = [name for name in _PLACES if name in joints]
    rows, hips = SMPL24.indices(places), SMPL24.indices(["left_hip", "right_hip"])
    middle = rest[[joints["left_hip"], joints["right_hip"]]].mean(axis=0)
    targets = rest[[joints[name] for name in places]] - middle
    place_noise = np.array([_PLACE_NOISE[name.rpartition("_")[2]] for name in places])[:, None]
    any_joint = np.array([not name.endswith("shoulder") for name in places])[:, None]
    bent, usual = SMPL24.indices(list(BENDS)), np.radians(list(BENDS.values()))[:, None]
    shared = shared_spine(joints)
    # The bend of a spine joint that the file lacks is that of the next one it has.
    own = {name: next(n for n in _SPINE[_SPINE.index(name) :] if n not in shared) for name in shared}
    row = [list(BENDS).index(own.get(name, name)) for name in BENDS]

    def errors(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at_rest = body.rest_joints(values[:NUM_BETAS])
        local = np.tile(np.eye(3), (24, 1, 1))
        local[bent] = axis_angle_to_matrix(values[NUM_BETAS:].reshape(-1, 3)[row])
        posed = forward_kinematics(local, bone_offsets(at_rest, body.parents), body.parents, at_rest[0])[1]
        off = posed[rows] - posed[hips].mean(axis=0) - targets
        return np.linalg.norm(at_rest[last] - at_rest[first], axis=1) - wanted, off

    def residuals(values: np.ndarray) -> np.ndarray:
        stretched, off = errors(values)
        stretched = stretched / np.sqrt(1 + (stretched / _NOBODYS) ** 2)
        off = off / place_noise
        size = np.linalg.norm(off, axis=1, keepdims=True)
        off = np.where(any_joint, off / np.sqrt(1 + (size / _OTHERWISE) ** 2), off)
        bends = values[NUM_BETAS:].reshape(-1, 3) / usual
        return np.concatenate([stretched / length_noise, off.ravel(), values[:NUM_BETAS] / _SHAPE_RANGE, bends.ravel()])

    found = least_squares(residuals, np.zeros(NUM_BETAS + 3 * len(bent)), max_nfev=_STEPS).x
    stretched = errors(found)[0]
    worst = int(np.argmax(np.abs(stretched)))
    notes.add(
        f"the free body's shape follows the skeleton's bones (worst: {lengths[worst][0]} to {lengths[worst][1]},"
        f" {1000 * stretched[worst]:+.0f} mm)"
    )
    bends = np.tile(np.eye(3), (24, 1, 1))
    bends[bent] = axis_angle_to_matrix(found[NUM_BETAS:].reshape(-1, 3)[row])
    return Proportions(found[:NUM_BETAS], bends)


def shared_spine(joints: dict[str, int]) -> list[str]:
    """The joints of the spine that the file lacks below a chest that it has: they share the bend between the others."""
    return [name for name in _SPINE if name not in joints] if "spine3" in joints else []


def shape_of_offsets(positions: np.ndarray, body: BodyModel | RestSkeleton) -> np.ndarray | None:
    """(10,) betas whose rest joints are these (24,3), up to where they stand; None if no shape has them."""
    template = body.J_template - body.J_template[0]
    dirs = (body.J_shapedirs - body.J_shapedirs[0]).reshape(-1, NUM_BETAS)
    wanted = (positions - positions[0] - template).ravel()
    betas = np.linalg.lstsq(dirs, wanted, rcond=None)[0]
    return betas if np.max(np.abs(dirs @ betas - wanted)) <= 1e-3 else None
