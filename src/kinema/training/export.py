"""Exporting a trained network to ONNX: half-precision storage, single-precision arithmetic."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from kinema.storage.atomic import atomic_path

MIN_HALF_SIZE = 1024
"""Tensors with fewer values stay in single precision: they take no space, and biases need the precision."""


def export_onnx(
    net: nn.Module, example: torch.Tensor, path: Path, *, inputs: str, outputs: Sequence[str],
    free_axes: Mapping[int, str], metadata: Mapping[str, str],
) -> None:  # fmt: skip
    """Write `net` as ONNX.

    free_axes: axis -> name of the dynamic axes, in the input and in every output.
    metadata: how the weights were trained; stored in the file.
    """
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            net.cpu().eval(), (example,), str(raw), input_names=[inputs], output_names=list(outputs),
            dynamic_axes={name: dict(free_axes) for name in (inputs, *outputs)}, dynamo=False,
        )  # fmt: skip
        model = onnx.load(str(raw))
    _halve_storage(model)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    with atomic_path(path) as temporary:
        onnx.save(model, str(temporary))


def _halve_storage(model) -> None:  # type: ignore[no-untyped-def]  # an onnx.ModelProto
    """Store large float32 weights as float16, each cast back by a node on session start."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < MIN_HALF_SIZE:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name + "_half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
