"""The calibrated cameras of a data set, as VideoPose3D's authors describe them, and files of such cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.geometry.rotations import quaternion_to_matrix
from kinema.storage.fields import numbers
from kinema.storage.json_file import load_json

Pair = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class DatasetCamera:
    """One fixed camera.

    focal, centre: pixels; radial, tangential: coefficients k1 k2 k3 and p1 p2. orientation: unit quaternion w x y z
    that turns camera axes (x right, y down, z forward) into the world's; position: in the world, metres.
    """

    name: str
    width: int
    height: int
    focal: Pair
    centre: Pair
    radial: Triple = (0.0, 0.0, 0.0)
    tangential: Pair = (0.0, 0.0)
    orientation: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    position: Triple = (0.0, 0.0, 0.0)

    @property
    def lens(self) -> np.ndarray:
        """(9,): focal lengths, principal point, k1 k2 k3, p1 p2, with the image's width scaled to -1..1."""
        scale = 2 / self.width
        centre = np.array(self.centre) * scale - [1, self.height / self.width]
        return np.concatenate([np.array(self.focal) * scale, centre, self.radial, self.tangential])

    def to_camera(self, world: np.ndarray) -> np.ndarray:
        """World points (..., 3) metres -> the camera's axes."""
        w, x, y, z = self.orientation
        return np.asarray((world - np.array(self.position)) @ quaternion_to_matrix(np.array([x, y, z, w])))

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) metres in the camera's axes -> world."""
        w, x, y, z = self.orientation
        return np.asarray(points @ quaternion_to_matrix(np.array([x, y, z, w])).T + np.array(self.position))


_PARTS = {"focal": 2, "centre": 2, "radial": 3, "tangential": 2, "orientation": 4, "position": 3}


def read_cameras(path: Path) -> dict[str, tuple[DatasetCamera, ...]]:
    """A JSON file {subject: [{name, width, height, focal, centre, ...}, ...]} with the fields of `DatasetCamera`.

    Raises InputError that names the subject and the field.
    """
    content = load_json(path)
    if not isinstance(content, dict) or not all(isinstance(each, list) for each in content.values()):
        raise InputError(f"{path} is not a file of cameras: it must have a list of cameras for each subject")
    found = {}
    for subject, cameras in content.items():
        what = f"{path}, a camera of {quoted(str(subject))}"
        found[str(subject)] = tuple(_camera(each, number, what) for number, each in enumerate(cameras))
    return found


def _camera(given: Any, number: int, what: str) -> DatasetCamera:
    if not isinstance(given, dict):
        raise InputError(f"{what} must have named fields")
    unknown = given.keys() - {*_PARTS, "name", "width", "height"}
    lacking = [name for name in ("width", "height", "focal", "centre") if name not in given]
    if unknown or lacking:
        which = f"the unknown field {quoted(min(unknown))}" if unknown else f"no {lacking[0]}"
        raise InputError(f"{what} has {which}; its fields are name, width, height, {', '.join(_PARTS)}")
    width, height = (int(numbers(given[side], side, what, ())) for side in ("width", "height"))
    parts: dict[str, Any] = {
        name: tuple(numbers(given[name], name, what, (count,)).tolist())
        for name, count in _PARTS.items()
        if name in given
    }
    length = np.linalg.norm(parts.get("orientation", (1.0,)))
    if width < 1 or height < 1 or min(parts["focal"]) <= 0 or abs(length - 1) > 1e-3:
        raise InputError(f"{what} needs positive sizes and focal lengths, and a unit quaternion as its orientation")
    return DatasetCamera(str(given.get("name", number)), width, height, **parts)
