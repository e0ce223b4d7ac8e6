"""ONNX networks as small as can be, for what only looks at their files."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def network_bytes(*, outputs: tuple[str, ...], weights: int) -> bytes:
    """A network with these outputs and so many bytes of weights that do not compress."""
    noise = np.random.default_rng(0).integers(0, 256, weights, dtype=np.uint8)
    nodes = [helper.make_node("Identity", ["input"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes, "toy", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in outputs],
        [numpy_helper.from_array(noise, "noise")],
    )  # fmt: skip
    model: onnx.ModelProto = helper.make_model(graph)
    return bytes(model.SerializeToString())
