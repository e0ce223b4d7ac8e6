"""Inference with NLF's crop model in float32: crops in, points of the body out.

What is computed is the original's within rounding (`kinema.models.nlf.fast.network`). The released program works in
half precision, in which torch's sampling of images fails on a CPU; on a GPU it may be called instead
(`kinema.models.nlf.program`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import ShapeError, UsageError
from kinema.models.nlf.crops import crops_of
from kinema.models.nlf.merging import merged
from kinema.models.nlf.views import Lens, View, augmentations, view_of
from kinema.models.torch_inference import chosen_device

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.nlf.network import CropModel
    from kinema.models.nlf.point_network import PointCodes, PointWeights

NO_TORCH = "NLF needs torch, which is not installed; run `pip install 'kinema[torch]'`"


@dataclass(frozen=True)
class CropSettings:
    """How people are cropped. variants: of every crop, merged afterwards; antialias: factor at which crops are sampled
    before they are averaged; white: what lies outside of the image is white, not black; decodings: how often the
    image's gamma is decoded."""

    variants: int = 1
    antialias: int = 1
    white: bool = False
    decodings: int = 1


@dataclass(frozen=True, eq=False)
class CroppedPerson:
    """The variants of one person's crop (A,3,R,R), and their virtual cameras."""

    crops: Tensor
    views: tuple[View, ...]


class NlfEstimator:
    """The crop model of a weights file, or one in memory, and the points that it looks for.

    weights: `.pt`, `.torchscript` (its weights are taken, it is not run), or a `CropModel`, which is changed. data:
    `nlf_data_files.zip`, where a `.pt` needs it. points (N,3): in the canonical body, metres. halves: round the points'
    weights as the released program does. device: "cpu", "cuda", or "auto" for the GPU if there is one. threads: of
    torch on the CPU, for the whole process (None: torch's default). Raises UsageError (torch missing, no such device),
    InputError, UnsafeFileError.
    """

    def __init__(
        self,
        weights: str | Path | CropModel,
        points: np.ndarray,
        *,
        data: str | Path | None = None,
        halves: bool = False,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        try:
            import torch
        except ImportError:
            raise UsageError(NO_TORCH) from None
        from kinema.models.nlf.fast.network import fast_network
        from kinema.models.nlf.reading import read_crop_model

        if threads is not None:
            torch.set_num_threads(threads)
        self.device = chosen_device(device)
        self.path = Path(weights) if isinstance(weights, (str, Path)) else None
        model = read_crop_model(weights, data) if isinstance(weights, (str, Path)) else weights
        with torch.inference_mode():
            given = torch.from_numpy(np.asarray(points, np.float32))
            found = model.weights_of(given).rounded() if halves else model.codes_of(given)
            self._weights: PointWeights | PointCodes = type(found)(
                *(each.to(self.device) for each in vars(found).values())
            )
        self.side = model.size.side
        self.count = len(points)
        self._net = fast_network(model, self.device, torch.get_num_threads())

    @cached_property
    def sha256(self) -> str:
        """Of the weights file, for provenance; empty for a model in memory."""
        from kinema.weights.cache import file_sha256

        return "" if self.path is None else file_sha256(self.path)

    def __call__(self, crops: Tensor, intrinsics: np.ndarray, flipped: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (n,N,3) metres in the crops' cameras and uncertainties (n,N) metres.

        crops (n,3,R,R) float32 in [0,1]; intrinsics (n,3,3); flipped (n,) bool: mirrored crops.
        """
        import torch

        from kinema.models.nlf.fast.network import PIECE
        from kinema.models.nlf.point_network import localize
        from kinema.models.nlf.reconstruction import reconstruct

        if crops.ndim != 4 or tuple(crops.shape[1:]) != (3, self.side, self.side):
            raise ShapeError(f"NLF takes crops (n, 3, {self.side}, {self.side}), found {tuple(crops.shape)}")
        points = np.zeros((len(crops), self.count, 3), np.float32)
        uncertainty = np.zeros((len(crops), self.count), np.float32)
        piece = PIECE[self.device]
        with torch.inference_mode():
            for start in range(0, len(crops), piece):
                rows = slice(start, start + piece)
                batch = crops[rows].to(self.device).contiguous(memory_format=torch.channels_last)
                cameras = torch.from_numpy(np.asarray(intrinsics[rows], np.float32)).to(self.device)
                mirrored = torch.from_numpy(np.asarray(flipped[rows], bool))
                found = localize(self._net(batch), self._weights, self.side, mirrored)
                placed, spread = reconstruct(found, cameras, self.side)
                points[rows], uncertainty[rows] = placed.cpu().numpy(), spread.cpu().numpy()
        return points, uncertainty

    def relative(self, crops: np.ndarray) -> np.ndarray:
        """Points (n,N,3) metres relative to an unknown root, of crops (n,3,R,R) float32 in [0,1]: without a camera."""
        import torch

        from kinema.models.nlf.fast.network import PIECE
        from kinema.models.nlf.point_network import localize

        with torch.inference_mode():
            parts = [
                localize(
                    self._net(piece.to(self.device).contiguous(memory_format=torch.channels_last)),
                    self._weights,
                    self.side,
                ).metric.cpu()
                for piece in torch.from_numpy(crops).split(PIECE[self.device])
            ]
        return np.asarray(torch.cat(parts).numpy())

    def heatmaps(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each point is looked for: probabilities (n,N,R/32,R/32) over the cells of crops (n,3,R,R) float32 in
        [0,1], and uncertainties (n,N) metres."""
        import torch

        from kinema.models.nlf.facts import UNCERTAINTY_FACTOR
        from kinema.models.nlf.point_network import heatmaps, localize

        with torch.inference_mode():
            given = torch.from_numpy(crops).to(self.device).contiguous(memory_format=torch.channels_last)
            features = self._net(given)
            maps = heatmaps(features, self._weights).cpu().numpy()
            spread = localize(features, self._weights, self.side).uncertainty.cpu().numpy()
        return np.asarray(maps), np.asarray(spread * UNCERTAINTY_FACTOR)

    def cropped(self, image: np.ndarray, boxes: np.ndarray, lens: Lens, settings: CropSettings) -> list[CroppedPerson]:
        """The people in boxes (P,4) x y w h of an image (H,W,3) uint8 RGB."""
        people = []
        for box in boxes:
            views = tuple(view_of(box, lens, self.side, each) for each in augmentations(settings.variants))
            crops = crops_of(
                image, views, lens, self.side, antialias=settings.antialias, white=settings.white,
                decodings=settings.decodings,
            )  # fmt: skip
            people.append(CroppedPerson(crops, views))
        return people

    def located(self, people: Sequence[CroppedPerson]) -> tuple[np.ndarray, np.ndarray]:
        """Points (P,N,3) metres in the frames of the people's cameras, and uncertainties (P,N) metres."""
        import torch

        if not people:
            return np.zeros((0, self.count, 3)), np.zeros((0, self.count))
        views = [view for person in people for view in person.views]
        points, uncertainty = self(
            torch.cat([person.crops for person in people]),
            np.stack([view.intrinsics for view in views]),
            np.array([view.augmentation.flipped for view in views]),
        )
        turned = points.astype(np.float64) @ np.stack([view.rotation for view in views])
        placed, spread, start = [], [], 0
        for person in people:
            rows = slice(start, start + len(person.views))
            start = rows.stop
            one = merged(turned[rows], uncertainty[rows])
            placed.append(one[0])
            spread.append(one[1])
        return np.stack(placed), np.stack(spread)
