"""Camera calibrations as Pose2Sim and anipose write them: a TOML table for each camera.

Each table holds `name`, `size` [width, height], `matrix` (3,3) pixels, `distortions` (4 or 5, OpenCV order),
`rotation` (Rodrigues vector) and `translation` (metres) with X_cam = R X_world + t. Cameras look along z, y down.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UsageError, quoted
from kinema.geometry.camera import Camera, resized_intrinsics
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.storage.fields import numbers, require_keys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_cameras(path: str | Path) -> dict[str, Camera]:
    """The cameras of a calibration file by name. Raises InputError that names camera and key."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check `calibration`") from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not a TOML calibration ({quoted(str(error), 200, mark='')})") from None
    cameras = {
        str(table.get("name", key)): _camera(table, f"{path}: camera {quoted(key, mark='')}")
        for key, table in tables.items()
        if isinstance(table, dict) and "matrix" in table
    }
    if not cameras:
        raise InputError(f"{path} describes no camera; it needs a table with matrix, size, rotation and translation")
    return cameras


def read_camera(path: str | Path, name: str | None) -> Camera:
    """The camera called `name`; None selects the only one. Raises InputError, UsageError if the choice is unclear."""
    cameras = read_cameras(path)
    if name is None and len(cameras) == 1:
        return next(iter(cameras.values()))
    if name not in cameras:
        asked = "more than one camera is defined" if name is None else f"there is no camera {name!r}"
        raise UsageError(f"{path}: {asked}; set `camera` to one of {quoted(', '.join(cameras), 300, mark='')}")
    return cameras[name]


def _camera(table: dict[str, Any], what: str) -> Camera:
    require_keys(table, ("size", "matrix", "rotation", "translation"), what)
    if table.get("fisheye"):
        raise InputError(f"{what} is a fisheye camera, which Kinema does not support; undistort the clip first")
    width, height = numbers(table["size"], "size", what, (2,))
    distortion = None
    if table.get("distortions") is not None:
        distortion = numbers(table["distortions"], "distortions", what, (4,), (5,), (8,))
    return Camera(
        width=int(width),
        height=int(height),
        intrinsics=numbers(table["matrix"], "matrix", what, (3, 3)),
        distortion=distortion,
        rotation=axis_angle_to_matrix(numbers(table["rotation"], "rotation", what, (3,))),
        translation=numbers(table["translation"], "translation", what, (3,)),
        moving=False,
        focal_source="calibration",
    )


def scaled(camera: Camera, width: int, height: int) -> Camera:
    """The same camera for images of another size, as if they had been scaled."""
    if (width, height) == (camera.width, camera.height):
        return camera
    intrinsics = resized_intrinsics(camera.intrinsics, (camera.width, camera.height), (width, height))
    return camera.replace(width=width, height=height, intrinsics=intrinsics)
