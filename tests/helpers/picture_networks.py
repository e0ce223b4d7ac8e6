"""Small ONNX networks of pictures whose outputs are known, in the layouts of the published families."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
"""ImageNet's, of red, green and blue in [0, 1]."""


class Graph:
    """A graph under construction with one input `input`."""

    def __init__(self, shape: Sequence[int | str], *, kind: int = FLOAT) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("input", kind, shape)]
        self.outputs: list[onnx.ValueInfoProto] = []

    def constant(self, value) -> str:
        name = f"constant{len(self.constants)}"
        value = np.asarray(value)
        value = value.astype(np.int64 if value.dtype.kind in "iu" else np.float32)
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, inputs: Sequence[str], **attributes) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str], kind: int = FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def save(self, path: Path) -> Path:
        graph = helper.make_graph(self.nodes, "toy", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path

    def nothing(self) -> str:
        """A zero (1,) that depends on the input."""
        mean = self.add("ReduceMean", ["input"], keepdims=0)
        flat = self.add("Reshape", [mean, self.constant([1])])
        return self.add("Mul", [flat, self.constant([0.0])])

    def pixel(self, channel: int, row: int, column: int) -> str:
        """The value (1,) of one number of the input."""
        starts, ends = [0, channel, row, column], [1, channel + 1, row + 1, column + 1]
        part = self.add("Slice", ["input", *map(self.constant, (starts, ends, [0, 1, 2, 3]))])
        return self.add("Reshape", [part, self.constant([1])])

    def numbers(self, values: Sequence[float | str], shape: Sequence[int]) -> str:
        """A tensor of numbers and of values (1,) of the graph, in order."""
        parts = [each if isinstance(each, str) else self.constant([float(each)]) for each in values]
        return self.add("Reshape", [self.add("Concat", parts, axis=0), self.constant(list(shape))])


def _stem(graph: Graph, *, focus: bool) -> None:
    """The first convolution, by which YOLOX and RTMDet are told apart; its result is used for nothing."""
    start = graph.add("SpaceToDepth", ["input"], blocksize=2) if focus else "input"
    channels = 12 if focus else 3
    graph.add("Conv", [start, graph.constant(np.zeros((1, channels, 3, 3)))])


def boxes_network(path: Path, rows, labels, *, side: tuple[int, int] = (64, 64), focus: bool = True) -> Path:
    """A detector (dets, labels) of an input of `side` (height, width). rows: of five numbers, or (channel, row, column)
    of the number of the input that stands there."""
    graph = Graph((1, 3, *side))
    _stem(graph, focus=focus)
    flat = [graph.pixel(*each) if isinstance(each, tuple) else each for row in rows for each in row]
    dets = graph.add("Add", [graph.numbers(flat, (1, len(rows), 5)), graph.nothing()])
    graph.output("dets", dets, (1, "number", 5))
    graph.output("labels", graph.constant(np.array([labels], dtype=np.int64)), (1, "number"), INT64)
    return graph.save(path)


def cells_network(path: Path, values: np.ndarray, *, side: tuple[int, int]) -> Path:
    """Megvii's YOLOX: values (cells, 5 + classes), whatever the picture."""
    graph = Graph((1, 3, *side))
    _stem(graph, focus=True)
    graph.output("output", graph.add("Add", [graph.constant(values[None]), graph.nothing()]), (1, *values.shape))
    return graph.save(path)


def candidates_network(path: Path, columns: np.ndarray, *, side: tuple[int, int] = (64, 64)) -> Path:
    """A YOLOv8: columns (4 + classes, cells), whatever the picture."""
    graph = Graph((1, 3, *side))
    values = graph.add("Add", [graph.constant(columns[None]), graph.nothing()])
    graph.output("output0", values, (1, *columns.shape))
    return graph.save(path)


def people_network(path: Path, dets: np.ndarray, points: np.ndarray, *, side: tuple[int, int] = (64, 64)) -> Path:
    """An RTMO: dets (n, 5) and points (n, K, 3), whatever the picture."""
    graph = Graph(("batch", 3, *side))
    zero = graph.nothing()
    graph.output("dets", graph.add("Add", [graph.constant(dets[None]), zero]), ("batch", "number", 5))
    shape = ("batch", "number", points.shape[1], 3)
    graph.output("keypoints", graph.add("Add", [graph.constant(points[None]), zero]), shape)
    return graph.save(path)


def classes_network(path: Path, count: int, *, height: int = 64, width: int = 48, bins: int = 2) -> Path:
    """An RTMPose in which each keypoint lies where one colour is brightest: keypoint k where channel k % 3 of the
    normalised crop is; the values of the classes are that channel's greatest in a column and in a row."""
    graph = Graph(("batch", 3, height, width))
    for name, axis, size in (("simcc_x", 2, width), ("simcc_y", 3, height)):
        greatest = graph.add("ReduceMax", ["input"], axes=[axis], keepdims=0)  # (1, 3, size)
        finer = graph.add("MatMul", [greatest, graph.constant(np.repeat(np.eye(size), bins, axis=1))])
        chosen = graph.add("Gather", [finer, graph.constant(np.arange(count) % 3)], axis=1)
        graph.output(name, chosen, ("batch", count, bins * size))
    return graph.save(path)


def _every_fourth(size: int) -> np.ndarray:
    """(size // 4, size): linear interpolation at evenly spaced places from the first pixel to the last."""
    places = np.linspace(0, size - 1, size // 4)
    return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(size)))


def heatmap_network(path: Path, count: int, *, height: int = 64, width: int = 48) -> Path:
    """A ViTPose in which the heatmap of keypoint k is channel k % 3 of the crop, in [0, 1], at every fourth pixel: its
    first and last cells are the crop's first and last pixels."""
    graph = Graph((1, 3, height, width))
    rows, columns = (_every_fourth(size) for size in (height, width))
    cells = graph.add("MatMul", [graph.add("MatMul", [graph.constant(rows), "input"]), graph.constant(columns.T)])
    colours = graph.add("Mul", [cells, graph.constant(STD.reshape(3, 1, 1))])
    colours = graph.add("Add", [colours, graph.constant(MEAN.reshape(3, 1, 1))])
    chosen = graph.add("Gather", [colours, graph.constant(np.arange(count) % 3)], axis=1)
    graph.output("heatmap", chosen, (1, count, height // 4, width // 4))
    return graph.save(path)
