"""The layers of YOLOv3 and YOLOv3-SPP, without torch.

Redmon and Farhadi 2018: Darknet-53, then three heads at 1/32, 1/16 and 1/8 of the input; the variant with spatial
pyramid pooling puts three maximum filters before the first one. Layers are numbered as in Darknet, and parameters
named by these numbers as in the published PyTorch readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

CLASSES = 80
ATTRIBUTES = 5 + CLASSES
"""Numbers of a box: x, y, width, height, objectness, classes."""

ANCHORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))
"""Typical widths and heights of boxes in pixels of the input, three for each head."""

Kind = Literal["conv", "shortcut", "route", "upsample", "maxpool", "yolo"]


@dataclass(frozen=True)
class Layer:
    """One layer.

    filters, size, stride: of a convolution; size also of a maximum filter. norm: whether a batch norm and a leaky ReLU
    follow the convolution. sources: other layers that it reads, negative ones relative to itself. anchors: rows of
    `ANCHORS` of a head.
    """

    kind: Kind
    filters: int = 0
    size: int = 1
    stride: int = 1
    norm: bool = True
    sources: tuple[int, ...] = ()
    anchors: tuple[int, ...] = ()


def _conv(filters: int, size: int, stride: int = 1) -> Layer:
    return Layer("conv", filters, size, stride)


def _darknet53() -> Iterator[Layer]:
    yield _conv(32, 3)
    for blocks, width in ((1, 64), (2, 128), (8, 256), (8, 512), (4, 1024)):
        yield _conv(width, 3, stride=2)
        for _ in range(blocks):
            yield from (_conv(width // 2, 1), _conv(width, 3), Layer("shortcut", sources=(-3,)))


def _pair(width: int) -> tuple[Layer, Layer]:
    return _conv(width, 1), _conv(2 * width, 3)


def _head(anchors: tuple[int, ...]) -> tuple[Layer, Layer]:
    return Layer("conv", len(anchors) * ATTRIBUTES, norm=False), Layer("yolo", anchors=anchors)


def _pyramid(width: int) -> tuple[Layer, ...]:
    """Maximum filters of three sizes, joined with their input."""
    return (
        Layer("maxpool", size=5),
        Layer("route", sources=(-2,)),
        Layer("maxpool", size=9),
        Layer("route", sources=(-4,)),
        Layer("maxpool", size=13),
        Layer("route", sources=(-1, -3, -5, -6)),
        _conv(width, 1),
    )


def _finer(width: int, shared: int) -> tuple[Layer, ...]:
    """The layers from before a head to twice its resolution, joined with a layer of Darknet-53."""
    return (
        Layer("route", sources=(-4,)),
        _conv(width, 1),
        Layer("upsample", stride=2),
        Layer("route", sources=(-1, shared)),
    )


def _layers(*, pyramid: bool) -> tuple[Layer, ...]:
    pooled = (*_pair(512), _conv(512, 1), *_pyramid(512), _conv(1024, 3), *_pair(512))
    first = pooled if pyramid else _pair(512) * 3
    middle, last = (*_finer(256, 61), *_pair(256) * 3), (*_finer(128, 36), *_pair(128) * 3)
    heads = (_head((6, 7, 8)), _head((3, 4, 5)), _head((0, 1, 2)))
    return (*_darknet53(), *first, *heads[0], *middle, *heads[1], *last, *heads[2])


LAYERS = {"yolov3": _layers(pyramid=False), "yolov3-spp": _layers(pyramid=True)}
"""The layers of each network, in order."""

TITLES = {"yolov3": "YOLOv3", "yolov3-spp": "YOLOv3-SPP"}


def places(number: int, layer: Layer) -> tuple[int, ...]:
    """The numbers of the layers that a route or shortcut reads."""
    return tuple(source if source >= 0 else number + source for source in layer.sources)


def inputs(layers: tuple[Layer, ...]) -> list[int]:
    """The number of channels that each layer reads (of a route: that it gives)."""
    outputs: list[int] = []
    read: list[int] = []
    for number, layer in enumerate(layers):
        before = outputs[-1] if outputs else 3
        if layer.kind == "route":
            before = sum(outputs[place] for place in places(number, layer))
        read.append(before)
        outputs.append(layer.filters if layer.kind == "conv" else before)
    return read


def tensors_in_order(layers: tuple[Layer, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors in the order of a `.weights` file: norm or bias first, then the filters."""
    rows: list[tuple[str, tuple[int, ...]]] = []
    for number, (layer, channels) in enumerate(zip(layers, inputs(layers), strict=True)):
        if layer.kind != "conv":
            continue
        stem, width = f"module_list.{number}", (layer.filters,)
        if layer.norm:
            names = ("bias", "weight", "running_mean", "running_var")
            rows += [(f"{stem}.batch_norm_{number}.{name}", width) for name in names]
        else:
            rows.append((f"{stem}.conv_{number}.bias", width))
        rows.append((f"{stem}.conv_{number}.weight", (layer.filters, channels, layer.size, layer.size)))
    return rows
