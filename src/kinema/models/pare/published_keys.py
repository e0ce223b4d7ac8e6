"""PARE's demo without its files: boxes and images in, the dict of `pare_output.pkl` out.

`parity` reproduces the original, quirks included: rotation matrices in `pose`, and smoothing after which they are no
longer rotations. Without it `pose` is (n,72) and smoothed rotations are rotations; the other keys are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.geometry.rotations import matrix_to_axis_angle, nearest_rotation
from kinema.models.pare.crops import crop
from kinema.models.pare.facts import IMAGE_SIZE
from kinema.models.pare.joints import JointDefinition
from kinema.models.pare.options import DemoOptions
from kinema.models.pare.release import betas_for
from kinema.models.pare.torch_run import PareEstimator, Regressed
from kinema.models.pare.weak_camera import crop_pixels, crop_translation, image_camera, image_pixels
from kinema.temporal.filters import one_euro

_CHUNK = 128
"""Frames posed at once."""


def demo_person(
    output: Regressed,
    frames: np.ndarray,
    boxes: np.ndarray,
    size: tuple[int, int],
    joints: JointDefinition,
    options: DemoOptions | None = None,
    joints2d: np.ndarray | None = None,
) -> dict[str, Any]:
    """One track's entry of `pare_output.pkl`, n frames.

    pred_cam (n,3), orig_cam (n,4) sx sy tx ty, verts (n,V,3), pose (n,24,3,3) in parity mode and else (n,72), betas
    (n,10), joints3d (n,49,3), joints2d as given, smpl_joints2d (n,49,2) pixels, bboxes (n,4) cx cy w h, frame_ids
    (n,). size: width and height of the image.
    """
    options = options or DemoOptions()
    rotations = output.rotations
    verts, points = posed(rotations, output.betas, joints, vertices=options.vertices is not False)
    pixels = image_pixels(crop_pixels(points, output.camera), boxes)
    if options.smooth and len(rotations) > 1:
        rotations = smoothed(rotations, options)
        verts, points = posed(rotations, output.betas, joints, vertices=options.vertices is not False)
        if not options.parity:
            pixels = image_pixels(crop_pixels(points, output.camera), boxes)
    pose = rotations if options.parity else matrix_to_axis_angle(rotations).reshape(len(rotations), 72)
    return {
        "pred_cam": output.camera,
        "orig_cam": image_camera(output.camera, boxes, *size),
        "verts": verts,
        "pose": pose.astype(np.float32),
        "betas": output.betas,
        "joints3d": points,
        "joints2d": joints2d,
        "smpl_joints2d": pixels.astype(np.float32),
        "bboxes": np.asarray(boxes, dtype=np.float64),
        "frame_ids": np.asarray(frames, dtype=np.int64),
    }


def smoothed(rotations: np.ndarray, options: DemoOptions) -> np.ndarray:
    """Matrices (n,24,3,3) after One-Euro on their entries, projected onto rotations unless in parity mode."""
    times = np.arange(len(rotations), dtype=np.float64)
    filtered = one_euro(rotations, times, min_cutoff=options.min_cutoff, beta=options.beta, axes=0)
    return filtered if options.parity else nearest_rotation(filtered)


def posed(
    rotations: np.ndarray, betas: np.ndarray, joints: JointDefinition, *, vertices: bool = True
) -> tuple[np.ndarray | None, np.ndarray]:
    """Vertices (n,V,3) float32 (None unless wanted) and the 49 joints (n,49,3) float32, without translation.

    The free body keeps its mean shape: the betas belong to SMPL's shape space.
    """
    body = joints.body
    betas = betas_for(body, betas)
    verts, points = [], []
    for start in range(0, len(rotations), _CHUNK):
        rows = slice(start, start + _CHUNK)
        chunk, shape = rotations[rows].astype(np.float64), betas[rows].astype(np.float64)
        still = np.zeros((len(chunk), 3))
        skin = body.vertices(chunk, shape, still)
        points.append(joints.joints49(skin, body.joints(chunk, shape, still)).astype(np.float32))
        if vertices:
            verts.append(skin)
    if not points:
        return (np.zeros((0, body.num_vertices, 3), np.float32) if vertices else None), np.zeros((0, 49, 3), np.float32)
    return (np.concatenate(verts) if vertices else None), np.concatenate(points)


def demo_image(
    image: np.ndarray, boxes: np.ndarray, estimator: PareEstimator, joints: JointDefinition, *, crop_scale: float = 1.0
) -> tuple[dict[str, Any], Regressed]:
    """The dict that the demo writes for one image in folder mode, and the network's output with its maps.

    image (H,W,3) uint8 RGB; boxes (n,4) cx cy w h. Keys: smpl_vertices (n,V,3), smpl_joints3d (n,49,3),
    smpl_joints2d (n,49,2) pixels, pred_cam_t (n,3), pred_segm_mask (n,25,56,56), pred_pose (n,24,3,3), pred_cam
    (n,3), pred_shape (n,10), bboxes (n,4), orig_cam (n,4).
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    crops = np.array([crop(image, box, scale=crop_scale) for box in boxes], dtype=np.uint8)
    output = estimator(crops.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3), maps=True)
    verts, points = posed(output.rotations, output.betas, joints)
    height, width = image.shape[:2]
    content = {
        "smpl_vertices": verts,
        "smpl_joints3d": points,
        "smpl_joints2d": image_pixels(crop_pixels(points, output.camera), boxes).astype(np.float32),
        "pred_cam_t": crop_translation(output.camera),
        "pred_segm_mask": output.parts,
        "pred_pose": output.rotations,
        "pred_cam": output.camera,
        "pred_shape": output.betas,
        "bboxes": boxes,
        "orig_cam": image_camera(output.camera, boxes, width, height),
    }
    return content, output
