"""Files of camera poses as other programs write them: COLMAP's models, and pickles of objects of a camera library."""

from __future__ import annotations

import pickle
import struct
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

MODEL_NUMBERS = {"SIMPLE_PINHOLE": 0, "PINHOLE": 1, "SIMPLE_RADIAL": 2, "RADIAL": 3, "OPENCV": 4, "OPENCV_FISHEYE": 5}

Image = tuple[str, np.ndarray, np.ndarray, int]
"""Name, rotation (3,3) and shift (3,) of X_camera = R X + t, and the camera's number."""


def write_colmap(
    folder: Path, cameras: dict[int, tuple[str, tuple[int, int], list[float]]], images: list[Image], *, binary: bool
) -> Path:
    """A model in COLMAP's layout; cameras: model, width and height, parameters, by number. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    quaternions = [Rotation.from_matrix(rotation).as_quat()[[3, 0, 1, 2]] for _, rotation, _, _ in images]
    if binary:
        lenses = [struct.pack("<Q", len(cameras))]
        for number, (model, size, parameters) in cameras.items():
            lenses.append(struct.pack("<iiQQ", number, MODEL_NUMBERS[model], *size))
            lenses.append(struct.pack(f"<{len(parameters)}d", *parameters))
        (folder / "cameras.bin").write_bytes(b"".join(lenses))
        parts = [struct.pack("<Q", len(images))]
        for number, ((name, _, shift, camera), quaternion) in enumerate(zip(images, quaternions, strict=True), 1):
            parts.append(struct.pack("<I7di", number, *quaternion, *shift, camera) + name.encode() + b"\0")
            parts.append(struct.pack("<Q", 2) + struct.pack("<ddq", 1.0, 2.0, 5) + struct.pack("<ddq", 3.0, 4.0, -1))
        (folder / "images.bin").write_bytes(b"".join(parts))
        return folder
    lines = ["# Camera list with one line of data per camera:"]
    lines += [
        f"{number} {model} {size[0]} {size[1]} {' '.join(map(repr, parameters))}"
        for number, (model, size, parameters) in cameras.items()
    ]
    (folder / "cameras.txt").write_text("\n".join(lines) + "\n")
    lines = ["# Image list with two lines of data per image:", "#   POINTS2D[] as (X, Y, POINT3D_ID)"]
    for number, ((name, _, shift, camera), quaternion) in enumerate(zip(images, quaternions, strict=True), 1):
        pose = " ".join(repr(float(each)) for each in (*quaternion, *shift))
        lines += [f"{number} {pose} {camera} {name}", "" if number % 2 else "1.0 2.0 5 3.0 4.0 -1"]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    return folder


def pickled_cameras(cameras: list[dict[str, Any]], *, library: str = "deltacamera", slots: bool = False) -> bytes:
    """A pickle of a list of objects of a library that is not there: `library`.camera.Camera with these attributes."""
    module = types.ModuleType(f"{library}.camera")
    names = {f"{library}": types.ModuleType(library), f"{library}.camera": module}
    body: dict[str, Any] = {"__module__": f"{library}.camera"}
    if slots:
        body["__slots__"] = tuple(cameras[0])
    module.Camera = type("Camera", (), body)  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        made = []
        for attributes in cameras:
            camera = module.Camera()
            for name, value in attributes.items():
                setattr(camera, name, value)
            made.append(camera)
        return pickle.dumps(made, 4)
    finally:
        for name, value in before.items():
            if value is None:
                del sys.modules[name]
            else:
                sys.modules[name] = value
