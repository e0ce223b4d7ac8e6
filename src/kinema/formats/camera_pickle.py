"""The camera files of the NLF video pipeline: a pickled list over frames of objects of its camera library.

The objects are read as plain data; nothing of that library is imported or called. A camera has an intrinsic matrix, a
rotation from the world to the camera, its position in the world in millimetres (metres by the pipeline's depth
network), a direction upwards, and perhaps a distortion. The pipeline always writes (0, -1, 0), the first camera's
vertical: that carries no information and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.camera_poses import CameraPoses, one_distortion
from kinema.geometry.camera_path import CameraPath
from kinema.storage.fields import numbers
from kinema.storage.safe_pickle import Inert, load_pickle

LIBRARIES = ("cameravision.*", "deltacamera.*", "cameralib.*")
"""Names of the camera library, which was renamed twice."""

_NAMES = {
    "matrix": ("intrinsic_matrix", "K"),
    "rotation": ("R",),
    "place": ("t",),
    "distortion": ("distortion_coeffs", "distortion"),
    "up": ("world_up", "up"),
}
"""Attribute names by meaning: the first that a camera has counts. They may begin with an underscore."""

_ASSUMED_UP = (0.0, -1.0, 0.0)


def read_pickle(file: Path) -> CameraPoses:
    """The poses of a `.pkl` of that pipeline. Raises InputError, UnsafeFileError, ShapeError."""
    cameras = load_pickle(file, extra=LIBRARIES)
    if not isinstance(cameras, (list, tuple)) or not cameras:
        raise InputError(f"{file} is not a file of cameras: it must hold a list with one camera for each frame")
    found = [_camera(each, f"{file}: camera {number}") for number, each in enumerate(cameras)]
    rotation, place, matrices = (np.array([each[name] for each in found]) for name in ("rotation", "place", "matrix"))
    rows = [each["distortion"] for each in found]
    distortion = None
    if any(row is not None for row in rows):
        longest = max(len(row) for row in rows if row is not None)
        if any(row is not None and len(row) != longest for row in rows):
            raise InputError(f"{file}: its cameras have different distortions; undistort the clip first")
        distortion = one_distortion([np.zeros(longest) if row is None else row for row in rows], str(file))
    ups = np.array([each["up"] for each in found])
    known = np.ptp(ups, axis=0).max() < 1e-6 and not np.allclose(ups[0], _ASSUMED_UP, atol=1e-6)
    one = bool(np.ptp(matrices, axis=0).max() < 1e-9)
    still = bool(max(np.ptp(rotation, axis=0).max(), np.ptp(place, axis=0).max()) < 1e-9)
    path = CameraPath(
        rotation,
        place / 1000,
        matrices[0] if one else matrices,
        kind="static" if still else "full",
        metric=True,
        up=ups[0] if known else None,
    )
    return CameraPoses(path, distortion=distortion)


def _camera(value: Any, what: str) -> dict[str, Any]:
    """A camera's values by the keys of `_NAMES`. Raises InputError."""
    attributes = _attributes(value, what)
    found: dict[str, Any] = {}
    for name, spellings in _NAMES.items():
        values = [attributes[each] for each in spellings if attributes.get(each) is not None]
        found[name] = values[0] if values else None
    lacking = [spellings[0] for name, spellings in list(_NAMES.items())[:3] if found[name] is None]
    if lacking:
        raise InputError(f"{what} has no {', '.join(lacking)}; the file is not the NLF pipeline's")
    found["matrix"] = numbers(found["matrix"], "intrinsic_matrix", what, (3, 3))
    found["rotation"] = numbers(found["rotation"], "R", what, (3, 3))
    found["place"] = numbers(found["place"], "t", what, (3,))
    if found["distortion"] is not None:
        found["distortion"] = numbers(found["distortion"], "distortion_coeffs", what, ("n",))
    found["up"] = numbers(_ASSUMED_UP if found["up"] is None else found["up"], "world_up", what, (3,))
    return found


def _attributes(value: Any, what: str) -> Mapping[str, Any]:
    """The attributes of an object, or the entries of a dictionary, by name without leading underscores."""
    state = value.state if isinstance(value, Inert) else value
    parts = state if isinstance(state, tuple) else (state,)  # objects with slots keep (attributes, slots)
    known = [part for part in parts if isinstance(part, Mapping)]
    if not known:
        raise InputError(f"{what} is {quoted(type(value).__name__)}, not a camera")
    return {str(name).lstrip("_"): each for part in known for name, each in part.items()}
