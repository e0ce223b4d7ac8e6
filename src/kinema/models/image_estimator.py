"""What an estimator of single images offers to the occlusion analysis: a person's joints, and where it looks for
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from kinema.models.attention import Attention


class ImageEstimator(Protocol):
    """Estimates 3D joints from a person's crop.

    name: in files and titles. size: pixels of the square input. joints: names of the output. fill (3,): the mean
    colour in the input's unit, with which a patch is filled. weights: sha256 by file name.
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

    def to_image(self, prepared: np.ndarray) -> np.ndarray:
        """A prepared input as an image (size,size,3) uint8."""
        ...

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        """Joints (n,J,3) metres, relative to the hips, of inputs (n,size,size,3)."""
        ...


@runtime_checkable
class AttentiveEstimator(Protocol):
    """An `ImageEstimator` that can say where it looks."""

    def attention(self, prepared: np.ndarray) -> Attention:
        """Where it looks for each of SMPL's joints in an input (size,size,3)."""
        ...


@runtime_checkable
class LabelledEstimator(Protocol):
    """An `ImageEstimator` with joints or crops of its own for labelled people, as its published evaluation has them."""

    def prepare_labelled(self, image: np.ndarray, center: np.ndarray, scale: float) -> np.ndarray:
        """The input (size,size,3) for a person of scale * 200 pixels around a centre (2,) of an image (H,W,3)."""
        ...

    def truth(self, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Its joints (n,J,3), metres, relative to the hips, of true poses (n,72) and shapes (n,10) of SMPL."""
        ...


@dataclass(frozen=True)
class ImageSettings:
    """What every estimator of single images may be told. body_model: an SMPL file, None for the estimator's own body;
    data: the data folder of the PARE release; threads: CPU threads, None for its own choice."""

    body_model: str | None = None
    data: Path | None = None
    threads: int | None = None
