"""Static cameras, and a world-space body expressed in a camera's frame: the ground truth of a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinema.geometry.camera import Camera, camera_from_fov, project, to_camera
from kinema.geometry.rotations import axis_angle_to_matrix, continuous_pose, turned_root
from kinema.person import Person
from kinema.skeleton import SMPL24
from kinema.visualization.framing import framing_translation, looking_from

if TYPE_CHECKING:
    from kinema.body import BodyModel

FACING_MINUS_Z = np.diag([1.0, -1.0, -1.0])
"""World-to-camera rotation of a level camera that looks along the world's -z: x right, y down, z forward."""


def studio_camera(
    width: int = 1280,
    height: int = 720,
    *,
    fov: float = 55.0,
    position: tuple[float, float, float] = (0.0, 1.4, 0.0),
    pitch: float = 0.09,
    yaw: float = 0.0,
) -> Camera:
    """A static camera in the world. Level and with yaw 0 it looks along -z.

    fov: degrees over the longer side; position: metres; pitch: radians downwards; yaw: radians to the left.
    """
    c, s = np.cos(pitch), np.sin(pitch)
    down = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    turn = axis_angle_to_matrix(np.array([0.0, -yaw, 0.0]))
    rotation = down @ FACING_MINUS_Z @ turn
    camera = camera_from_fov(width, height, fov, source="calibration")
    return camera.replace(rotation=rotation, translation=-rotation @ np.asarray(position, dtype=float), moving=False)


def camera_around(
    points: np.ndarray,
    width: int = 1280,
    height: int = 720,
    *,
    fov: float = 55.0,
    azimuth: float = 0.0,
    elevation: float = 0.08,
) -> Camera:
    """A static camera that has all `points` (..., 3), world, metres, inside its image.

    fov: degrees over the longer side; azimuth: radians about y, 0 looks along -z; elevation: radians above
    the horizon.
    """
    camera = camera_from_fov(width, height, fov, source="calibration")
    rotation = looking_from(azimuth, elevation)
    translation = framing_translation(np.asarray(points).reshape(-1, 3), rotation, camera.intrinsics, (width, height))
    return camera.replace(rotation=rotation, translation=translation, moving=False)


def person_in_view(
    body: BodyModel,
    camera: Camera,
    id: int,
    pose_world: np.ndarray,
    betas: np.ndarray,
    transl_world: np.ndarray,
    *,
    contacts: np.ndarray | None = None,
) -> Person:
    """A person with complete ground truth, in the world and in the camera's frame.

    pose_world (F,72), transl_world (F,3), contacts (F,4); betas (10,); the camera must have a pose in the world.
    Frames are 0..F-1. Boxes enclose the projected joints with a margin for soft tissue, clipped to the image;
    `observed` is whether any of the person is inside it.
    """
    pose_world = np.asarray(pose_world, dtype=np.float64)
    frames = len(pose_world)
    all_betas = np.broadcast_to(np.asarray(betas, dtype=np.float64), (frames, 10))
    joints_world = body.joints(pose_world, all_betas, transl_world)
    rotation = np.broadcast_to(np.asarray(camera.rotation), (frames, 3, 3))
    pose = turned_root(pose_world, rotation)
    pose = continuous_pose(pose)
    # The root rotates about the pelvis, not about the origin: the pelvis determines the translation.
    rest_pelvis = body.rest_joints(np.asarray(betas, dtype=np.float64))[0]
    pelvis = to_camera(np.asarray(transl_world) + rest_pelvis, camera)
    joints = to_camera(joints_world, camera)
    boxes, inside = _boxes(joints, camera)
    return Person(
        id=id,
        frames=np.arange(frames),
        boxes=boxes,
        confidence=inside.astype(float),
        observed=inside,
        pose=pose,
        betas=all_betas,
        transl=pelvis - rest_pelvis,
        joints=joints,
        pose_world=continuous_pose(pose_world),
        transl_world=transl_world,
        joints_world=joints_world,
        contacts=contacts,
    )


def _boxes(joints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (F,4) around joints (F,24,3) and whether they lie in the image (F,)."""
    neck, head = (joints[:, SMPL24.index(name)] for name in ("neck", "head"))
    crown = head + 1.2 * (head - neck)
    points = np.concatenate([joints, crown[:, None]], axis=1)
    pixels = project(points, camera.intrinsics, camera.distortion)
    margin = 0.09 * camera.intrinsics[1, 1] / np.maximum(joints[:, 0, 2], 0.1)
    low, high = pixels.min(axis=1) - margin[:, None], pixels.max(axis=1) + margin[:, None]
    last = np.array([camera.width - 1, camera.height - 1])
    boxes = np.concatenate([np.clip(low, 0, last), np.clip(high, 0, last)], axis=-1)
    inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=-1) & (points[..., 2].min(axis=1) > 0.1)
    return boxes, inside
