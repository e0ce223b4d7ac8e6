"""The virtual cameras of crops: each looks at the middle of a person's box, upright, from where the camera stands.

Cameras are OpenCV's; pixel centres are at integers. Poses that the network finds in a crop belong to its virtual
camera, so they are turned back by `View.rotation`, and no perspective is lost by cropping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.errors import ShapeError

Y_DOWN_UP = (0.0, -1.0, 0.0)
"""Up, in the axes of a level camera."""

MOST_DEGREES = 25.0
"""How far the variants of a crop are turned, to either side."""


@dataclass(frozen=True, eq=False)
class Lens:
    """How a camera sees: intrinsics (3,3), pixels; distortion: OpenCV's coefficients, or None; up (3,): the direction
    that is up, in the camera's axes."""

    intrinsics: np.ndarray
    distortion: np.ndarray | None = None
    up: np.ndarray | None = None

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions (...,3), of depth 1, in which the pixels (...,2) look."""
        import cv2

        pixels = np.asarray(pixels, np.float64)
        if self.distortion is not None and np.any(self.distortion) and pixels.size:
            stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
            plane = cv2.undistortPointsIter(
                pixels.reshape(-1, 1, 2), self.intrinsics, self.distortion, np.eye(3), np.eye(3), stop
            ).reshape(pixels.shape)
        else:
            plane = _homogeneous(pixels) @ np.linalg.inv(self.intrinsics).T
        return _homogeneous(plane[..., :2])


@dataclass(frozen=True)
class Augmentation:
    """A variant of a crop. angle: radians in the image plane; zoom: of the person's size in it; gamma: of its colours;
    flipped: mirrored left and right."""

    angle: float = 0.0
    zoom: float = 1.0
    gamma: float = 0.8
    flipped: bool = False


def augmentations(count: int) -> tuple[Augmentation, ...]:
    """The `count` variants of every crop: turned, zoomed, darker and brighter, every other one mirrored."""
    if count < 1:
        raise ShapeError(f"a crop needs at least one variant, found {count}")
    if count == 1:
        return (Augmentation(),)
    half = count // 2
    angles = np.radians(np.linspace(-MOST_DEGREES, MOST_DEGREES, count))
    zooms = np.concatenate([np.linspace(0.8, 1.0, half, endpoint=False), np.linspace(1.0, 1.1, count - half)])
    gammas = np.linspace(0.6, 1.0, count)
    return tuple(
        Augmentation(float(angles[i]), float(zooms[i]), float(gammas[i]), flipped=bool((i - half) % 2))
        for i in range(count)
    )


@dataclass(frozen=True, eq=False)
class View:
    """The virtual camera of a crop: intrinsics (3,3), and rotation (3,3) from the camera's axes to its own; of a
    mirrored crop it contains the reflection. zoom: pixels of the crop per pixel of the image, about its middle."""

    intrinsics: np.ndarray
    rotation: np.ndarray
    zoom: float
    augmentation: Augmentation


def view_of(box: np.ndarray, lens: Lens, side: int, augmentation: Augmentation) -> View:
    """The virtual camera of a box (4,) x y w h in pixels, for a crop of `side` pixels. Raises ShapeError."""
    x, y, width, height = (float(value) for value in box[:4])
    if not (np.all(np.isfinite(box[:4])) and width > 0 and height > 0):
        raise ShapeError(f"a box must have a positive, finite size, found {np.asarray(box).tolist()}")
    rays = lens.rays(
        np.array([
            [x + width / 2, y + height / 2],
            [x, y + height / 2],
            [x + width, y + height / 2],
            [x + width / 2, y],
            [x + width / 2, y + height],
        ])
    )  # fmt: skip
    rotation = looking_along(rays[0], np.asarray(Y_DOWN_UP if lens.up is None else lens.up, np.float64))
    projected = rays[1:] @ (lens.intrinsics @ rotation).T
    edges = projected[:, :2] / projected[:, 2:]
    size = max(np.linalg.norm(edges[0] - edges[1]), np.linalg.norm(edges[2] - edges[3]))
    zoom = side / size * augmentation.zoom
    intrinsics = np.array(lens.intrinsics, np.float64)
    intrinsics[:2, :2] *= zoom
    intrinsics[:2, 2] = side / 2
    sine, cosine = np.sin(augmentation.angle), np.cos(augmentation.angle)
    turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    if augmentation.flipped:
        turn[0] *= -1
    return View(intrinsics, turn @ rotation, float(zoom), augmentation)


def looking_along(direction: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The rotation (3,3) to the axes of a camera that looks along `direction` (3,) and stands upright."""
    z = direction / np.linalg.norm(direction)
    x = np.cross(z, up)
    if np.linalg.norm(x) < 1e-6:  # it looks straight up or down
        x = np.cross(z, [0.0, 0.0, 1.0]) if abs(z[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def distorted(plane: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Points (...,2) at depth 1 as the lens bends them. coefficients: 4, 5, 8 or 12 of OpenCV, in its order.

    OpenCV's model for perspective lenses: a rational polynomial of the radius, tangential terms, a thin prism.
    """
    c = np.zeros(12)
    c[: len(coefficients)] = coefficients
    x, y = plane[..., 0], plane[..., 1]
    r2 = x * x + y * y
    radial = (1 + r2 * (c[0] + r2 * (c[1] + r2 * c[4]))) / (1 + r2 * (c[5] + r2 * (c[6] + r2 * c[7])))
    return np.stack(
        [
            x * radial + 2 * c[2] * x * y + c[3] * (r2 + 2 * x * x) + r2 * (c[8] + r2 * c[9]),
            y * radial + c[2] * (r2 + 2 * y * y) + 2 * c[3] * x * y + r2 * (c[10] + r2 * c[11]),
        ],
        axis=-1,
    )


def sampling_grid(view: View, lens: Lens, side: int, oversampling: int = 1) -> np.ndarray:
    """The pixels (S,S,2) of the image that a crop of S = side * oversampling pixels shows; float64, NaN behind it."""
    size = side * oversampling
    axis = (np.arange(size) + 0.5) / oversampling - 0.5
    pixels = np.stack(np.meshgrid(axis, axis), axis=-1)
    rays = _homogeneous(pixels) @ np.linalg.inv(view.intrinsics @ view.rotation).T
    with np.errstate(divide="ignore", invalid="ignore"):
        plane = np.where(rays[..., 2:] > 0, rays[..., :2] / rays[..., 2:], np.nan)
    if lens.distortion is not None and np.any(lens.distortion):
        plane = distorted(plane, np.asarray(lens.distortion, np.float64))
    return np.asarray(plane @ lens.intrinsics[:2, :2].T + lens.intrinsics[:2, 2])


def _homogeneous(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
