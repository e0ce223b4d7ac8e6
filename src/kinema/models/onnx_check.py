"""Checks of an ONNX file from a stranger, before onnxruntime runs it in this process.

The graph is read without the onnx package (protocol buffers are tags, lengths and contents): only operators that
compute arrays from arrays, without control flow, without sizes that depend on values of the input, without data in
other files. Then a child with limits on memory and time loads the network and runs it once (`onnx_probe.py`). What
passes cannot run for ever or take memory out of proportion in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinema.errors import InputError, quoted

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
    """Raise InputError if the file is no network of windows that can be run safely. Takes about a second."""
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB, which no refiner is")
    try:
        _check_model(path.read_bytes())
    except _Refused as reason:
        raise InputError(f"{path} is not an ONNX network that Kinema runs: {reason}") from None
    except (IndexError, UnicodeDecodeError, _Unreadable):
        raise InputError(f"{path} is not a readable ONNX file: it is truncated or damaged; get a fresh copy") from None
    _probe(path)


class _Refused(Exception):
    """Why a network is not run."""


class _Unreadable(Exception):
    """The file is no protocol buffer with the fields of a model."""


def _check_model(model: bytes) -> None:
    graphs = 0
    for field, content in _fields(model):
        if field == 25:
            raise _Refused("it defines functions of its own")
        if field == 7:
            graphs += 1
            _check_graph(_bytes(content))
    if graphs != 1:
        raise _Refused("it contains no network")


def _check_graph(graph: bytes) -> None:
    inputs, nodes, constants = set(), [], set()
    for field, content in _fields(graph):
        if field == 1:
            nodes.append(_bytes(content))
        elif field == 5:
            _check_tensor(_bytes(content))
            constants |= {_text(value) for number, value in _fields(_bytes(content)) if number == 8}
        elif field == 11:
            inputs |= {_text(value) for number, value in _fields(_bytes(content)) if number == 1}
        elif field == 15:
            raise _Refused("it contains sparse weights")
    if len(nodes) > MAX_NODES:
        raise _Refused(f"it has {len(nodes)} operators, the limit is {MAX_NODES}")
    depends = inputs - constants
    """Values that depend on the input's values, not only on its shape."""
    for node in nodes:
        _check_node(node, depends)


def _check_node(node: bytes, depends: set[str]) -> None:
    inputs, outputs, kind, domain = [], [], "", ""
    for field, content in _fields(node):
        if field == 1:
            inputs.append(_text(content))
        elif field == 2:
            outputs.append(_text(content))
        elif field == 4:
            kind = _text(content)
        elif field == 7:
            domain = _text(content)
        elif field == 5:
            _check_attribute(_bytes(content))
    if kind not in OPERATORS or domain not in _DOMAINS:
        raise _Refused(f"it uses the operator {quoted(kind)}, which is not among those of a refiner")
    if any(place < len(inputs) and inputs[place] in depends for place in _SIZED.get(kind, ())):
        raise _Refused(f"an operator {quoted(kind)} in it makes arrays whose size depends on the values of its input")
    if kind not in _OF_SHAPES and any(name in depends for name in inputs):
        depends.update(outputs)


def _check_attribute(attribute: bytes) -> None:
    for field, content in _fields(attribute):
        if field in (6, 11):
            raise _Refused("it contains a network inside an operator")
        if field in (22, 23):
            raise _Refused("it contains sparse constants")
        if field in (5, 10):
            _check_tensor(_bytes(content))


def _check_tensor(tensor: bytes) -> None:
    for field, content in _fields(tensor):
        if field == 13 or (field == 14 and content == 1):
            raise _Refused("its weights are in another file; save it as one")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: number, and a whole number or bytes. Raises IndexError, _Unreadable."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        if key & 7 == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if key & 7 == 2:
            length, place = _varint(data, place)
        elif key & 7 in (1, 5):
            length = 8 if key & 7 == 1 else 4
        else:
            raise _Unreadable
        if length > len(data) - place:
            raise IndexError
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _Unreadable


def _bytes(content: int | bytes) -> bytes:
    if not isinstance(content, bytes):
        raise _Unreadable
    return content


def _text(content: int | bytes) -> str:
    return _bytes(content).decode("utf-8")


def _probe(path: Path) -> None:
    """Load and run the network in a child. Raises InputError with its reason."""
    command = [sys.executable, "-m", "kinema.models.onnx_probe", str(path)]
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} was not run: a trial run of the network takes more than {DEADLINE:.0f} s") from None
    try:
        answer: Any = json.loads(child.stdout)
    except ValueError:
        answer = {"problem": "a trial run of the network crashed or took too much memory or time"}
    if answer.get("problem") is not None:
        raise InputError(f"{path} was not run: {quoted(str(answer['problem']), 300, mark='')}")
