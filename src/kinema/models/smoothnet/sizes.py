"""SmoothNet's sizes, read from a checkpoint's tensors, without torch.

They cannot be taken from a configuration: the authors', MMPose's and MMHuman3D's files differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kinema.errors import InputError
from kinema.models.published_tensors import require_shapes
from kinema.models.smoothnet.facts import TENSORS


@dataclass(frozen=True)
class SmoothNetSizes:
    """window: input frames; outputs: output frames; hidden, inner: widths; blocks: number of residual blocks."""

    window: int
    outputs: int
    hidden: int
    inner: int
    blocks: int


def sizes_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> SmoothNetSizes:
    """Read all sizes from the shapes of the tensors; nothing else in a file is reliable.

    Raises InputError if a tensor is missing, unexpected or inconsistent with the others.
    """
    for key in TENSORS:
        if len(shapes.get(key, ())) != 2:
            raise InputError(f"{name} is not a SmoothNet checkpoint: it has no matrix {key!r}")
    hidden, window = shapes["encoder.0.weight"]
    outputs = shapes["decoder.weight"][0]
    blocks = len({key.split(".")[1] for key in shapes if key.startswith("res_blocks.")})
    inner = shapes.get("res_blocks.0.linear1.weight", (0,))[0]
    expected: dict[str, tuple[int, ...]] = {
        "encoder.0.weight": (hidden, window),
        "encoder.0.bias": (hidden,),
        "decoder.weight": (outputs, hidden),
        "decoder.bias": (outputs,),
    }
    for i in range(blocks):
        expected[f"res_blocks.{i}.linear1.weight"] = (inner, hidden)
        expected[f"res_blocks.{i}.linear1.bias"] = (inner,)
        expected[f"res_blocks.{i}.linear2.weight"] = (hidden, inner)
        expected[f"res_blocks.{i}.linear2.bias"] = (hidden,)
    require_shapes(shapes, expected, "SmoothNet", name)
    return SmoothNetSizes(window, outputs, hidden, inner, blocks)
