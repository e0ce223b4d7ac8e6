"""SynSP's sizes and tensors, without torch: what a checkpoint must contain.

The network itself is `kinema.models.synsp.network` (torch: training, several views) and
`kinema.models.synsp.onnx_run` (fast inference of one view).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinema.errors import InputError
from kinema.models.published_tensors import require_finite, require_shapes
from kinema.models.synsp.facts import POSITIONS

ENCODERS = ("encoder_local", "encoder_global")
DECODERS = ("decoder", "decoder_2")


@dataclass(frozen=True)
class SynSPSizes:
    """coordinates: numbers per frame; width: of a token; inner: of the feed-forward layers; heads; head: width
    of one head; layers: of each encoder and decoder."""

    coordinates: int
    width: int = 128
    inner: int = 128
    heads: int = 4
    head: int = 64
    layers: int = 4


def synsp_sizes(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> SynSPSizes:
    """Widths from the shapes of the tensors. Raises InputError if this is not a SynSP."""
    keys = ("proj_i_a.0.weight", "encoder_local.layer_stack.0.pos_ffn.w_1.weight",
            "encoder_local.layer_stack.0.slf_attn.w_qs.weight")  # fmt: skip
    for key in keys:
        if len(shapes.get(key, ())) != 2:
            raise InputError(f"{name} is not a SynSP checkpoint: it has no matrix {key!r}")
    width, coordinates = shapes[keys[0]]
    layers = len({key.split(".")[2] for key in shapes if key.startswith("encoder_local.layer_stack.")})
    heads = 4  # not in the tensors; all published files have heads of width 64
    return SynSPSizes(coordinates, width, shapes[keys[1]][0], heads, shapes[keys[2]][0] // heads, layers)


def expected_shapes(sizes: SynSPSizes) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of these sizes, including published ones that are never used."""
    d, inner, wide = sizes.width, sizes.inner, sizes.heads * sizes.head
    shapes: dict[str, tuple[int, ...]] = {}

    def linear(name: str, outputs: int, inputs: int, *, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (d,)

    for name in ("proj_i_p", "proj_i_a", "proj_i_2"):
        linear(f"{name}.0", d, sizes.coordinates)
        linear(f"{name}.1", d, d)
    for name in ("proj_o_p", "proj_o_a", "proj_o_2"):
        linear(f"{name}.0", 2 * d, d)
        linear(f"{name}.1", sizes.coordinates, 2 * d)
    for stack in (*ENCODERS, *DECODERS):
        if stack in ENCODERS:
            shapes[f"{stack}.position_embeddings.weight"] = (POSITIONS, d)
        for table in ("pos_table", "pos_table2"):
            shapes[f"{stack}.position_enc.{table}"] = (1, POSITIONS, d)
        norm(f"{stack}.layer_norm")
        for i in range(sizes.layers):
            layer = f"{stack}.layer_stack.{i}"
            for attention in ("slf_attn",) if stack in ENCODERS else ("slf_attn", "enc_attn"):
                for part in ("w_qs", "w_ks", "w_vs"):
                    linear(f"{layer}.{attention}.{part}", wide, d, bias=False)
                linear(f"{layer}.{attention}.fc", d, wide, bias=False)
                norm(f"{layer}.{attention}.layer_norm")
            linear(f"{layer}.pos_ffn.w_1", inner, d)
            linear(f"{layer}.pos_ffn.w_2", d, inner)
            norm(f"{layer}.pos_ffn.layer_norm")
    return shapes


def checked_tensors(tensors: Mapping[str, np.ndarray], name: str) -> tuple[SynSPSizes, dict[str, np.ndarray]]:
    """The sizes and the tensors by their published names, without the prefix `module.`.

    Raises InputError if one is missing, unexpected, of the wrong shape or not finite.
    """
    tensors = {key.removeprefix("module."): np.asarray(value) for key, value in tensors.items()}
    shapes = {key: value.shape for key, value in tensors.items()}
    sizes = synsp_sizes(shapes, name)
    expected = expected_shapes(sizes)
    require_shapes(shapes, expected, "SynSP", name)
    require_finite(tensors, name)
    return sizes, tensors


def cosines(frames: int) -> np.ndarray:
    """The DCT-II over F frames, not normalised, as a matrix (F,F) float64: 2 cos(pi k (2n+1) / 2F)."""
    n = np.arange(frames)
    return 2 * np.cos(np.pi * n[:, None] * (2 * n + 1) / (2 * frames))
