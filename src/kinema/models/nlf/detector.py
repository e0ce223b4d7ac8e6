"""The person detector of the NLF program around any network of YOLO's kind: its input, variants, and suppression.

The network is a function of images (B,3,640,640) float32 in [0,1], which gives (B,84,M): centre, width and height of
M boxes in pixels of its input, and the scores of COCO's 80 classes, of which the first are people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.models.nlf.crops import LINEAR

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 640
PERSON = 4
"""Row of the people's scores in the output."""

MOST = 150
"""Detections of an image where no limit is given."""

_GREY = 0.5

Network = Callable[[Any], Any]


@dataclass(frozen=True)
class Detecting:
    """threshold: least score. overlap: of two boxes that overlap more (intersection over union), the worse is dropped.
    most: detections of an image, -1 for `MOST`. flip: a mirrored variant is looked at, too; both_flips: and one that is
    upside down."""

    threshold: float = 0.2
    overlap: float = 0.7
    most: int = -1
    flip: bool = False
    both_flips: bool = False


def quarter_turns(up: np.ndarray) -> int:
    """By how many quarter turns, counter-clockwise as seen, an image must be turned so that `up` (3,), in the camera's
    axes, is up in it."""
    x, y = float(up[0]), float(up[1])
    return int(np.round(np.arctan2(x, -y) / (np.pi / 2))) % 4


def detect(
    network: Network,
    images: Sequence[np.ndarray],
    ups: Sequence[np.ndarray],
    options: Detecting,
    extra: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """People in images (H,W,3) RGB uint8: for each (P,5) x y w h score in its pixels, the best first.

    ups: the direction that is up in each camera's axes. extra: boxes (E,5) of each image that take part as if they had
    been found.
    """
    import torch

    turns = [quarter_turns(up) for up in ups]
    prepared = [_prepared(image, turn) for image, turn in zip(images, turns, strict=True)]
    batch = torch.stack([pixels for pixels, _ in prepared])
    variants = [batch]
    if options.flip or options.both_flips:
        variants.append(batch.flip(3))
    if options.both_flips:
        variants.append(batch.flip(2))
    output = network(torch.cat(variants))
    raw = np.stack([np.asarray(each, np.float64) for each in output]).reshape(
        len(variants), len(images), *output[0].shape
    )
    found = []
    for number, image in enumerate(images):
        boxes = np.concatenate([_candidates(raw[v, number], v) for v in range(len(variants))])
        boxes = _in_image(boxes, prepared[number][1], turns[number], image.shape)
        if extra is not None and len(extra[number]):
            boxes = np.concatenate([boxes, np.asarray(extra[number], np.float64).reshape(-1, 5)])
        boxes = boxes[boxes[:, 4] > options.threshold]
        most = MOST if options.most < 0 else options.most
        found.append(boxes[suppressed(boxes, options.overlap)[:most]])
    return found


def suppressed(boxes: np.ndarray, overlap: float) -> np.ndarray:
    """Rows of boxes (N,5) that are kept, the best first: greedy suppression of those that overlap a better one."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]], axis=1)
    areas = boxes[:, 2] * boxes[:, 3]
    order = np.argsort(-boxes[:, 4], kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        low, high = np.maximum(corners[best, :2], corners[order, :2]), np.minimum(corners[best, 2:], corners[order, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        order = order[shared <= overlap * (areas[best] + areas[order] - shared)]
    return np.array(kept, dtype=int)


@dataclass(frozen=True)
class _Padded:
    """How a turned image lies in the input: its scale and the pixels before it, x and y."""

    scale: tuple[float, float]
    before: tuple[int, int]


def _prepared(image: np.ndarray, turn: int) -> tuple[Tensor, _Padded]:
    """The network's input (3,640,640) of an image, upright."""
    import torch
    from torch.nn import functional

    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float()
    pixels = (pixels / 255 if image.dtype == np.uint8 else pixels).pow(LINEAR)
    height, width = pixels.shape[2:]
    factor = SIDE / max(height, width)
    size = [round(height * factor), round(width * factor)]
    if factor > 1:
        pixels = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
    elif factor < 1:
        pixels = functional.interpolate(pixels, size=size, mode="area")
    pixels = pixels.pow(1 / LINEAR)
    left, top = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    pad = (left, SIDE - size[1] - left, top, SIDE - size[0] - top)
    pixels = functional.pad(pixels, pad, value=_GREY)
    return torch.rot90(pixels[0], turn, (1, 2)), _Padded((size[1] / width, size[0] / height), (left, top))


def _candidates(raw: np.ndarray, variant: int) -> np.ndarray:
    """(M,5) cx cy w h score in pixels of the upright input, of an output (84,M) of a mirrored one."""
    boxes = raw[[0, 1, 2, 3, PERSON]].T.copy()
    if variant:
        boxes[:, variant - 1] = SIDE - boxes[:, variant - 1]
    return boxes


def _in_image(boxes: np.ndarray, place: _Padded, turn: int, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes cx cy w h of the upright input as x y w h of the image."""
    middle = (SIDE - 1) / 2 if turn else SIDE / 2  # turned by pixel centres, mirrored by borders, as in the original
    centre, size = boxes[:, :2] - middle, boxes[:, 2:4]
    for _ in range(turn):  # back: clockwise
        centre, size = np.stack([-centre[:, 1], centre[:, 0]], axis=1), size[:, ::-1]
    corner = centre + middle - size / 2
    scale = np.array(place.scale)
    return np.concatenate([(corner - place.before) / scale, size / scale, boxes[:, 4:]], axis=1)
