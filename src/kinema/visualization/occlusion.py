"""Visualizing an occlusion analysis: a heatmap per joint, and a video of the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from kinema.evaluation.occlusion import Sensitivity, occluded
from kinema.models.image_estimator import ImageEstimator
from kinema.video import VideoWriter
from kinema.visualization.attention import LABEL, heat_over, labelled, sheet
from kinema.visualization.weak_views import WeakBody, WeakView

DISPLAY = 480
"""Side of the images in pixels."""

RATE = 15.0
"""Frames per second of the sweep video."""

_COLUMNS, _TILE = 5, 224
_COLOR = (0.35, 0.7, 0.9)


def heat_sheet(image: np.ndarray, found: Sensitivity, *, aligned: bool = False) -> np.ndarray:
    """One tile per joint, and one for their mean: its error heatmap over the crop (S,S,3) uint8.

    All joints share one scale, so that they can be compared; each title gives the smallest and largest error in
    mm. aligned: errors after similarity alignment.
    """
    heat = found.pa_heat if aligned else found.heat
    whole = np.concatenate([heat, heat.mean(axis=-1, keepdims=True)], axis=-1)
    low, high = float(heat.min()), float(heat.max())
    small = cv2.resize(image, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
    tiles = []
    for k, name in enumerate((*found.joints, "mean of all")):
        one = whole[..., k]
        tile_image = heat_over(small, (one - low) / max(high - low, 1e-12))
        tiles.append(labelled(tile_image, name, f"{1000 * one.min():.0f} - {1000 * one.max():.0f} mm"))
    return sheet(tiles, _COLUMNS)


def write_sweep(path: Path, prepared: np.ndarray, estimator: ImageEstimator, found: Sensitivity) -> Path:
    """Write the sweep as a video: the occluded crop, the estimator's output for it, and its mean error.

    The body is drawn if the estimator gives one, else its joints from the front. Raises OutputError.
    """
    with VideoWriter(path, 2 * DISPLAY, DISPLAY + LABEL) as writer:
        for number, frame in enumerate(_sweep(prepared, estimator, found)):
            writer.write(frame, number / RATE)
    return path


def _sweep(prepared: np.ndarray, estimator: ImageEstimator, found: Sensitivity) -> Iterator[np.ndarray]:
    mean = found.heat.mean(axis=-1).ravel()
    draw = _drawer(estimator, found)
    for number, place in enumerate(found.patches):
        covered = occluded(prepared, place, estimator.fill)
        crop = cv2.resize(estimator.to_image(covered), (DISPLAY, DISPLAY), interpolation=cv2.INTER_LINEAR)
        both = np.concatenate([crop, draw(crop, covered, found.predictions[number])], axis=1)
        yield labelled(both, f"{found.estimator}: mean error {1000 * mean[number]:.0f} mm")


def _drawer(
    estimator: ImageEstimator, found: Sensitivity
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """A function that draws the estimate: the mesh over the crop, or the joints on black."""
    vertices, faces = getattr(estimator, "vertices", None), getattr(estimator, "faces", None)
    if vertices is None or faces is None:
        reach = max(float(np.abs(found.predictions[..., :2]).max()), 1e-3)
        scale = 0.45 * DISPLAY / reach

        def joints(crop: np.ndarray, covered: np.ndarray, answer: np.ndarray) -> np.ndarray:
            out = np.zeros_like(crop)
            for points, ink in ((found.reference, (90, 90, 90)), (answer, (90, 180, 230))):
                for x, y in points[:, :2] * scale + DISPLAY / 2:
                    cv2.circle(out, (round(float(x)), round(float(y))), 5, ink, -1, cv2.LINE_AA)
            return out

        return joints
    view = WeakView(DISPLAY, DISPLAY, faces)

    def mesh(crop: np.ndarray, covered: np.ndarray, answer: np.ndarray) -> np.ndarray:
        bodies, cameras = vertices(covered[None])
        scale, tx, ty = cameras[0]
        return view.draw(crop, [WeakBody(bodies[0], np.array([scale, scale, tx, ty]), _COLOR)])

    return mesh
