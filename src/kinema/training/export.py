"""Exports a trained network to ONNX (half-precision storage, single-precision arithmetic), and reads it back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
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


def load_weights(net: nn.Module, path: Path) -> dict[str, Tensor]:
    """The weights of a network with the architecture of `net`, from a state dict (.safetensors) or an ONNX file that
    `export_onnx` wrote, to continue training from a shipped file. Missing blocks of a shallower network are added as
    identities.

    Raises InputError for any other file, and for tensors of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    wanted = net.state_dict()
    try:
        found = _grown(net, _of_onnx(path) if path.suffix == ".onnx" else load_file(str(path)))
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"cannot read weights from {path}: {error}") from None
    if {name: value.shape for name, value in found.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError(f"{path} holds another network than {type(net).__name__} of this configuration")
    return found


def _grown(net: nn.Module, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights, extended by the blocks that only `net` has, which add nothing until they are trained."""
    state = dict(found)
    for name, value in net.state_dict().items():
        if name.startswith("blocks.") and name not in found:
            state[name] = torch.zeros_like(value) if ".second." in name else value
    return state


def _of_onnx(path: Path) -> dict[str, Tensor]:
    """The state dict of an exported network.

    torch exports the weight of a linear layer transposed and under a generated name; the layer is identified by the
    bias added to the product. All other tensors keep their names.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except DecodeError:
        raise ValueError("it is no ONNX model") from None
    stored = {t.name.removesuffix("_half"): onnx.numpy_helper.to_array(t) for t in graph.initializer}
    state = {name: value for name, value in stored.items() if not name.startswith("onnx::")}
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type == "Add" and (product := next((each for each in node.input if each in products), None)):
            bias = next(each for each in node.input if each != product)
            state[bias.removesuffix(".bias") + ".weight"] = stored[products[product]].T
    return {name: torch.tensor(value.astype(np.float32)) for name, value in state.items()}


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
