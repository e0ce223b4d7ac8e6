"""The points that NLF is asked for: a body's vertices and joints, placed in NLF's canonical body."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.formats.marker_fitting import fit_points, shape_of_points
from kinema.models.nlf.reading import DATA_FILE, checked_points, read_canonical_points, read_joint_set
from kinema.skeleton import NUM_BETAS, SMPL24
from kinema.storage.stored import StoredArray

_OWN_POSE = (
    "NLF's canonical body is taken to be the body model in its rest pose; with"
    f" {DATA_FILE} of the release (`nlf_data`) it is known"
)


MOST_POINTS = 1024
"""Further points at most: unlike surfaces they are part of the motion, 16 bytes a point and frame."""

_FILE = ".npy"


@dataclass(frozen=True, eq=False)
class CanonicalPoints:
    """vertices (V,3) and joints (24,3) of a body in NLF's canonical body, metres. notes: for the user. more (N,3): what
    else is looked for."""

    vertices: np.ndarray
    joints: np.ndarray
    notes: tuple[str, ...] = ()
    more: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))

    @property
    def all(self) -> np.ndarray:
        """(V+24+N,3)."""
        return np.concatenate([self.vertices, self.joints, self.more])


def further_points(wanted: str | None, data: Path | None) -> np.ndarray:
    """Points (N,3) of the canonical body, metres, that are looked for besides a body's; (0,3) for None.

    wanted: a `.npy` file of them, or the name of a joint set in `data`, `nlf_data_files.zip`. Raises InputError.
    """
    if wanted is None:
        return np.zeros((0, 3))
    if not wanted.endswith(_FILE):
        if data is None:
            raise InputError(
                f"`nlf_points` {wanted} is a joint set of {DATA_FILE}, which is not there; name it with `nlf_data`, or"
                " give a .npy file of points"
            )
        points = read_joint_set(data, wanted)
    else:
        points = checked_points(np.asarray(StoredArray(Path(wanted)).open()), wanted, "it")
    if len(points) > MOST_POINTS:
        raise InputError(f"{wanted} has {len(points)} points; give at most {MOST_POINTS}, or a body with `body_model`")
    return points


def canonical_points(body: BodyModel, data: Path | None) -> CanonicalPoints:
    """Those of a body. data: `nlf_data_files.zip`, which has SMPL's.

    An SMPL file's are the release's own. The free body is set into the pose of the release's joints, since it has
    vertices of its own. Without `data` the rest pose is used. Raises InputError.
    """
    zero = np.zeros(NUM_BETAS)
    if data is None:
        return CanonicalPoints(body.shaped(zero), body.rest_joints(zero), (_OWN_POSE,))
    vertices, joints = read_canonical_points(data)
    if joints.shape != (len(SMPL24), 3):
        raise InputError(f"{data}: canonical_joints/smpl.npy has {len(joints)} joints, SMPL has {len(SMPL24)}")
    if body.name != "free":
        if len(vertices) != body.num_vertices:
            raise InputError(
                f"{data} has {len(vertices)} vertices of SMPL, the body {body.name} {body.num_vertices}; give SMPL with"
                " `body_model`, or leave it out"
            )
        return CanonicalPoints(vertices, joints)
    names, points = SMPL24.joints, joints[None]
    betas, _ = shape_of_points(body, names, points)
    pose, transl, _ = fit_points(body, SMPL24.name, names, points, np.ones((1, 24), bool), betas, np.zeros(1))
    posed = body.vertices(pose, betas, transl, dtype=np.float64)[0]
    return CanonicalPoints(posed, body.joints(pose, betas, transl)[0])
