"""Occlusion sensitivity: which covered part of a picture changes which joint of an estimator's answer.

A patch is slid over the person's crop; for each of its places the estimator answers again, and the errors of
all joints are kept (Zeiler and Fergus 2014; Kocabas et al. 2021, section 4.1, with the same grid). The errors
are against the truth where it is known, else against the estimator's own answer to the uncovered crop.

Any estimator of single pictures can be analysed: it is an `ImageEstimator`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kinema.errors import UsageError
from kinema.evaluation.options import OcclusionOptions
from kinema.metrics import joint_errors, pa_joint_errors
from kinema.progress import Progress, silent


class ImageEstimator(Protocol):
    """What turns a person's crop into 3D joints.

    name: in files and titles. size: pixels of the square input. joints: names of what it gives. fill (3,): the mean
    colour in the input's own unit, which a patch is filled with. weights: sha256 by file name.
    """

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def joints(self) -> tuple[str, ...]: ...
    @property
    def fill(self) -> np.ndarray: ...
    @property
    def weights(self) -> Mapping[str, str]: ...

    def prepare(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """The input (size,size,3) float32 for the person in a box (4,) cx cy w h of an image (H,W,3) uint8."""
        ...

    def picture(self, prepared: np.ndarray) -> np.ndarray:
        """A prepared input as a picture (size,size,3) uint8."""
        ...

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        """Joints (n,J,3) metres, relative to the hips, of inputs (n,size,size,3)."""
        ...


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The errors, metres, of J joints for a patch at R x C places. F = R * C.

    places (F,4): y, x, height, width of each place, in pixels of the input, row by row. heat, pa_heat (R,C,J): errors
    of the joints before and after similarity alignment. error, pa_error (J,): of the uncovered input. answers (F,J,3):
    the joints for each place; reference (J,3): what they are compared with; truth: whether that is the truth.
    """

    estimator: str
    joints: tuple[str, ...]
    size: int
    places: np.ndarray
    heat: np.ndarray
    pa_heat: np.ndarray
    error: np.ndarray
    pa_error: np.ndarray
    answers: np.ndarray
    reference: np.ndarray
    truth: bool


def grid(size: int, patch: int, stride: int) -> np.ndarray:
    """Places of the patch over a square of `size`: (S,S,4) y x height width; the last ones are cut by the border."""
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

    truth (J,3): the joints' true places relative to the hips, metres; None compares with the estimator's own answer.
    """
    options = options or OcclusionOptions()
    places = grid(estimator.size, options.patch, options.stride)
    flat = places.reshape(-1, 4)
    plain = estimator.estimate(prepared[None])[0]
    reference = plain if truth is None else np.asarray(truth, dtype=np.float64)
    if reference.shape != plain.shape:
        raise UsageError(f"the truth has shape {reference.shape}, but {estimator.name} gives {plain.shape}")
    answers = []
    for start in range(0, len(flat), options.batch):
        covered = [occluded(prepared, place, estimator.fill) for place in flat[start : start + options.batch]]
        answers.append(estimator.estimate(np.array(covered)))
        progress(min(start + options.batch, len(flat)), len(flat))
    every = np.concatenate(answers)
    target = np.broadcast_to(reference, every.shape)
    shape = (*places.shape[:2], len(estimator.joints))
    return Sensitivity(
        estimator=estimator.name,
        joints=estimator.joints,
        size=estimator.size,
        places=flat,
        heat=joint_errors(every, target).reshape(shape),
        pa_heat=pa_joint_errors(every, target).reshape(shape),
        error=joint_errors(plain[None], reference[None])[0],
        pa_error=pa_joint_errors(plain[None], reference[None])[0],
        answers=every,
        reference=reference,
        truth=truth is not None,
    )


def occluded(prepared: np.ndarray, place: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """The input with the patch at a place (4,) y x height width."""
    y, x, height, width = (int(value) for value in place)
    out = prepared.copy()
    out[y : y + height, x : x + width] = fill
    return out
