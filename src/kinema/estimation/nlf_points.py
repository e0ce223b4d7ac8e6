"""The points that NLF is asked for: a body's vertices and joints, placed in NLF's canonical body."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.formats.marker_fitting import fit_points, shape_of_points
from kinema.models.nlf.reading import DATA_FILE, read_canonical_points
from kinema.skeleton import NUM_BETAS, SMPL24

_OWN_POSE = (
    "NLF's canonical body is taken to be the body model in its rest pose; with"
    f" {DATA_FILE} of the release (`nlf_data`) it is known"
)


@dataclass(frozen=True, eq=False)
class CanonicalPoints:
    """vertices (V,3) and joints (24,3) of a body in NLF's canonical body, metres. notes: for the user."""

    vertices: np.ndarray
    joints: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> np.ndarray:
        """(V+24,3)."""
        return np.concatenate([self.vertices, self.joints])


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
