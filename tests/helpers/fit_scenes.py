"""A body in motion before a camera, and what a keypoint network with known errors would say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.geometry.camera import camera_from_fov, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24, joint_set

WIDTH, HEIGHT = 1280, 720


@dataclass(frozen=True)
class Scene:
    """truth: one person with pose, betas, transl, joints; seen: the same clip with landmarks only."""

    truth: Person
    seen: Motion


def swinging(frames: int, fps: float = 30.0) -> np.ndarray:
    """(F,72): somebody who swings arms and legs, bends elbows and knees and turns a little."""
    t = np.arange(frames) / fps
    pose = np.zeros((frames, 24, 3))
    pose[:, 0, 0] = np.pi  # upright before a camera whose y points down
    pose[:, 0, 1] = 0.0
    wave = np.sin(2 * np.pi * 0.8 * t)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        joint = {n: SMPL24.index(f"{side}_{n}") for n in ("hip", "knee", "shoulder", "elbow")}
        pose[:, joint["hip"], 0] = -0.35 * sign * wave - 0.1
        pose[:, joint["knee"], 0] = 0.4 + 0.3 * sign * wave
        pose[:, joint["shoulder"], 2] = -sign * (1.0 + 0.15 * wave)
        pose[:, joint["shoulder"], 1] = -0.3 * wave
        pose[:, joint["elbow"], 1] = -sign * (0.6 + 0.3 * wave)
    pose[:, SMPL24.index("spine2"), 1] = 0.15 * wave
    return pose.reshape(frames, 72)


def make_scene(
    body: BodyModel,
    *,
    frames: int = 60,
    fps: float = 30.0,
    pixel_noise: float = 0.0,
    depth_noise: float = 0.0,
    betas: np.ndarray | None = None,
    seed: int = 0,
    pose: np.ndarray | None = None,
    transl: np.ndarray | None = None,
    keypoint_set: str = "blazepose33",
    keypoint3d_set: str | None = "blazepose33",
) -> Scene:
    """A scene (of `swinging`, or of a pose (F,72)) with noise of `pixel_noise` pixels on the image points and
    `depth_noise` metres on the 3D guess. transl (F,3): None for a slow walk. keypoint3d_set: None for a person without
    a 3D guess.
    """
    rng = np.random.default_rng(seed)
    pose = swinging(frames, fps) if pose is None else pose
    shape = np.tile(np.zeros(10) if betas is None else betas, (frames, 1))
    t = np.arange(frames) / fps
    transl = np.stack([0.3 * t - 0.3, 0.2 + 0 * t, 3.5 + 0.2 * t], axis=-1) if transl is None else transl
    camera = camera_from_fov(WIDTH, HEIGHT, 50.0, "calibration")
    pixels = project(body.posed_points(keypoint_set, pose, shape, transl), camera.intrinsics)
    person = Person(
        1,
        np.arange(frames),
        keypoint_set=keypoint_set,
        keypoints=pixels + pixel_noise * rng.normal(size=pixels.shape),
        keypoint_confidence=np.full(pixels.shape[:2], 0.9),
    )
    if keypoint3d_set is not None:
        points = body.posed_points(keypoint3d_set, pose, shape, transl)
        hips = points[:, joint_set(keypoint3d_set).indices(("left_hip", "right_hip"))].mean(axis=1, keepdims=True)
        guess = points - hips + depth_noise * rng.normal(size=points.shape) * [0.3, 0.3, 1.0]
        person = person.replace(keypoint3d_set=keypoint3d_set, keypoints3d=guess)
    truth = Person(1, np.arange(frames), pose=pose, betas=shape, transl=transl, joints=body.joints(pose, shape, transl))
    return Scene(truth, Motion(t, WIDTH, HEIGHT, people=(person,), camera=camera))
