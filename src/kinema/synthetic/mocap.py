"""Motion capture told on a body of ours: a truth of real movement for rendered clips.

Captured rotations are played on the body as they are (SMPL's tree and T-pose), so the skeleton, and with it
the shape, is the body's; the way of the root is scaled by the length of the legs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import ShapeError, UsageError
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, quaternion_to_matrix
from kinema.motion import Motion
from kinema.skeleton import NUM_BETAS, SMPL24
from kinema.synthetic.truth import camera_around, person_in_view

if TYPE_CHECKING:
    from kinema.body import BodyModel

_TOUCHING = 0.045
_RESTING = 0.45
"""Metres above the floor and metres a second below which a captured foot counts as standing."""


def motion_from_mocap(
    body: BodyModel,
    root: np.ndarray,
    rotations: np.ndarray,
    fps: float,
    *,
    betas: np.ndarray | None = None,
    leg_length: float | None = None,
    heading: float = 0.0,
    place: tuple[float, float] | None = None,
    camera: Camera | None = None,
    source: str | None = None,
) -> Motion:
    """One captured person before a camera, everything known.

    root: (F,3) metres, the pelvis, y up. rotations: (F,24,4) quaternions x, y, z, w, of each SMPL joint relative
    to its parent, joint 0 in the world. betas: (10,), default the average body. leg_length: metres from hip to
    ankle of the captured skeleton; None takes the root's way as it is. heading: radians by which all is turned
    about y. place: x and z of the middle of the way, default where it was captured. camera: with a place in
    the world, default one that sees everything. source: said in the provenance.

    The floor is put where the feet are lowest (the twentieth part that lies deeper, is noise). Contacts are
    judged by height and speed, so they are an estimate, not a measurement. Raises ShapeError, UsageError.
    """
    root, rotations = np.asarray(root, dtype=np.float64), np.asarray(rotations, dtype=np.float64)
    if root.ndim != 2 or root.shape[1] != 3 or rotations.shape != (len(root), 24, 4) or not len(root):
        raise ShapeError(
            f"motion capture: root must be (F, 3) and rotations (F, 24, 4), found {root.shape} and {rotations.shape}"
        )
    if not (np.all(np.isfinite(root)) and np.all(np.isfinite(rotations))):
        raise ShapeError("motion capture: root or rotations hold a value that is not finite")
    if not fps > 0:
        raise UsageError(f"fps must be positive, found {fps}")
    betas = np.zeros(NUM_BETAS) if betas is None else np.asarray(betas, dtype=np.float64)
    rest = body.rest_joints(betas)
    scale = 1.0 if leg_length is None else _leg_length(rest) / leg_length
    turn = axis_angle_to_matrix(np.array([0.0, heading, 0.0]))
    matrices = quaternion_to_matrix(rotations)
    matrices[:, 0] = turn @ matrices[:, 0]
    pose = matrix_to_axis_angle(matrices).reshape(len(root), 72)
    pelvis = scale * root @ turn.T
    if place is not None:
        middle = (pelvis.min(axis=0) + pelvis.max(axis=0)) / 2
        pelvis += np.array([place[0] - middle[0], 0, place[1] - middle[2]])
    transl = pelvis - rest[0]
    soles = body.posed_points("contacts", pose, betas, transl)
    floor = float(np.percentile(soles[..., 1].min(axis=1), 5))
    transl[:, 1] -= floor
    soles[..., 1] -= floor
    joints = body.joints(pose, betas, transl)
    camera = camera_around(joints) if camera is None else camera
    person = person_in_view(body, camera, 1, pose, betas, transl, contacts=_contacts(soles, fps))
    arguments = {"fps": fps, "betas": betas, "leg_length": leg_length, "heading": heading, "capture": source}
    motion = Motion(
        times=np.arange(len(root)) / fps,
        width=camera.width,
        height=camera.height,
        people=(person,),
        camera=camera,
        body_model=body.name,
    )
    return motion.recorded("synthetic.mocap", arguments, {body.name: body.sha256})


def _leg_length(rest: np.ndarray) -> float:
    """Hip to knee to ankle of rest joints (24,3), the mean of both sides, metres."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = rest[SMPL24.indices([f"{side}_hip", f"{side}_knee", f"{side}_ankle"])]
        total += float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return total / 2


def _contacts(soles: np.ndarray, fps: float) -> np.ndarray:
    """Which points of the soles (F,4,3) stand on the floor, (F,4) bool.

    Limits are enough for captured motion; `kinema.world.contacts` finds them where the root itself is in error.
    """
    if len(soles) < 2:
        return np.asarray(soles[..., 1] < _TOUCHING)
    speed = np.linalg.norm(np.gradient(soles, axis=0) * fps, axis=-1)
    return np.asarray((soles[..., 1] < _TOUCHING) & (speed < _RESTING))
