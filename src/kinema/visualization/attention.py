"""Visualizing where a network looks for each joint: PARE's part attention, NLF's heatmaps, over the person's crop."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kinema.skeleton import SMPL24

_COLUMNS, _TILE = 6, 160
LABEL = 16
"""Height in pixels of a line of text above an image."""


def heat_over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heatmap (h,w) in [0,1] half over an image (H,W,3) uint8, in jet colours, resized by cubic interpolation."""
    size = image.shape[1], image.shape[0]
    resized = cv2.resize(heat.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.rint(0.5 * image + 0.5 * jet(resized)).astype(np.uint8)


def attention_sheet(crop: np.ndarray, attention: np.ndarray, notes: Sequence[str] = ()) -> np.ndarray:
    """All 24 maps (24,h,w) over the crop (S,S,3) uint8, one tile each with the joint's name: (H,W,3) uint8.

    Each map is scaled by its own maximum: it shows where the network attends, not how sharply. notes: on each joint,
    below its name.
    """
    small = cv2.resize(crop, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
    tiles = []
    for number, (one, name) in enumerate(zip(attention, SMPL24.joints, strict=True)):
        heat = cv2.resize((one / max(float(one.max()), 1e-12)).astype(np.float32), (_TILE, _TILE))
        # Where there is no attention, the image stays unchanged.
        opacity = 0.75 * np.sqrt(np.clip(heat, 0, 1))[..., None]
        tiles.append(
            labelled(
                np.rint((1 - opacity) * small + opacity * jet(heat)).astype(np.uint8), name, *notes[number : number + 1]
            )
        )
    return sheet(tiles, _COLUMNS)


def jet(heat: np.ndarray) -> np.ndarray:
    """Values (h,w) in [0,1] as colours (h,w,3) uint8, from blue to red."""
    values = np.rint(255 * np.clip(heat, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(values, cv2.COLORMAP_JET)[..., ::-1])


def labelled(image: np.ndarray, *lines: str) -> np.ndarray:
    """The image with lines of text above it."""
    height, width = image.shape[:2]
    out = np.full((height + LABEL * len(lines), width, 3), 24, np.uint8)
    out[LABEL * len(lines) :] = image
    for i, line in enumerate(lines):
        origin = (4, LABEL * (i + 1) - 4)
        cv2.putText(out, line, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return out


def sheet(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Images of one size in a grid with `columns` columns."""
    empty = np.zeros_like(tiles[0])
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    return np.concatenate(
        [np.concatenate([*row, *[empty] * (min(columns, len(tiles)) - len(row))], axis=1) for row in rows]
    )
