"""The background room of synthetic clips: a floor at y = 0 and textured walls, in perspective."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.geometry.camera import unproject
from kinema.synthetic.style import Style
from kinema.visualization.renderer import to_linear, to_srgb

_TEXELS = 1024
_FLOOR_SIZE, _WALL_SIZE = 3.0, 4.0
"""Metres covered by one tile of the floor's and the wall's texture."""
_MIP_LEVELS = 6


class Room:
    """A room of four walls around a scene; its textures are generated once. All lengths in metres, world axes."""

    def __init__(self, style: Style, scene: np.ndarray) -> None:
        """scene: (N,3) positions that must lie inside: people and cameras."""
        self.style = style
        self._lens: tuple[tuple[tuple[int, int], bytes, bytes | None], np.ndarray] | None = None
        rng = np.random.default_rng([style.texture, 0x400])
        self.floor = _mip_levels(_floor_texture(style, rng))
        self.wall = _mip_levels(_wall_texture(style, rng))
        low = scene.min(axis=0) - rng.uniform(1.8, 3.5, 3)
        high = scene.max(axis=0) + rng.uniform(1.8, 3.5, 3)
        # Axis normal to the wall, and its coordinate on that axis.
        self.walls = ((2, float(low[2])), (0, float(low[0])), (0, float(high[0])), (2, float(high[2])))

    def _rays(self, size: tuple[int, int], intrinsics: np.ndarray, distortion: np.ndarray | None) -> np.ndarray:
        """(H,W,3) float32: rays of the pixels at depth 1, in the camera's frame. Those of the latest lens are cached,
        because undistortion is iterative."""
        lens = (size, intrinsics.tobytes(), None if distortion is None else distortion.tobytes())
        if self._lens is None or self._lens[0] != lens:
            pixels = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1).astype(np.float64)
            rays = np.ones((size[1], size[0], 3), dtype=np.float32)
            rays[..., :2] = unproject(pixels, intrinsics, distortion)
            self._lens = lens, rays
        return self._lens[1]

    def view(
        self,
        size: tuple[int, int],
        intrinsics: np.ndarray,
        rotation: np.ndarray,
        translation: np.ndarray,
        distortion: np.ndarray | None = None,
    ) -> np.ndarray:
        """A view of the empty room, (H,W,3) float32 sRGB in [0,1].

        size: width, height; rotation (3,3), translation (3,): world to camera.
        """
        width, height = size
        rays = self._rays(size, intrinsics, distortion) @ rotation.astype(np.float32)
        origin = (-rotation.T @ translation).astype(np.float32)
        spread = np.float32(1 / intrinsics[0, 0])

        with np.errstate(divide="ignore", invalid="ignore"):
            nearest = np.where(rays[..., 1] < 0, -origin[1] / rays[..., 1], np.float32(np.inf))
            which = np.full((height, width), -1, dtype=np.int8)
            for number, (axis, coordinate) in enumerate(self.walls):
                distance = (np.float32(coordinate) - origin[axis]) / rays[..., axis]
                closer = (distance > 0) & (distance < nearest)
                nearest = np.where(closer, distance, nearest)
                which[closer] = number
        nearest = np.minimum(nearest, np.float32(100.0))
        points = origin + rays * nearest[..., None]
        length = np.sqrt(rays[..., 0] ** 2 + rays[..., 1] ** 2 + rays[..., 2] ** 2)
        grazing = np.maximum(np.sqrt(np.abs(rays[..., 1]) / length), np.float32(0.05))
        out = np.zeros((height, width, 3), dtype=np.float32)
        for rows in _rows_with(which < 0):
            texel = nearest[rows] * spread / grazing[rows]
            out[rows] = _sample(self.floor, points[rows, :, 0], points[rows, :, 2], texel, _FLOOR_SIZE)
        for rows in _rows_with(which >= 0):
            # Each wall has its own texture offset and brightness.
            wall, point = which[rows], points[rows]
            crosswise = np.array([axis == 0 for axis, _ in self.walls])[wall]
            u = np.where(crosswise, point[..., 2], point[..., 0]) + np.float32(1.3) * wall
            found = _sample(self.wall, u, -point[..., 1], nearest[rows] * spread, _WALL_SIZE)
            found *= np.array([1.0, 0.88, 0.80, 0.7], dtype=np.float32)[wall][..., None]
            out[rows] = np.where((wall >= 0)[..., None], found, out[rows])
        return out


def _rows_with(mask: np.ndarray) -> list[slice]:
    """The band of image rows that contains all of `mask` (H,W), or an empty list."""
    rows = np.flatnonzero(mask.any(axis=1))
    return [slice(int(rows[0]), int(rows[-1]) + 1)] if len(rows) else []


def _sample(levels: list[np.ndarray], u: np.ndarray, v: np.ndarray, texel: np.ndarray, size: float) -> np.ndarray:
    """Colours at u, v (H,W) metres of a tiled texture; texel: metres covered by a pixel there."""
    blur = np.log2(np.maximum(texel * (_TEXELS / size), 1))
    level = np.clip(np.rint(blur), 0, len(levels) - 1).astype(int)
    x = np.mod(u * (_TEXELS / size), _TEXELS).astype(np.float32)
    y = np.mod(v * (_TEXELS / size), _TEXELS).astype(np.float32)
    out: np.ndarray | None = None
    for number in np.flatnonzero(np.bincount(level.ravel())):
        shrink = 2.0**-number
        found = cv2.remap(
            levels[number],
            (x + np.float32(0.5)) * np.float32(shrink) - np.float32(0.5),
            (y + np.float32(0.5)) * np.float32(shrink) - np.float32(0.5),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        out = found if out is None else np.where((level == number)[..., None], found, out)
    return np.zeros((*u.shape, 3), np.float32) if out is None else np.asarray(out, dtype=np.float32)


def _mip_levels(texture: np.ndarray) -> list[np.ndarray]:
    """The texture's mip levels, against aliasing in the distance."""
    levels = [texture]
    for _ in range(_MIP_LEVELS - 1):
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return levels


def _grain(rng: np.random.Generator, stretch: tuple[int, int] = (1, 1), octaves: int = 7) -> np.ndarray:
    """Tileable fractal noise of mean 0 and standard deviation 1, (TEXELS,TEXELS).

    stretch: stretching of the grain, across and down.
    """
    total = np.zeros((_TEXELS, _TEXELS), dtype=np.float32)
    for octave in range(2, octaves + 2):
        columns, rows = max(2**octave // stretch[0], 2), max(2**octave // stretch[1], 2)
        small = np.pad(rng.normal(size=(rows, columns)).astype(np.float32), 2, mode="wrap")
        scale_x, scale_y = _TEXELS // columns, _TEXELS // rows
        large = cv2.resize(small, None, fx=scale_x, fy=scale_y, interpolation=cv2.INTER_CUBIC)
        total += 0.6**octave * large[2 * scale_y : 2 * scale_y + _TEXELS, 2 * scale_x : 2 * scale_x + _TEXELS]
    return np.asarray((total - total.mean()) / total.std())


def _cells(rows: int, columns: int, joint: float, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A brick pattern: cell row and column of each texel, and a mask of the joints (mortar). joint: fraction of a
    cell."""
    y, x = np.meshgrid(np.arange(_TEXELS) / _TEXELS * rows, np.arange(_TEXELS) / _TEXELS * columns, indexing="ij")
    row = np.floor(y).astype(int)
    x = np.mod(x + shift * (row % 2), columns)
    column = np.floor(x).astype(int)
    edge_x, edge_y = joint, joint * rows / columns
    gap = (np.mod(x, 1) < edge_x) | (np.mod(y, 1) < edge_y)
    return row, column, gap


def _shaded(color: tuple[float, float, float], brightness: np.ndarray) -> np.ndarray:
    """A colour with brightness varying over the texture, (TEXELS,TEXELS,3) sRGB."""
    linear = to_linear(np.array(color))[None, None] * np.clip(brightness, 0.05, 2.5)[..., None]
    return to_srgb(linear).astype(np.float32)


def _floor_texture(style: Style, rng: np.random.Generator) -> np.ndarray:
    if style.floor == "planks":
        row, column, gap = _cells(24, 2, 0.004, shift=0.37)
        tone = rng.normal(1, 0.14, (24, 3))[row, column]
        light = tone * (1 + 0.10 * _grain(rng, (1, 8))) * np.where(gap, 0.45, 1)
    elif style.floor == "tiles":
        row, column, gap = _cells(6, 6, 0.02)
        tone = np.where((row + column) % 2 == 0, 1.0, rng.uniform(0.35, 0.9)) * rng.normal(1, 0.04, (6, 6))[row, column]
        light = np.where(gap, 0.5, tone * (1 + 0.05 * _grain(rng)))
    elif style.floor == "carpet":
        light = 1 + 0.08 * _grain(rng, octaves=4) + 0.18 * rng.normal(size=(_TEXELS, _TEXELS)).astype(np.float32)
    else:
        light = 1 + 0.14 * _grain(rng) + 0.03 * rng.normal(size=(_TEXELS, _TEXELS)).astype(np.float32)
    return _shaded(style.floor_color, light)


def _wall_texture(style: Style, rng: np.random.Generator) -> np.ndarray:
    if style.wall == "bricks":
        row, column, gap = _cells(48, 16, 0.05, shift=0.5)
        light = np.where(gap, 1.25, rng.normal(0.9, 0.12, (48, 16))[row, column] * (1 + 0.06 * _grain(rng)))
    elif style.wall == "panels":
        row, column, gap = _cells(3, 6, 0.012)
        light = np.where(gap, 0.7, rng.normal(1, 0.03, (3, 6))[row, column] + 0.04 * _grain(rng, (8, 1)))
    else:
        light = 1 + 0.05 * _grain(rng)
    texture = _shaded(style.wall_color, light)
    # The texture's rows run from the top of a 4 m wall down to the floor: a skirting board
    # and a few framed pictures, so that the wall has corners and edges of its own.
    height = _TEXELS / _WALL_SIZE
    texture[-round(0.12 * height) :] *= 0.6
    for _ in range(rng.integers(0, 4)):
        wide, high = (int(height * s) for s in rng.uniform(0.3, 1.0, 2))
        left, top = int(rng.integers(0, _TEXELS - wide)), int(height * (_WALL_SIZE - rng.uniform(1.9, 2.5)))
        color = (rng.uniform(0.2, 0.7) + rng.uniform(-0.18, 0.18, 3)).astype(np.float32)
        texture[top : top + high, left : left + wide] = 0.15
        inner = texture[top + 8 : top + high - 8, left + 8 : left + wide - 8]
        shade = 1 + 0.35 * _grain(rng)[: inner.shape[0], : inner.shape[1], None]
        inner[...] = np.clip(color * shade, 0, 1)
    return texture
