"""Occlusion sensitivity: how occluding each part of an image affects each joint of an estimator.

A patch is slid over the person's crop; the estimator is run at each position, and the errors of
all joints are recorded (Zeiler and Fergus 2014; Kocabas et al. 2021, section 4.1, with the same grid). Errors
are relative to the truth if known, else to the estimator's own prediction for the unoccluded crop.

Any `kinema.models.image_estimator.ImageEstimator` can be analysed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kinema.errors import UsageError
from kinema.evaluation.options import OcclusionOptions
from kinema.metrics import joint_errors, pa_joint_errors
from kinema.models.image_estimator import ImageEstimator
from kinema.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The errors, metres, of J joints for a patch at R x C positions. F = R * C.

    patches (F,4): y, x, height, width of each patch, in pixels of the input, row by row. heat, pa_heat (R,C,J): errors
    of the joints before and after similarity alignment. error, pa_error (J,): of the unoccluded input. predictions
    (F,J,3): the joints for each patch; reference (J,3): what they are compared with; truth: whether it is the truth.
    """

    estimator: str
    joints: tuple[str, ...]
    size: int
    patches: np.ndarray
    heat: np.ndarray
    pa_heat: np.ndarray
    error: np.ndarray
    pa_error: np.ndarray
    predictions: np.ndarray
    reference: np.ndarray
    truth: bool


def grid(size: int, patch: int, stride: int) -> np.ndarray:
    """Patches over a square of `size`: (S,S,4) y x height width; the last ones are clipped at the border."""
    if patch > size:
        raise UsageError(f"a patch of {patch} pixels is larger than the input of {size}")
    side = math.ceil((size - patch) / stride + 1)
    start = np.minimum(np.arange(side) * stride, size - 1)
    extent = np.minimum(start + patch, size) - start
    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    return np.stack([start[y], start[x], extent[y], extent[x]], axis=-1)


def occlusion_sensitivity(
    prepared: np.ndarray,
    estimator: ImageEstimator,
    options: OcclusionOptions | None = None,
    *,
    truth: np.ndarray | None = None,
    progress: Progress = silent,
) -> Sensitivity:
    """Slide the patch over a prepared input (size,size,3).

    truth (J,3): true joint positions relative to the hips, metres; None compares with the unoccluded prediction.
    """
    options = options or OcclusionOptions()
    patches = grid(estimator.size, options.patch, options.stride)
    flat = patches.reshape(-1, 4)
    plain = estimator.estimate(prepared[None])[0]
    reference = plain if truth is None else np.asarray(truth, dtype=np.float64)
    if reference.shape != plain.shape:
        raise UsageError(f"the truth has shape {reference.shape}, but {estimator.name} predicts {plain.shape}")
    predictions = []
    for start in range(0, len(flat), options.batch):
        covered = [occluded(prepared, patch, estimator.fill) for patch in flat[start : start + options.batch]]
        predictions.append(estimator.estimate(np.array(covered)))
        progress(min(start + options.batch, len(flat)), len(flat))
    every = np.concatenate(predictions)
    target = np.broadcast_to(reference, every.shape)
    shape = (*patches.shape[:2], len(estimator.joints))
    return Sensitivity(
        estimator=estimator.name,
        joints=estimator.joints,
        size=estimator.size,
        patches=flat,
        heat=joint_errors(every, target).reshape(shape),
        pa_heat=pa_joint_errors(every, target).reshape(shape),
        error=joint_errors(plain[None], reference[None])[0],
        pa_error=pa_joint_errors(plain[None], reference[None])[0],
        predictions=every,
        reference=reference,
        truth=truth is not None,
    )


def occluded(prepared: np.ndarray, patch: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """The input occluded by a patch (4,) y x height width."""
    y, x, height, width = (int(value) for value in patch)
    out = prepared.copy()
    out[y : y + height, x : x + width] = fill
    return out
