"""Small data sets of lifters in the published layout: a skeleton that walks, turns and swings its limbs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinema.datasets.cameras import DatasetCamera
from kinema.datasets.h36m import SIDES
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.writing import write_data
from kinema.geometry.camera import project
from kinema.geometry.rotations import turn_about
from kinema.lifting.inputs import MPI3DHP17
from kinema.skeleton import H36M17

_BONES = np.array([
    [0, 0, 0], [-0.13, 0, 0], [0, 0, -0.45], [0, 0, -0.43], [0.13, 0, 0], [0, 0, -0.45], [0, 0, -0.43], [0, 0, 0.23],
    [0, 0, 0.25], [0, 0.05, 0.1], [0, 0, 0.12], [0.15, 0, 0], [0, 0, -0.28], [0, 0, -0.25], [-0.15, 0, 0],
    [0, 0, -0.28], [0, 0, -0.25],
])  # fmt: skip
"""(17, 3) metres: each joint from its parent, z up, of a person who looks along y."""


def motion(frames: int, seed: int, size: float = 1.0) -> np.ndarray:
    """(F, 17, 3) float32 metres, z up: at 50 frames a second, about the middle of Human3.6M's room."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames)[:, None] / 50
    swing = rng.uniform(0.1, 0.5, 17) * np.sin(2 * np.pi * rng.uniform(0.3, 1.0, 17) * times + rng.uniform(0, 6, 17))
    lean = 0.4 * swing[:, ::-1]
    joints = np.zeros((frames, 17, 3))
    turn = turn_about("z", rng.uniform(-0.3, 0.3) + rng.uniform(-0.5, 0.5) * times[:, 0])
    spins = [turn]
    for joint, parent in enumerate(H36M17.parents or ()):
        if parent < 0:
            continue
        own = turn_about("x", swing[:, joint]) @ turn_about("y", lean[:, joint])
        if joint in (1, 4, 7, 8, 11, 14):  # the trunk moves little
            own = turn_about("x", 0.1 * swing[:, joint])
        spins.append(spins[parent] @ own)
        joints[:, joint] = joints[:, parent] + (spins[joint] @ (size * _BONES[joint])[:, None])[..., 0]
    walk = np.stack(
        [0.4 * np.sin(0.7 * times[:, 0]), 0.4 * np.cos(0.5 * times[:, 0]), 0 * times[:, 0] + 0.93 * size], -1
    )
    return (joints + walk[:, None]).astype(np.float32)


def seen(world: np.ndarray, camera: DatasetCamera) -> np.ndarray:
    """(F, J, 2) float32 pixels of world points, by OpenCV's model of the lens."""
    matrix = np.array([[camera.focal[0], 0, camera.centre[0]], [0, camera.focal[1], camera.centre[1]], [0, 0, 1]])
    k1, k2, k3 = camera.radial
    p1, p2 = camera.tangential
    return project(camera.to_camera(world), matrix, np.array([k1, k2, p1, p2, k3])).astype(np.float32)


def write_dataset(
    folder: Path, frames: int = 120, subjects: tuple[str, ...] = ("S1", "S5", "S9"),
    actions: tuple[str, ...] = ("Walking 1",), noise: float = 0.0,
) -> tuple[Path, Path]:  # fmt: skip
    """`data_3d_h36m.npz` with 32 joints and `data_2d_h36m_gt.npz`."""
    positions: dict[str, dict[str, np.ndarray]] = {}
    keypoints: dict[str, dict[str, list[np.ndarray]]] = {}
    rng = np.random.default_rng(5)
    for number, subject in enumerate(subjects):
        positions[subject], keypoints[subject] = {}, {}
        for take, action in enumerate(actions):
            world = motion(frames, 10 * number + take, 0.9 + 0.05 * number)
            positions[subject][action] = in_original_order(world)
            keypoints[subject][action] = [
                seen(world, camera) + noise * rng.normal(size=(frames, 17, 2)).astype(np.float32)
                for camera in H36M_CAMERAS[subject]
            ]
    return write_positions(folder / "data_3d_h36m.npz", positions), write_keypoints(
        folder / "data_2d_h36m_gt.npz", keypoints
    )


def in_original_order(joints: np.ndarray) -> np.ndarray:
    """(F, 17, 3) -> (F, 32, 3); the places that are not kept hold nonsense."""
    from kinema.datasets.h36m import KEPT

    out = np.full((len(joints), 32, 3), 7.0, dtype=np.float32)
    out[:, KEPT] = joints
    return out


def write_positions(path: Path, positions: dict[str, Any]) -> Path:
    np.savez_compressed(path, positions_3d=np.array(positions, dtype=object))
    return path


def write_keypoints(path: Path, keypoints: dict[str, Any], joints: int = 17, **metadata: Any) -> Path:
    sides = [list(side) for side in SIDES.get(joints, ((), ()))]
    about = {"layout_name": "h36m", "num_joints": joints, "keypoints_symmetry": sides}
    np.savez_compressed(
        path, positions_2d=np.array(keypoints, dtype=object), metadata=np.array(about | metadata, dtype=object)
    )
    return path


def write_3dhp(folder: Path, frames: int = 30) -> tuple[Path, Path]:
    """`data_train_3dhp.npz` of three subjects before two cameras each, and `data_test_3dhp.npz` of TS1 and TS6."""
    order = H36M17.indices(MPI3DHP17.joints)
    cameras = H36M_CAMERAS["S1"][:2]

    def view(world: np.ndarray, camera: DatasetCamera, width: int) -> dict[str, np.ndarray]:
        pixels = seen(world, camera)[:, order] * (width / camera.width)
        joints = 1000 * camera.to_camera(world)[:, order]
        return {"data_2d": pixels, "data_3d": joints.astype(np.float32)}

    training = {
        f"S{subject} Seq{take}": [
            {str(k): view(motion(frames, 10 * subject + take), camera, 2048) for k, camera in enumerate(cameras)}, 25
        ]
        for subject in (1, 2, 3)
        for take in (1, 2)
    }  # fmt: skip
    test = {}
    for number, (name, width) in enumerate({"TS1": 2048, "TS6": 1920}.items()):
        valid = np.arange(frames) % 5 != 0
        test[name] = view(motion(frames, 90 + number), cameras[number], width) | {"valid": valid.astype(np.float64)}
        test[name]["data_3d"][~valid] = 9e5
    return write_data(folder / "data_train_3dhp.npz", training), write_data(folder / "data_test_3dhp.npz", test)
