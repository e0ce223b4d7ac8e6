"""Motion capture retargeted to a body model: ground truth with real movement for rendered clips.

Captured rotations are applied to the body unchanged (SMPL's tree and T-pose), so skeleton and shape are the
body's; the root trajectory is scaled by leg length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import ShapeError
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, quaternion_to_matrix
from kinema.motion import Motion
from kinema.options import require
from kinema.skeleton import NUM_BETAS, SMPL24
from kinema.synthetic.truth import camera_around, person_in_view

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CONTACT_HEIGHT = 0.045
_CONTACT_SPEED = 0.45
"""Metres above the floor and metres per second below which a captured foot counts as in contact."""

_SMOOTHING = 0.07
"""Seconds over which corrections of the soles' height are smoothed."""


def motion_from_mocap(
    body: BodyModel,
    root: np.ndarray,
    rotations: np.ndarray,
    fps: float,
    *,
    betas: np.ndarray | None = None,
    leg_length: float | None = None,
    soles: np.ndarray | None = None,
    heading: float = 0.0,
    place: tuple[float, float] | None = None,
    camera: Camera | None = None,
    source: str | None = None,
) -> Motion:
    """One captured person in front of a camera, with complete ground truth.

    root: (F,3) metres, the pelvis, y up. rotations: (F,24,4) quaternions x, y, z, w, of each SMPL joint relative
    to its parent, joint 0 in the world. betas: (10,), default the average body. leg_length: metres from hip to
    ankle of the captured skeleton; None keeps the root trajectory unscaled. soles: (F,) metres, the captured height of
    the lowest sole, which the body gets: with other proportions and the captured pelvis path it would float when its
    legs bend; default as the root has it. heading: rotation of everything about y, radians. place:
    x and z of the trajectory's centre, default as captured. camera: with a pose in the world, default one that sees
    everything. source: recorded in the provenance.

    The floor is set to the 5th percentile of the lowest foot height (what lies below is noise). Contacts are
    derived from height and speed, so they are an estimate, not a measurement. Raises ShapeError, UsageError.
    """
    root, rotations = np.asarray(root, dtype=np.float64), np.asarray(rotations, dtype=np.float64)
    if root.ndim != 2 or root.shape[1] != 3 or rotations.shape != (len(root), 24, 4) or not len(root):
        raise ShapeError(
            f"motion capture: root must be (F, 3) and rotations (F, 24, 4), found {root.shape} and {rotations.shape}"
        )
    if not (np.all(np.isfinite(root)) and np.all(np.isfinite(rotations))):
        raise ShapeError("motion capture: root or rotations hold a value that is not finite")
    require(is_rate(fps), "fps", f"be {RATE_RANGE}", fps)
    betas = np.zeros(NUM_BETAS) if betas is None else np.asarray(betas, dtype=np.float64)
    rest = body.rest_joints(betas)
    scale = 1.0 if leg_length is None else leg_length_of(rest) / leg_length
    turn = axis_angle_to_matrix(np.array([0.0, heading, 0.0]))
    matrices = quaternion_to_matrix(rotations)
    matrices[:, 0] = turn @ matrices[:, 0]
    pose = matrix_to_axis_angle(matrices).reshape(len(root), 72)
    pelvis = scale * root @ turn.T
    if place is not None:
        middle = (pelvis.min(axis=0) + pelvis.max(axis=0)) / 2
        pelvis += np.array([place[0] - middle[0], 0, place[1] - middle[2]])
    transl = pelvis - rest[0]
    points = body.posed_points("contacts", pose, betas, transl)
    lowest = points[..., 1].min(axis=1)
    if soles is not None:
        # Smoothed, because the lowest point switches abruptly.
        change = gaussian_filter1d(soles - lowest, _SMOOTHING * fps)
        transl[:, 1] += change
        points[..., 1] += change[:, None]
        lowest = lowest + change
    floor = float(np.percentile(lowest, 5))
    transl[:, 1] -= floor
    points[..., 1] -= floor
    joints = body.joints(pose, betas, transl)
    camera = camera_around(joints) if camera is None else camera
    person = person_in_view(body, camera, 1, pose, betas, transl, contacts=_contacts(points, fps))
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


def leg_length_of(rest: np.ndarray) -> float:
    """Length from hip over knee to ankle of rest joints (24,3), mean of both sides, metres."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = rest[SMPL24.indices([f"{side}_hip", f"{side}_knee", f"{side}_ankle"])]
        total += float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return total / 2


def _contacts(soles: np.ndarray, fps: float) -> np.ndarray:
    """Which sole points (F,4,3) are in contact with the floor, (F,4) bool.

    Thresholds suffice for captured motion; `kinema.world.contacts` finds contacts if the root itself is in error.
    """
    if len(soles) < 2:
        return np.asarray(soles[..., 1] < _CONTACT_HEIGHT)
    speed = np.linalg.norm(np.gradient(soles, axis=0) * fps, axis=-1)
    return np.asarray((soles[..., 1] < _CONTACT_HEIGHT) & (speed < _CONTACT_SPEED))
