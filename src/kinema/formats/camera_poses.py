"""The contents of a file of camera poses, in any layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.checks import checked
from kinema.errors import ShapeError
from kinema.geometry.camera_path import CameraPath

LONGEST_CLOCK = 1e12
"""Seconds: upper limit of times; clocks that count from 1970 are below it."""

DISTORTIONS = (4, 5, 8)
"""Supported numbers of OpenCV's distortion coefficients."""


@dataclass(frozen=True, eq=False)
class CameraPoses:
    """Poses in order of time, and their relation to a clip.

    path: of T poses. lens: whether its intrinsics are the file's; otherwise they have focal length 1 and are
    meaningless. times (T,) seconds, numbers (T,) int frames of the video from 0, both increasing, None if the file has
    none; size: width and height in pixels of the images that the intrinsics refer to; distortion (4,), (5,) or (8,): of
    all images, in OpenCV's order; notes: sentences that the user must see. Raises ShapeError.
    """

    path: CameraPath
    lens: bool = True
    times: np.ndarray | None = None
    numbers: np.ndarray | None = None
    size: tuple[int, int] | None = None
    distortion: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("times", "numbers"):
            value = getattr(self, name)
            if value is None:
                continue
            value = checked(value, name, ("T",), {"T": len(self.path)}, "camera path", largest=LONGEST_CLOCK)
            if np.any(np.diff(value) <= 0):
                raise ShapeError(f"camera path: {name} must increase from pose to pose")
            object.__setattr__(self, name, value if name == "times" else value.astype(np.int64))
        if self.size is not None and not all(1 <= side <= 1e6 for side in self.size):
            raise ShapeError(f"camera path: the images' size must be positive, found {self.size[0]}x{self.size[1]}")


def one_distortion(value: Any, what: str) -> np.ndarray | None:
    """OpenCV's coefficients (n,) of a lens, from (n,) or equal rows (T,n); None if they are all 0.

    what: whose, for errors. Raises ShapeError: another number of them, or a lens that changes.
    """
    rows = np.atleast_2d(np.asarray(value, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] not in DISTORTIONS or not np.isfinite(rows).all():
        known = ", ".join(map(str, DISTORTIONS[:-1]))
        raise ShapeError(
            f"{what}: the distortion must be {known} or {DISTORTIONS[-1]} coefficients in OpenCV's order, found shape"
            f" {np.shape(value)}"
        )
    if np.ptp(rows, axis=0).max(initial=0.0) > 1e-9:
        raise ShapeError(f"{what}: the distortion changes from image to image; undistort the clip first")
    return rows[0] if np.any(rows[0]) else None
