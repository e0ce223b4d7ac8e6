"""Mask R-CNN on images: everything that it finds, or the people only.

Standard parameters of torchvision, for its published weights. torch is imported when a network is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.imagenet import MEAN, STD
from kinema.models.maskrcnn.boxes import anchors, clipped, large, moved, pasted, suppressed
from kinema.models.maskrcnn.facts import (
    ANCHOR_SIZES,
    BOX_CELLS,
    BOX_WEIGHTS,
    CLASSES,
    DETECTIONS,
    LONG_SIDE,
    MASK_CELLS,
    MULTIPLE,
    OVERLAP,
    PERSON,
    PERSON_MASK,
    PERSON_SCORE,
    PROPOSAL_OVERLAP,
    PROPOSAL_SMALLEST,
    PROPOSALS,
    SCORE,
    SHORT_SIDE,
    SMALLEST,
)
from kinema.models.maskrcnn.regions import features_of

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.maskrcnn.network import MaskRCNN


@dataclass(frozen=True, eq=False)
class Detections:
    """What the network found, best first: boxes (N,4) x1 y1 x2 y2 in pixels of the image; labels (N,) of COCO; scores
    (N,); masks (N,H,W) float32 in [0,1], soft."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    masks: np.ndarray


def scaled(image: np.ndarray) -> tuple[Tensor, tuple[int, int]]:
    """The network's input (1,3,h,w) of an image (H,W,3) uint8 RGB: normalised, scaled, padded with zeros to the right
    and below; and height and width of the image in it."""
    import torch
    from torch.nn import functional

    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
    pixels = (pixels - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None]
    sides = image.shape[:2]
    factor = min(SHORT_SIDE / min(sides), LONG_SIDE / max(sides))
    pixels = functional.interpolate(
        pixels[None], scale_factor=factor, mode="bilinear", align_corners=False, recompute_scale_factor=True
    )
    height, width = pixels.shape[2:]
    return functional.pad(pixels, (0, -width % MULTIPLE, 0, -height % MULTIPLE)), (height, width)


def proposals(net: MaskRCNN, maps: list[Tensor], padded: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Boxes (n,4) in pixels of the input where something may be, the likeliest first.

    maps: the pyramid's; padded, size: height and width of the input, and of the image in it.
    """
    boxes, scores, groups = [], [], []
    for number, one in enumerate(maps):
        logits, offsets = net.rpn.head(one)
        objectness = logits[0].permute(1, 2, 0).reshape(-1).numpy()
        best = np.argsort(-objectness, kind="stable")[:PROPOSALS]
        chosen = offsets[0].reshape(-1, 4, *one.shape[2:]).permute(2, 3, 0, 1).reshape(-1, 4).numpy()[best]
        here = anchors(ANCHOR_SIZES[number], (one.shape[2], one.shape[3]), padded)[best]
        boxes.append(clipped(moved(here, chosen), *size))
        scores.append(objectness[best])
        groups.append(np.full(len(best), number))
    placed, likely, level = np.concatenate(boxes), np.concatenate(scores), np.concatenate(groups)
    kept = large(placed, PROPOSAL_SMALLEST)
    placed, likely, level = placed[kept], likely[kept], level[kept]
    return np.asarray(placed[suppressed(placed, likely, level, PROPOSAL_OVERLAP)[:PROPOSALS]])


def boxes_in(
    net: MaskRCNN, maps: list[Tensor], where: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (N,4) in pixels of the input, labels (N,) and scores (N,) of the things at the proposals `where` (n,4)."""
    heads = net.roi_heads
    logits, offsets = heads.box_predictor(heads.box_head(features_of(maps, where, BOX_CELLS)))
    every = moved(where, offsets.reshape(-1, CLASSES, 4).numpy(), BOX_WEIGHTS)[:, 1:].reshape(-1, 4)
    scores = logits.softmax(dim=1).numpy()[:, 1:].reshape(-1)
    labels = np.tile(np.arange(1, CLASSES), len(where))
    every = clipped(every, *size)
    kept = np.flatnonzero((scores > np.float32(SCORE)) & large(every, SMALLEST))
    kept = kept[suppressed(every[kept], scores[kept], labels[kept], OVERLAP)[:DETECTIONS]]
    return every[kept], labels[kept], scores[kept]


def masks_in(net: MaskRCNN, maps: list[Tensor], boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Soft masks (N,28,28) in [0,1] of boxes (N,4) in pixels of the input, for their labels (N,)."""
    if not len(boxes):
        return np.zeros((0, 2 * MASK_CELLS, 2 * MASK_CELLS), np.float32)
    heads = net.roi_heads
    logits = heads.mask_predictor(heads.mask_head(features_of(maps, boxes, MASK_CELLS)))
    return np.asarray(logits[np.arange(len(labels)), labels].sigmoid().numpy())


class MaskRCNNRun:
    """The network with the weights of a checkpoint, or one that is already in memory.

    threads: of torch, for the whole process. Raises InputError for a file that is corrupt or another network's,
    UnsafeFileError, ModuleNotFoundError without torch.
    """

    def __init__(self, weights: str | Path | MaskRCNN, *, threads: int = 1) -> None:
        import torch

        from kinema.models.maskrcnn.network import MaskRCNN
        from kinema.storage.checkpoints import load_torch_checkpoint

        torch.set_num_threads(threads)
        self.net = (
            weights
            if isinstance(weights, MaskRCNN)
            else MaskRCNN.from_tensors(load_torch_checkpoint(weights), source=str(weights))
        )

    def __call__(self, image: np.ndarray) -> Detections:
        """Everything in an image (H,W,3) uint8 RGB."""
        return self._found(image, people=False)

    def people(self, image: np.ndarray) -> Detections:
        """The people in an image (H,W,3) uint8 RGB; their masks are {0,1}, and no pixel is in two of them."""
        found = self._found(image, people=True)
        return Detections(found.boxes, found.labels, found.scores, exclusive(found.masks))

    def _found(self, image: np.ndarray, *, people: bool) -> Detections:
        import torch

        with torch.inference_mode():
            pixels, size = scaled(image)
            maps = self.net.backbone(pixels)
            where = proposals(self.net, maps, (pixels.shape[2], pixels.shape[3]), size)
            boxes, labels, scores = boxes_in(self.net, maps, where, size)
            if people:
                chosen = (labels == PERSON) & (scores > PERSON_SCORE)
                boxes, labels, scores = boxes[chosen], labels[chosen], scores[chosen]
            masks = masks_in(self.net, maps, boxes, labels)
        height, width = image.shape[:2]
        ratio = np.array([width / size[1], height / size[0]] * 2, np.float32)
        boxes = boxes * ratio
        return Detections(boxes, labels, scores, pasted(masks, boxes, height, width))


def exclusive(masks: np.ndarray) -> np.ndarray:
    """Soft masks (N,H,W) as {0,1}: each pixel is kept only in the mask where it is largest, and if it exceeds
    `PERSON_MASK` there."""
    if not len(masks):
        return masks
    largest = masks.argmax(axis=0)[None] == np.arange(len(masks))[:, None, None]
    return np.asarray(largest & (masks > PERSON_MASK), np.float32)
