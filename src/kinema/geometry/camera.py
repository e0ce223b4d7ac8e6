"""Pinhole cameras: a clip's camera, projection, rays, default intrinsics. OpenCV axes: x right, y down, z forward."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.checks import checked, frozen
from kinema.errors import ShapeError, UsageError

DEFAULT_FOV = 55.0
"""Field of view along the longer image side, degrees, when nothing is known.

Phones' main cameras in video mode lie between 50 and 70 degrees, lenses of 24-50 mm between 40 and 74.
"""

FILM_WIDTH, FILM_DIAGONAL = 36.0, math.hypot(36.0, 24.0)
"""mm: the frame of 35 mm film, to which equivalent focal lengths refer."""

TAG_UNCERTAINTY = 0.06
"""Standard deviation of the logarithm of a tagged focal length: stabilisation crops 5-15 % of the width."""

CERTAIN = ("fov option", "calibration", "file")
"""Sources of a focal length that is not estimated again."""

NEAREST_DEPTH = 0.1
"""Metres: nearer points are projected as if they were at this depth, to keep the division bounded."""


@dataclass(frozen=True, eq=False, repr=False)
class Camera(Brief):
    """A pinhole camera of the clip: X_cam = rotation @ X_world + translation; pixels = K X_cam.

    width, height in pixels; intrinsics (3,3) in pixels; distortion (4,), (5,) or (8,) OpenCV order or
    None; rotation (3,3) or (T,3,3) and translation (3,) or (T,3) from world to camera, None while the
    world is unknown; moving: True / False once measured, None before; focal_source: where the focal length came from:
    "fov option", "metadata", "calibration", "file", "estimated" (from lines of the background), "assumed" (from how
    such videos are usually recorded) or "default"; fov_uncertainty: standard deviation of the field of view in degrees,
    None if it is not known.
    """

    width: int
    height: int
    intrinsics: np.ndarray
    distortion: np.ndarray | None = None
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    moving: bool | None = None
    focal_source: str = "default"
    fov_uncertainty: float | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ShapeError(f"camera: size must be positive, found {self.width}x{self.height}")
        object.__setattr__(self, "intrinsics", checked(self.intrinsics, "intrinsics", (3, 3), {}, "camera"))
        if self.intrinsics[0, 0] <= 0 or self.intrinsics[1, 1] <= 0:
            raise ShapeError("camera: the focal lengths must be positive")
        if self.distortion is not None:
            distortion = frozen(self.distortion, np.float64)
            if distortion.shape not in ((4,), (5,), (8,)):
                raise ShapeError(f"camera: distortion must be (4,), (5,) or (8,), found {distortion.shape}")
            object.__setattr__(self, "distortion", distortion)
        if (self.rotation is None) != (self.translation is None):
            raise ShapeError("camera: rotation and translation must be given together; one of them is missing")
        if self.rotation is not None and self.translation is not None:
            lead: tuple[str | int, ...] = ("T",) if np.ndim(self.rotation) == 3 else ()
            sizes = {"T": len(self.rotation)} if lead else {}
            rotation = checked(self.rotation, "rotation", (*lead, 3, 3), sizes, "camera")
            object.__setattr__(self, "rotation", rotation)
            translation = checked(self.translation, "translation", (*lead, 3), sizes, "camera")
            object.__setattr__(self, "translation", translation)
            if not np.allclose(rotation @ np.swapaxes(rotation, -1, -2), np.eye(3), atol=1e-4):
                raise ShapeError("camera: rotation is not a rotation matrix")
            if np.any(np.linalg.det(rotation) < 0):
                raise ShapeError("camera: rotation contains a reflection, its determinant must be +1")

        spread = self.fov_uncertainty
        if spread is not None and not 0 <= spread <= 180:
            raise ShapeError(f"camera: fov_uncertainty must lie between 0 and 180 degrees, found {spread}")

    @property
    def fov(self) -> float:
        """Field of view over the longer side, degrees."""
        return math.degrees(2 * math.atan(max(self.width, self.height) / 2 / float(self.intrinsics[0, 0])))

    def replace(self, **changes: Any) -> Camera:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def at(self, frames: np.ndarray | Sequence[int]) -> Camera:
        """The camera in some frames of its clip (indices or a mask): itself, unless it has a pose for each frame."""
        if self.rotation is None or self.translation is None or self.rotation.ndim == 2:
            return self
        return self.replace(rotation=self.rotation[frames], translation=self.translation[frames])


def camera_from_fov(
    width: int, height: int, fov: float = DEFAULT_FOV, source: str = "default", *, uncertainty: float | None = None
) -> Camera:
    """A camera with square pixels and a centred principal point, whose longer side spans `fov` degrees."""
    if not 1.0 < fov < 175.0:
        raise UsageError(f"`fov` must lie between 1 and 175 degrees, found {fov}")
    focal = 0.5 * max(width, height) / math.tan(math.radians(fov) / 2)
    return camera_from_focal(width, height, focal, source, uncertainty=uncertainty)


def with_fov(camera: Camera | None, width: int, height: int, fov: float) -> Camera:
    """The camera of a clip with the field of view that the user gives and the known distortion of its lens."""
    asked = camera_from_fov(width, height, fov, "fov option", uncertainty=0.0)
    return asked if camera is None else asked.replace(distortion=camera.distortion)


def camera_from_focal(
    width: int, height: int, focal: float, source: str, *, uncertainty: float | None = None
) -> Camera:
    """A camera with square pixels, a centred principal point and a focal length of `focal` pixels.

    Pixel centres are at integers. uncertainty: of the field of view, degrees.
    """
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return Camera(width=width, height=height, intrinsics=intrinsics, focal_source=source, fov_uncertainty=uncertainty)


def camera_from_35mm(width: int, height: int, millimetres: float) -> Camera:
    """The camera of an image whose lens is described by its 35 mm equivalent focal length.

    Equivalents are defined by the diagonal of the film frame, 36 by 24 mm. Images wider than 3:2 are cropped from the
    frame at the top and the bottom, so their longer side spans its 36 mm (an iPhone's 26 mm lens for 4:3 photos is
    tagged 27 in 16:9 videos: 26 mm times 36 over the 34.6 mm that photos span). Stabilisation and digital zoom show
    less than that, by a factor that no tag gives.
    """
    longer, diagonal = max(width, height), math.hypot(width, height)
    focal = millimetres * max(longer / FILM_WIDTH, diagonal / FILM_DIAGONAL)
    fov = 2 * math.atan(longer / 2 / focal)
    return camera_from_focal(
        width, height, focal, "metadata", uncertainty=math.degrees(math.sin(fov)) * TAG_UNCERTAINTY
    )


def project(points: np.ndarray, intrinsics: np.ndarray, distortion: np.ndarray | None = None) -> np.ndarray:
    """Camera-frame points (..., 3) metres -> pixels (..., 2).

    distortion: OpenCV coefficients (4,), (5,) or (8,), or None.
    """
    points = np.asarray(points, dtype=np.float64)
    depth = np.maximum(points[..., 2:], NEAREST_DEPTH)
    if distortion is not None and points.size:
        import cv2

        flat = np.concatenate([points[..., :2], depth], axis=-1).reshape(-1, 3)
        pixels, _ = cv2.projectPoints(flat, np.zeros(3), np.zeros(3), np.asarray(intrinsics), np.asarray(distortion))
        return pixels.reshape(*points.shape[:-1], 2)
    normalized = points[..., :2] / depth
    return np.asarray(normalized @ np.asarray(intrinsics)[:2, :2].T + np.asarray(intrinsics)[:2, 2])


def unproject(pixels: np.ndarray, intrinsics: np.ndarray, distortion: np.ndarray | None = None) -> np.ndarray:
    """Pixels (..., 2) -> points of the rays at depth 1, (..., 2): the normalised image plane."""
    pixels = np.asarray(pixels, dtype=np.float64)
    if distortion is not None and pixels.size:
        import cv2

        # With the default of five iterations the error reaches pixels near the corners of wide lenses.
        flat = cv2.undistortPointsIter(
            pixels.reshape(-1, 1, 2),
            np.asarray(intrinsics),
            np.asarray(distortion),
            np.eye(3),
            np.eye(3),
            (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12),
        )
        return flat.reshape(pixels.shape)
    inverse = np.linalg.inv(np.asarray(intrinsics))
    return pixels @ inverse[:2, :2].T + inverse[:2, 2]


def scaled_intrinsics(intrinsics: np.ndarray, scale: float) -> np.ndarray:
    """Intrinsics (3, 3) for the same image at `scale` times its size; pixel centres are at integers."""
    shift = (scale - 1) / 2
    return np.asarray(np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]]) @ np.asarray(intrinsics))


def resized_intrinsics(intrinsics: np.ndarray, size: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Intrinsics (..., 3, 3) of images of `size`, width and height, for the same images scaled to the size `new`.

    Pixel centres are at integers, so that the image's corner lies at -0.5.
    """
    factor = np.array(new, dtype=float) / np.array(size, dtype=float)
    scaled = np.array(intrinsics, dtype=float)
    scaled[..., :2, :2] *= factor[:, None]
    scaled[..., :2, 2] = (scaled[..., :2, 2] + 0.5) * factor - 0.5
    return scaled


def to_camera(points: np.ndarray, camera: Camera) -> np.ndarray:
    """World points (F, ..., 3) -> camera frame; a moving camera's frame i applies to points[i]."""
    rotation, translation = _extrinsics(camera, np.ndim(points))
    return np.asarray(np.squeeze(rotation @ np.asarray(points)[..., None], -1) + translation)


def to_world(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Camera-frame points (F, ..., 3) -> world; a moving camera's frame i applies to points[i]."""
    rotation, translation = _extrinsics(camera, np.ndim(points))
    return np.asarray(np.squeeze(np.swapaxes(rotation, -1, -2) @ (np.asarray(points) - translation)[..., None], -1))


def _extrinsics(camera: Camera, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    if camera.rotation is None or camera.translation is None:
        raise UsageError("the camera's pose in the world is unknown; run the world stage first")
    rotation, translation = camera.rotation, camera.translation
    if rotation.ndim == 3:
        middle = (1,) * (ndim - 2)
        rotation = rotation.reshape(len(rotation), *middle, 3, 3)
        translation = translation.reshape(len(translation), *middle, 3)
    return rotation, translation


def join_cameras(parts: Sequence[tuple[Camera | None, int]]) -> Camera | None:
    """The camera of concatenated clips; each part is a clip's camera and its number of frames.

    One pose is kept if all clips share it; otherwise the camera has a pose for every frame. Raises UsageError if the
    intrinsics differ, or if the pose is known in some clips only.
    """
    known = [camera for camera, _ in parts if camera is not None]
    if not known:
        return None
    head = known[0]
    if len(known) < len(parts) or not all(_same_lens(camera, head) for camera in known):
        raise UsageError("the clips have different cameras; set one camera for all of them first")
    states = {camera.moving for camera in known}
    head = head.replace(moving=states.pop() if len(states) == 1 else True if True in states else None)
    placed = [camera.rotation is not None for camera in known]
    if not any(placed):
        return head
    if not all(placed):
        raise UsageError("the camera's pose is known in one clip only; clear it or run the world stage on the others")
    if all(np.asarray(camera.rotation).ndim == 2 and _same_place(camera, head) for camera in known):
        return head
    rotations = [np.broadcast_to(np.asarray(c.rotation), (n, 3, 3)) for c, (_, n) in zip(known, parts, strict=True)]
    translations = [np.broadcast_to(np.asarray(c.translation), (n, 3)) for c, (_, n) in zip(known, parts, strict=True)]
    return head.replace(rotation=np.concatenate(rotations), translation=np.concatenate(translations))


def merge_cameras(a: Camera | None, b: Camera | None) -> Camera | None:
    """The camera of two motions of one clip: whichever camera and whichever pose is known.

    Raises UsageError if the intrinsics or the poses differ.
    """
    if a is None or b is None:
        return b if a is None else a
    placed = a.rotation is not None and b.rotation is not None
    if not _same_lens(a, b) or (placed and not _same_place(a, b)):
        raise UsageError("the motions have different cameras; run them with the same camera first")
    return b if a.rotation is None else a


def _same_place(a: Camera, b: Camera) -> bool:
    return np.array_equal(np.asarray(a.rotation), np.asarray(b.rotation)) and np.array_equal(
        np.asarray(a.translation), np.asarray(b.translation)
    )


def _same_lens(a: Camera, b: Camera) -> bool:
    if (a.width, a.height) != (b.width, b.height) or not np.array_equal(a.intrinsics, b.intrinsics):
        return False
    if a.distortion is None or b.distortion is None:
        return a.distortion is b.distortion
    return np.array_equal(a.distortion, b.distortion)
