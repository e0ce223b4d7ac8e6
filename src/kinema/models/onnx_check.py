"""Checks of an untrusted ONNX file, before onnxruntime runs it in this process.

The graph is read without the onnx package (protocol buffers are tags, lengths and contents): only operators that
compute arrays from arrays, without control flow, without sizes that depend on values of the input, without data in
other files. Then a child with limits on memory and time loads the network and runs it once (`onnx_probe.py`). What
passes cannot run forever or take memory out of proportion in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kinema.errors import InputError, quoted
from kinema.storage.protobuf import Unreadable, fields, message, text

MAX_BYTES = 500 * 2**20
MAX_NODES = 20_000
DEADLINE = 15.0
"""Seconds for a child to start, load the network and run it once."""

_ELEMENTWISE = (
    "Abs Acos Add And Asin Atan Cast Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual"
    " HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or"
    " Pow PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Tan Tanh Where Xor"
)
_REDUCING = (
    "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"
    " ReduceSumSquare Softmax LogSoftmax CumSum Trilu TopK"
)
_LINEAR = (
    "MatMul Gemm Einsum Conv ConvTranspose AveragePool GlobalAveragePool MaxPool BatchNormalization Dropout"
    " InstanceNormalization LayerNormalization GroupNormalization FusedMatMul SkipLayerNormalization LSTM GRU RNN"
)
_MOVING = (
    "Concat Constant EyeLike Flatten Gather GatherElements GatherND ScatterElements ScatterND Reshape Shape Size Slice"
    " Split Squeeze Transpose Unsqueeze ReverseSequence DepthToSpace SpaceToDepth"
)
_SIZED: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,), "Expand": (1,), "Tile": (1,), "Pad": (1,), "Range": (0, 1, 2), "OneHot": (1,),
    "Resize": (2, 3), "Reshape": (1,),
}  # fmt: skip
"""Operators whose inputs of these numbers decide how large the output is."""

OPERATORS = frozenset(f"{_ELEMENTWISE} {_REDUCING} {_LINEAR} {_MOVING}".split()) | frozenset(_SIZED)
"""What a network may consist of."""

_OF_SHAPES = frozenset({"Shape", "Size"})
_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})


def check_network(path: Path) -> None:
    """Raise InputError if the file is not a network of windows that can be run safely. Takes about a second."""
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB, which no refiner is")
    check_graph(path.read_bytes(), path, OPERATORS)
    probe(path, "windows")


def check_graph(model: bytes, path: Path, operators: frozenset[str]) -> None:
    """Raise InputError if a model, read from `path`, consists of other things than these operators and its weights."""
    try:
        _check_model(model, operators)
    except _Refused as reason:
        raise InputError(f"{path} is not an ONNX network that Kinema runs: {reason}") from None
    except (IndexError, Unreadable):
        raise InputError(f"{path} is not a readable ONNX file: it is truncated or damaged; get a fresh copy") from None


class _Refused(Exception):
    """Why a network is not run."""


def _check_model(model: bytes, operators: frozenset[str]) -> None:
    graphs = 0
    for field, content in fields(model):
        if field == 25:
            raise _Refused("it defines functions of its own")
        if field == 7:
            graphs += 1
            _check_graph(message(content), operators)
    if graphs != 1:
        raise _Refused("it contains no network")


def _check_graph(graph: memoryview, operators: frozenset[str]) -> None:
    inputs, nodes, constants = set(), [], set()
    for field, content in fields(graph):
        if field == 1:
            nodes.append(message(content))
        elif field == 5:
            _check_tensor(message(content))
            constants |= {text(value) for number, value in fields(message(content)) if number == 8}
        elif field == 11:
            inputs |= {text(value) for number, value in fields(message(content)) if number == 1}
        elif field == 15:
            raise _Refused("it contains sparse weights")
    if len(nodes) > MAX_NODES:
        raise _Refused(f"it has {len(nodes)} operators, the limit is {MAX_NODES}")
    depends = inputs - constants
    """Values that depend on the input's values, not only on its shape."""
    for node in nodes:
        _check_node(node, depends, operators)


def _check_node(node: memoryview, depends: set[str], operators: frozenset[str]) -> None:
    inputs, outputs, kind, domain = [], [], "", ""
    for field, content in fields(node):
        if field == 1:
            inputs.append(text(content))
        elif field == 2:
            outputs.append(text(content))
        elif field == 4:
            kind = text(content)
        elif field == 7:
            domain = text(content)
        elif field == 5:
            _check_attribute(message(content))
    if kind not in operators or domain not in _DOMAINS:
        raise _Refused(f"it uses the operator {quoted(kind)}, which is not among those that Kinema runs")
    if any(place < len(inputs) and inputs[place] in depends for place in _SIZED.get(kind, ())):
        raise _Refused(f"an operator {quoted(kind)} in it makes arrays whose size depends on the values of its input")
    if kind not in _OF_SHAPES and any(name in depends for name in inputs):
        depends.update(outputs)


def _check_attribute(attribute: memoryview) -> None:
    for field, content in fields(attribute):
        if field in (6, 11):
            raise _Refused("it contains a network inside an operator")
        if field in (22, 23):
            raise _Refused("it contains sparse constants")
        if field in (5, 10):
            _check_tensor(message(content))


def _check_tensor(tensor: memoryview) -> None:
    for field, content in fields(tensor):
        if field == 13 or (field == 14 and content == 1):
            raise _Refused("its weights are in another file; save it as one")


def probe(path: Path, kind: str, *, deadline: float = DEADLINE) -> None:
    """Load and run the network in a child with limits. kind: of `onnx_probe.KINDS`. Raises InputError, why not."""
    command = [sys.executable, "-m", "kinema.models.onnx_probe", kind, str(path)]
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            timeout=deadline,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} was not run: a trial run of the network takes more than {deadline:.0f} s") from None
    try:
        answer: Any = json.loads(child.stdout)
    except ValueError:
        answer = {"problem": "a trial run of the network crashed, or took too much memory or time"}
    if answer.get("problem") is not None:
        raise InputError(f"{path} was not run: {quoted(str(answer['problem']), 300, mark='')}")
