"""PARE on a video: everyone's crops through the network in full batches, the outputs by track."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from kinema.models.pare.crops import crop_batches
from kinema.models.pare.torch_run import PareEstimator, Regressed
from kinema.progress import Progress, silent

Tracks = Mapping[int, tuple[np.ndarray, np.ndarray]]
"""id -> frames (F,) and boxes (F,4) cx cy w h."""


def regress_tracks(
    images: Iterable[np.ndarray],
    tracks: Tracks,
    estimator: PareEstimator,
    *,
    batch_size: int = 16,
    crop_scale: float = 1.0,
    progress: Progress = silent,
) -> dict[int, Regressed]:
    """The network's outputs for every person in every frame of their track; memory does not grow with the frames.

    images: of the frames 0, 1, ... (H,W,3) uint8 RGB. A video that ends early shortens the tracks.
    """
    total = sum(len(frames) for frames, _ in tracks.values())
    shapes = {"rotations": (24, 3, 3), "betas": (10,), "camera": (3,)}
    found = {
        id: {name: np.full((len(frames), *shape), np.nan, np.float32) for name, shape in shapes.items()}
        for id, (frames, _) in tracks.items()
    }
    done = 0
    for batch in crop_batches(images, tracks, batch=batch_size, scale=crop_scale):
        output = estimator(batch.crops)
        for id in np.unique(batch.track):
            mine = batch.track == id
            for name in shapes:
                found[int(id)][name][batch.row[mine]] = getattr(output, name)[mine]
        done += len(batch.row)
        progress(done, total)
    kept = {}
    for id, arrays in found.items():
        rows = np.isfinite(arrays["camera"]).all(axis=1)
        if rows.any():
            kept[id] = Regressed(**{name: value[rows] for name, value in arrays.items()})
    return kept
