"""BlazePose's landmark network (GHUM 3D, "full"): one person's 33 landmarks from one crop.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking" (2020); Grishchenko et al., "BlazePose GHUM
Holistic" (2022). Tensor layout and post-processing follow MediaPipe's public documentation of
`pose_landmark_full.tflite` (Apache-2.0).

Input 256x256 RGB in [0, 1]. Outputs: 39 landmarks x (x, y, z, visibility, presence) in crop pixels and logits; a pose
score in [0, 1]; a 256x256 person mask; a 64x64x39 heatmap (logits); 39 world landmarks in metres relative to the
mid-hip. The first 33 landmarks are the body's, 33 and 34 define the circle from which the next frame's crop is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.geometry.crops import crop
from kinema.geometry.roi import from_crop, roi_from_circle, rotate
from kinema.models.litert import LiteNetwork, check_shapes

CROP = 256
NUM_LANDMARKS = 33
_HEATMAP = 64
_NUM_ALL = 39
_KERNEL = 7
_LEAN = (0, 1, 3, 4)  # the outputs without the mask
_SHAPES = [(1, 195), (1, 1), (1, CROP, CROP, 1), (1, _HEATMAP, _HEATMAP, _NUM_ALL), (1, 117)]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The network's output for one crop.

    points (33, 2) pixels of the image; depth (33,) pixels, relative to the mid-hip, growing away from the
    camera; visibility, presence (33,) in [0, 1]: "not occluded" and "inside the crop"; world (33, 3) metres,
    mid-hip relative, in the camera's axes (x right, y down, z away); score: that there is a person;
    roi (4,) of the crop; next_roi (4,) of the crop in the next frame; mask (256, 256) float32 logits of the
    person in the crop, None where it was not asked for.
    """

    points: np.ndarray
    depth: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    world: np.ndarray
    score: float
    roi: np.ndarray
    next_roi: np.ndarray
    mask: np.ndarray | None = None


class BlazePoseLandmarker:
    """The network, its crop and its decoding.

    The segmentation branch takes as long as everything else together, so the network is kept in two forms: one
    without the mask, and the whole one, loaded when a mask is first asked for.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, name: str = "blazepose-landmarks-full") -> None:
        """name: of the weights, for messages; "full" and "heavy" have the same inputs and outputs."""
        self._path, self._threads = path, threads
        self._lean = LiteNetwork(path, threads=threads, outputs=_LEAN)
        self._whole: LiteNetwork | None = None
        check_shapes(self._lean, (1, CROP, CROP, 3), [_SHAPES[i] for i in _LEAN], name)
        self._tensor = np.empty((1, CROP, CROP, 3), dtype=np.float32)

    def __call__(self, image: np.ndarray, roi: np.ndarray, *, mask: bool = False) -> Landmarks:
        """Landmarks of the person in `roi` (4,) of `image` (H, W, 3) uint8 RGB; with the mask if asked for."""
        return self.run_crop(crop(image, roi, size=CROP), roi, mask=mask)

    def run_crop(self, pixels: np.ndarray, roi: np.ndarray, *, mask: bool = False) -> Landmarks:
        """Landmarks from a crop (256, 256, 3) uint8, cut out of an image at `roi` (4,) by `kinema.geometry.crops`."""
        np.multiply(pixels, np.float32(1.0 / 255.0), out=self._tensor[0], casting="unsafe")
        if mask:
            if self._whole is None:
                self._whole = LiteNetwork(self._path, threads=self._threads)
            values, score, logits, heatmap, world = self._whole(self._tensor)
            return decode(values[0], float(score[0, 0]), heatmap[0], world[0], roi, logits[0, ..., 0])
        values, score, heatmap, world = self._lean(self._tensor)
        return decode(values[0], float(score[0, 0]), heatmap[0], world[0], roi)


def decode(
    values: np.ndarray,
    score: float,
    heatmap: np.ndarray,
    world: np.ndarray,
    roi: np.ndarray,
    mask: np.ndarray | None = None,
) -> Landmarks:
    """The network's raw outputs for one crop as `Landmarks` in the image.

    values (195,), heatmap (64, 64, 39), world (117,), roi (4,), mask (256, 256).
    """
    table = values.reshape(_NUM_ALL, 5).astype(np.float64)
    unit = refine(table[:, :2] / CROP, heatmap)
    placed = from_crop(unit, roi)
    body = slice(0, NUM_LANDMARKS)
    return Landmarks(
        points=placed[body],
        depth=table[body, 2] * (float(roi[2]) / CROP),
        visibility=_sigmoid(table[body, 3]),
        presence=_sigmoid(table[body, 4]),
        world=rotate(world.reshape(_NUM_ALL, 3)[body].astype(np.float64), float(roi[3])),
        score=score,
        roi=np.asarray(roi, dtype=np.float64),
        next_roi=roi_from_circle(placed[33], placed[34]),
        mask=mask,
    )


def refine(unit: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Landmarks (39, 2) in units of the crop, moved to the heatmap's local centre of mass.

    heatmap (64, 64, 39) logits. A landmark moves only if the heatmap is confident (a value of 0.5 within the 7x7 cells
    around it) and if it lies inside the crop.
    """
    half = _KERNEL // 2
    cells = np.floor(unit * _HEATMAP).astype(int)
    inside = np.all((cells >= 0) & (cells < _HEATMAP), axis=1)
    offsets = np.arange(-half, half + 1)
    columns = cells[:, None, 0] + offsets  # (39, 7)
    rows = cells[:, None, 1] + offsets
    valid = _within(rows)[:, :, None] & _within(columns)[:, None, :]  # (39, 7, 7)
    picked = heatmap[
        np.clip(rows, 0, _HEATMAP - 1)[:, :, None],
        np.clip(columns, 0, _HEATMAP - 1)[:, None, :],
        np.arange(len(unit))[:, None, None],
    ]
    weight = np.where(valid, _sigmoid(picked.astype(np.float64)), 0.0)
    total = weight.sum(axis=(1, 2))
    moves = inside & (weight.max(axis=(1, 2)) >= 0.5)
    total[~moves] = 1.0
    refined = np.array(unit, dtype=np.float64)
    refined[moves, 0] = (np.einsum("krc,kc->k", weight, columns) / total / _HEATMAP)[moves]
    refined[moves, 1] = (np.einsum("krc,kr->k", weight, rows) / total / _HEATMAP)[moves]
    return refined


def _within(cells: np.ndarray) -> np.ndarray:
    return (cells >= 0) & (cells < _HEATMAP)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))))
