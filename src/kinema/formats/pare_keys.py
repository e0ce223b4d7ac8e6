"""The keys of PARE's demo output, computed from a person: boxes, cameras, joints, vertices.

PARE (Kocabas et al. 2021) takes a square crop of side b pixels centred at (cx, cy) and projects the body (vertices X
without translation) with a weak-perspective camera (s, tx, ty): pixel = cx + b/2 * s * (X_x + tx), likewise y;
`orig_cam` is the same camera for the whole image, pixel = W/2 + W/2 * sx * (X_x + tx'), and for y with H and sy.

Kinema's camera is a perspective one, u = fx * X_x / X_z + ppx. The weak-perspective camera that agrees with it at the
pelvis P (camera frame; depth d = P_z, f = sqrt(fx * fy)) is

    s  = 2 f / (d b)
    tx = (u_P - cx) * 2 / (b s) - p_x        with p = P - transl, the untranslated body's pelvis
    sx = s b / W,   tx' = tx + (cx - W/2) / (W/2) / sx          (PARE's own conversion; y with H)

so PARE's renderer draws the body in place: exact at the pelvis, and off elsewhere by the missing perspective (a few
percent of the body's height at more than three metres from the camera).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.geometry.camera import Camera, project
from kinema.motion import Motion
from kinema.person import Person

if TYPE_CHECKING:
    from kinema.body import BodyModel

_CHUNK = 256
"""Frames posed at once, so that the mesh of a long clip is never in memory as float64."""

_BODY_MARGIN = 1.2
"""Ratio of a box's side to the extent of the projected joints, which lie inside the skin."""


def pare_keys(motion: Motion, person: Person, body: BodyModel | None, *, vertices: bool = False) -> dict[str, Any]:
    """PARE's keys for one person; None if the motion lacks what a key needs.

    Shapes with n frames: pred_cam (n,3) s tx ty; orig_cam (n,4) sx sy tx ty; verts (n,V,3) float32 or
    None; pose (n,72); betas (n,10); joints3d (n,49,3) float32, metres, camera axes, without translation;
    joints2d (n,K,3) x y confidence of the keypoint network, or None; bboxes (n,4) cx cy w h, square;
    frame_ids (n,); smpl_joints2d (n,49,2) float32, pixels, the 49 joints projected.
    body: the model for `joints3d` and `verts`; without it these two and `smpl_joints2d` are None.
    """
    keys: dict[str, Any] = {
        "pred_cam": None, "orig_cam": None, "verts": None, "pose": person.pose, "betas": person.betas,
        "joints3d": None, "joints2d": None, "bboxes": None, "frame_ids": person.frames, "smpl_joints2d": None,
    }  # fmt: skip
    if person.keypoints is not None:
        confidence = person.keypoint_confidence
        if confidence is None:
            confidence = np.isfinite(person.keypoints).all(axis=-1).astype(np.float64)
        keys["joints2d"] = np.concatenate([person.keypoints, confidence[..., None]], axis=-1)
    if body is not None and person.pose is not None and person.betas is not None:
        keys.update(_posed(motion, person, person.pose, person.betas, body, vertices))
    centre_and_side = _square_boxes(motion, person, keys["smpl_joints2d"])
    if centre_and_side is not None:
        keys["bboxes"] = centre_and_side[:, [0, 1, 2, 2]]
        if motion.camera is not None and person.joints is not None and person.transl is not None:
            pelvis = person.joints[:, 0]
            keys["pred_cam"], keys["orig_cam"] = weak_cameras(
                pelvis, pelvis - person.transl, centre_and_side, motion.camera
            )
    return keys


def weak_cameras(
    pelvis: np.ndarray, local_pelvis: np.ndarray, boxes: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray]:
    """pred_cam (n,3) and orig_cam (n,4) that agree with the perspective camera at the pelvis.

    pelvis (n,3): camera frame, metres; local_pelvis (n,3): the same without the translation; boxes
    (n,3): cx, cy, side in pixels. Formulas: see the module.
    """
    intrinsics = camera.intrinsics
    focal = np.sqrt(intrinsics[0, 0] * intrinsics[1, 1])
    depth = np.maximum(pelvis[:, 2], 1e-3)
    centre, side = boxes[:, :2], boxes[:, 2:]
    scale = 2 * focal / (depth[:, None] * side)
    pixel = project(pelvis, intrinsics, camera.distortion)
    shift = (pixel - centre) * 2 / (side * scale) - local_pelvis[:, :2]
    size = np.array([camera.width, camera.height], dtype=np.float64)
    original_scale = scale * side / size
    original_shift = shift + (centre - size / 2) / (size / 2) / original_scale
    return np.hstack([scale, shift]), np.hstack([original_scale, original_shift])


def _posed(
    motion: Motion, person: Person, pose: np.ndarray, betas: np.ndarray, body: BodyModel, vertices: bool
) -> dict[str, np.ndarray]:
    """joints3d, smpl_joints2d and verts of a person."""
    found: dict[str, np.ndarray] = {}
    points, mesh = [], []
    for start in range(0, len(person), _CHUNK):
        rows = slice(start, start + _CHUNK)
        origin = np.zeros((len(pose[rows]), 3))
        points.append(body.posed_points("spin49", pose[rows], betas[rows], origin))
        if vertices:
            mesh.append(np.asarray(body.vertices(pose[rows], betas[rows], origin), dtype=np.float32))
    joints = np.concatenate(points) if points else np.zeros((0, 49, 3))
    found["joints3d"] = joints.astype(np.float32)
    if person.transl is not None and motion.camera is not None:
        placed = joints + person.transl[:, None]
        pixels = project(placed, motion.camera.intrinsics, motion.camera.distortion)
        found["smpl_joints2d"] = pixels.astype(np.float32)
    if vertices:
        found["verts"] = np.concatenate(mesh) if mesh else np.zeros((0, len(body.v_template), 3), np.float32)
    return found


def _square_boxes(motion: Motion, person: Person, joints2d: np.ndarray | None) -> np.ndarray | None:
    """(n,3) cx, cy, side: the track's boxes made square, or around the projected joints where a box is missing."""
    boxes = np.full((len(person), 3), np.nan)
    if person.boxes is not None:
        low, high = person.boxes[:, :2], person.boxes[:, 2:]
        boxes[:, :2] = (low + high) / 2
        boxes[:, 2] = np.max(high - low, axis=1)
    if joints2d is None and person.joints is not None and motion.camera is not None:
        joints2d = project(person.joints, motion.camera.intrinsics, motion.camera.distortion)
    if joints2d is not None and len(person):
        low, high = joints2d.min(axis=1), joints2d.max(axis=1)
        around = np.column_stack([(low + high) / 2, _BODY_MARGIN * np.max(high - low, axis=1)])
        unusable = ~np.isfinite(boxes).all(axis=1) | ~(boxes[:, 2] > 0)
        boxes[unusable] = around[unusable]
    if not (np.isfinite(boxes).all() and np.all(boxes[:, 2] > 0)):
        return None
    return boxes
