"""Well-formed motion files, bodies and networks whose values make no sense."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.models.onnx_model import Model, _field
from tests.hostile.bombs import safetensors

Maker = Callable[[], bytes]
N = 12


def _kinema(**changes: Any) -> dict[str, Any]:
    """A person as Kinema's `.pkl` stores it."""
    rng = np.random.default_rng(0)
    camera = {
        "width": 640, "height": 480, "intrinsics": np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]),
        "distortion": None, "rotation": None, "translation": None, "moving": False, "focal_source": "default",
    }  # fmt: skip
    camera |= changes.pop("camera", {})
    pose = rng.normal(0, 0.2, (N, 72))
    plain = {
        "kinema_format": 1, "frame_ids": np.arange(N), "pose": pose, "trans": rng.normal(0, 0.1, (N, 3)) + [0, 0, 3],
        "betas": np.zeros((N, 10)), "pose_world": pose, "trans_world": rng.normal(0, 0.1, (N, 3)),
        "clip_times": np.arange(N) / 30, "image_size": np.array([640, 480]), "source": "clip.mp4", "body_model": "free",
        "camera": camera, "provenance": [], "fps": 30.0,
    }  # fmt: skip
    return plain | changes


_RAGGED = [[0.0] * 72, [0.0]]
_VALUES: dict[str, Any] = {
    "1e306": 1e306, "1e154": 1e154, "1e30": 1e30, "1e7": 1e7, "tiny": 5e-324, "minus": -1e306,
}  # fmt: skip
_CHANGES: dict[str, dict[str, Any]] = {
    **{
        f"{key}_{name}": {key: np.full((N, 72 if "pose" in key else 10 if key == "betas" else 3), value)}
        for name, value in _VALUES.items()
        for key in ("pose", "trans", "betas", "pose_world", "trans_world")
    },
    "moving_array": {"camera": {"moving": np.zeros(5)}},
    "moving_text": {"camera": {"moving": "yes"}},
    "moving_list": {"camera": {"moving": [1, [2]]}},
    "focal_1e306": {"camera": {"intrinsics": np.array([[1e306, 0, 1e306], [0, 1e306, 0], [0, 0, 1]])}},
    "focal_tiny": {"camera": {"intrinsics": np.array([[1e-300, 0, 3], [0, 1e-300, 3], [0, 0, 1]])}},
    "distortion": {"camera": {"distortion": np.full(5, 1e306)}},
    "distortion_nan": {"camera": {"distortion": [np.nan] * 4}},
    "camera_width": {"camera": {"width": 10**30, "height": -5}},
    "camera_list": {"camera": {"rotation": [[1]], "translation": 5}},
    "times_tiny": {"clip_times": np.arange(N) * 1e-300},
    "times_huge": {"clip_times": np.arange(N) * 1e300},
    "times_close": {"clip_times": np.arange(N) / 30 + np.array([0] * 6 + [1e-16] * 6)},
    "times_one_close": {"clip_times": np.sort(np.append(np.arange(N - 1) / 30, 0.1 + 1e-12))},
    "format_huge": {"kinema_format": 10**5000},
    "format_inf": {"kinema_format": float("inf")},
    "source_surrogate": {"source": "a\udcffb"},
    "source_escape": {"source": "\x1b]0;title\x07\x1b[31m" * 50},
    "source_long": {"source": "x" * 10**6},
    "body_escape": {"body_model": "\x1b[31m../../etc\n"},
    "ragged_pose": {"pose": _RAGGED},
    "dict_frames": {"frame_ids": {"a": 1}},
    "huge_frames": {"frame_ids": [10**4000] * N},
    "far_frames": {"frame_ids": np.arange(N) * 10**8},
    "provenance_long": {"provenance": [{"name": "n" * 10**5, "version": "1", "arguments": {1: 2}, "weights": {}}]},
    "provenance_objects": {"provenance": [{"name": np.zeros(3), "version": {}, "arguments": {"a": {1, 2}}}]},
    "keypoints_other": {"keypoint_set": "x" * 10**5, "keypoints": np.zeros((N, 4, 2))},
    "data_surrogate": {"data": {"a\ud800": "b\udfff"}},
    "image_size": {"image_size": np.array([2**62, -1])},
}  # fmt: skip


def _archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _amass(**changes: Any) -> bytes:
    rng = np.random.default_rng(1)
    arrays = {
        "poses": rng.normal(0, 0.2, (N, 156)), "trans": rng.normal(0, 0.1, (N, 3)), "betas": np.zeros(16),
        "mocap_framerate": 60.0,
    }  # fmt: skip
    return _archive(**(arrays | changes))


def _pare(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    return {
        "pose": rng.normal(0, 0.2, (N, 72)), "pred_cam": np.ones((N, 3)), "orig_cam": np.ones((N, 4)),
        "bboxes": np.full((N, 4), 100.0), "betas": np.zeros((N, 10)), "frame_ids": np.arange(N),
    } | changes  # fmt: skip


def _gvhmr(**changes: Any) -> bytes:
    part = {
        "global_orient": np.zeros((N, 3)),
        "body_pose": np.zeros((N, 63)),
        "transl": np.zeros((N, 3)),
        "betas": np.zeros(10),
    }
    own = {key: changes.pop(key) for key in ("fps", "K_fullimg") if key in changes}
    return pickle.dumps({"smpl_params_global": part | changes, "smpl_params_incam": part, **own})


_RATES: tuple[Any, ...] = (1e-300, 1e300, 0.0, -30.0, float("nan"), float("inf"), "abc", [30, 60], 5e-324, 1e9)

MOTIONS: dict[str, Maker] = {
    **{
        f"kinema_{name}.pkl": (lambda c=change: pickle.dumps({1: _kinema(**dict(c))}, 4))
        for name, change in _CHANGES.items()
    },
    **{f"amass_rate_{i}.npz": (lambda r=rate: _amass(mocap_framerate=r)) for i, rate in enumerate(_RATES)},
    **{f"gvhmr_rate_{i}.pt": (lambda r=rate: _gvhmr(fps=r)) for i, rate in enumerate((*_RATES, 10**10000))},
    **{
        f"amass_{key}_{name}.npz": (lambda k=key, v=value, w=width: _amass(**{k: np.full(w, v)}))
        for name, value in _VALUES.items()
        for key, width in (("poses", (N, 156)), ("trans", (N, 3)), ("betas", (16,)))
    },
    "gvhmr_ragged.pt": lambda: _gvhmr(body_pose=[[0.0] * 63, [0.0]]),
    "gvhmr_ragged_root.pt": lambda: _gvhmr(global_orient=[[0, 0, 0], [0]]),
    "gvhmr_ragged_shape.pt": lambda: _gvhmr(betas=[[0.0], [0.0, 1.0]]),
    "gvhmr_text.pt": lambda: _gvhmr(transl="here"),
    "gvhmr_camera.pt": lambda: _gvhmr(K_fullimg=[[1], [2, 3]]),
    "gvhmr_camera_zero.pt": lambda: _gvhmr(K_fullimg=np.zeros((3, 3))),
    "gvhmr_camera_huge.pt": lambda: _gvhmr(K_fullimg=np.full((3, 3), 1e308)),
    "gvhmr_none.pt": lambda: _gvhmr(body_pose=None),
    **{
        f"pare_{name}.pkl": (lambda c=change: pickle.dumps({1: _pare(**c)}))
        for name, change in {
            "ragged": {"pose": _RAGGED}, "boxes": {"bboxes": np.full((N, 4), 1e306)},
            "cam": {"pred_cam": [[1], [2, 3]]},
            "cam_tiny": {"pred_cam": np.full((N, 3), 5e-324)}, "orig": {"orig_cam": np.full((N, 4), 1e-320)},
            "objects": {"pose": np.array([None, 1], object)}, "huge": {"pose": np.full((N, 24, 3, 3), 1e306)},
        }.items()
    },
    "pare_image_ragged.pkl": lambda: pickle.dumps({"pred_pose": [[[1.0]], [2.0]], "pred_cam": [[1], [1, 2]]}),
    "pare_image_number.pkl": lambda: pickle.dumps({"pred_pose": 5, "pred_cam": 5}),
    "track_ids.pkl": lambda: pickle.dumps({"\x1b[31m" * 1000: _pare(), (1, 2): _pare(), 10**15: _pare()}),
    "clip_json.npz": lambda: _archive(**{
        "kinema.clip": np.array("{" * 10**5), "kinema_format": 1, "kinema.people": [1]}),
    "clip_surrogate.npz": lambda: _archive(**{
        "kinema.clip": np.array(json.dumps({"source": "\ud800", "image_size": [1, 1]})), "kinema_format": 1,
        "kinema.people": np.array([], int), "kinema.times": np.zeros(0)}),
}  # fmt: skip

_BVH_ROW = " ".join(["0"] * 72)


def bvh(values: str, frames: object, frame_time: object = "0.0333", names: dict[str, str] | None = None) -> bytes:
    """A BVH of SMPL's joints with these rows."""
    from kinema.skeleton import SMPL24

    parents, rest = SMPL24.parents, np.linspace(-0.5, 0.5, 24)
    lines = ["HIERARCHY"]

    def joint(index: int, depth: int) -> None:
        name = SMPL24.joints[index]
        lines.append(f"{'JOINT' if depth else 'ROOT'} {(names or {}).get(name, name)}")
        lines.append("{")
        lines.append(f"OFFSET {0.1 * np.sign(rest[index]):.2f} {0.1 if 'spine' in name or 'head' in name else -0.2} 0")
        lines.append("CHANNELS 3 Zrotation Yrotation Xrotation")
        children = [i for i, parent in enumerate(parents or ()) if parent == index]
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 0.1 0", "}"])
        lines.append("}")

    joint(0, 0)
    return "\n".join([*lines, "MOTION", f"Frames: {frames}", f"Frame Time: {frame_time}", values]).encode()


def _many_frames() -> bytes:
    """A skeleton whose rows have one value, two million of them: 4 MB that would be 6 GB as a person."""
    text = bvh("", 2_000_000).decode().replace("CHANNELS 3 Zrotation Yrotation Xrotation", "CHANNELS 0", 24)
    return text.replace("CHANNELS 0", "CHANNELS 1 Xrotation", 1).encode() + b"0\n" * 2_000_000


TEXTS: dict[str, Maker] = {
    "word.bvh": lambda: bvh("a" * 10**6, 1),
    "line.bvh": lambda: bvh("0 " * 5_000_000, 1),
    "name.bvh": lambda: bvh(_BVH_ROW, 1, names={"pelvis": "n" * 10**6}),
    "escape.bvh": lambda: bvh(_BVH_ROW, 1, names={"left_hip": "\x1b[31m\x07"}),
    "frames_huge.bvh": lambda: bvh(_BVH_ROW, "1e300"),
    "frames_digits.bvh": lambda: bvh(_BVH_ROW, "9" * 5000),
    "frames_many.bvh": _many_frames,
    "time_tiny.bvh": lambda: bvh(_BVH_ROW, 1, "1e-300"),
    "time_denormal.bvh": lambda: bvh(_BVH_ROW, 1, "5e-324"),
    "time_huge.bvh": lambda: bvh(_BVH_ROW, 1, "1e300"),
    "values_huge.bvh": lambda: bvh(" ".join(["1e306"] * 72), 1),
    "channels.bvh": lambda: bvh(_BVH_ROW, 1).replace(b"CHANNELS 3", "CHANNELS ²".encode(), 1),
    "nul.bvh": lambda: bvh(_BVH_ROW, 1).replace(b"OFFSET", b"OFF\0SET"),
    "binary.bvh": lambda: np.random.default_rng(0).bytes(100_000),
    "braces.bvh": lambda: b"HIERARCHY\nROOT a\n" + b"{\n" * 100_000,
    "word.trc": lambda: b"PathFileType\t4\n" + b"x" * 10**6 + b"\n1\nFrame#\tTime\tHip\n\t\tX1\n",
    "tabs.trc": lambda: _trc("\t" * 2_000_000),
    "cells.trc": lambda: _trc("1\t0\t" + "a" * 10**5),
    "huge.trc": lambda: _trc("1\t0\t1e306\t1\t1\n2\t0.1\t1\t1\t1"),
    "times.trc": lambda: _trc("1\t0\t1\t1\t1\n2\t1e-300\t1\t1\t1"),
    "units.trc": lambda: _trc("1\t0\t1\t1\t1").replace(b"\tm\n", b"\t" + b"u" * 10**5 + b"\n"),
}


def _trc(rows: str) -> bytes:
    return (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\nDataRate\tNumFrames\tUnits\n30\t2\tm\nFrame#\tTime\tHip\t\t\n\t\tX1\tY1\tZ1\n\n"
        + rows
    ).encode()


def _body(**changes: Any) -> bytes:
    rng = np.random.default_rng(3)
    count = 60
    tree = np.array([[-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21], range(24)])
    arrays = {
        "v_template": rng.normal(0, 0.3, (count, 3)), "shapedirs": rng.normal(0, 0.01, (count, 3, 10)),
        "J_regressor": np.full((24, count), 1 / count), "weights": np.full((count, 24), 1 / 24), "kintree_table": tree,
        "f": rng.integers(0, count, (100, 3)),
    }  # fmt: skip
    return _archive(**(arrays | changes))


BODIES: dict[str, Maker] = {
    f"body_{name}.npz": (lambda c=change: _body(**c))
    for name, change in {
        "random": {}, "zero": {"v_template": np.zeros((60, 3))}, "nan": {"v_template": np.full((60, 3), np.nan)},
        "huge": {"v_template": np.full((60, 3), 1e306)}, "no_weights": {"weights": np.zeros((60, 24))},
        "no_regressor": {"J_regressor": np.zeros((24, 60))}, "flat": {"v_template": np.tile([1.0, 0, 0], (60, 1))},
        "tree": {"kintree_table": np.zeros((2, 24), int)}, "tree_huge": {"kintree_table": np.full((2, 24), 2**62)},
        "tree_float": {"kintree_table": np.full((2, 24), 1e300)}, "faces": {"f": np.full((3, 3), -1)},
        "faces_none": {"f": np.zeros((0, 3), int)}, "faces_huge": {"f": np.full((3, 3), 2**40)},
        "weights_huge": {"weights": np.full((60, 24), 1e306)},
        "shapes_huge": {"shapedirs": np.full((60, 3, 10), 1e306)},
        "empty": {"v_template": np.zeros((0, 3))}, "objects": {"weights": np.array([None])},
        "regressor_huge": {"J_regressor": np.full((24, 60), 1e200)}, "one_vertex": {"v_template": np.zeros((1, 3))},
    }.items()
}  # fmt: skip


def network(node: Callable[[Model, str], str], **about: object) -> bytes:
    """An ONNX refiner of windows (N, 8, 72) with the output that `node` adds."""
    model = Model("hostile")
    out = node(model, model.input("windows", (None, 8, 72)))
    data = model.content({"smooth": (out, (None, 8, 72))})
    for key, value in ({"network": "smoothnet"} | about).items():
        data += _field(14, _field(1, key.encode()) + _field(2, str(value).encode()))
    return data


def _large(count: int) -> Callable[[Model, str], str]:
    def node(model: Model, x: str) -> str:
        return model.add(
            "Add", [x, model.add("ReduceSum", [model.add("ConstantOfShape", [model.constant(np.array([count]))])])]
        )

    return node


def _measured(model: Model, x: str) -> str:
    """The size of an array from a value of the input."""
    count = model.add("Cast", [model.add("ReduceSum", [x], keepdims=0)], to=7)
    return model.add("Add", [x, model.add("ReduceSum", [model.add("ConstantOfShape", [count])])])


def _same(model: Model, x: str) -> str:
    return model.add("Identity", [x])


NETWORKS: dict[str, Maker] = {
    "loop.onnx": lambda: network(lambda model, x: model.add("Loop", [x])),
    "if.onnx": lambda: network(lambda model, x: model.add("If", [x])),
    "large.onnx": lambda: network(_large(1_500_000_000)),
    "measured.onnx": lambda: network(_measured),
    "nan.onnx": lambda: network(lambda model, x: model.add("Log", [model.add("Neg", [model.add("Abs", [x])])])),
    "shape.onnx": lambda: network(lambda model, x: model.add("ReduceMean", [x], axes=[2], keepdims=1)),
    "rate.onnx": lambda: network(_same, rate="abc"),
    "rate_huge.onnx": lambda: network(_same, rate="1e300"),
    "representation.onnx": lambda: network(_same, representation="\x1b[31m" * 1000),
    "cut.onnx": lambda: network(_same)[:70],
    "junk.onnx": lambda: b"\xff" * 1000,
    "empty.onnx": lambda: b"",
    "rate.safetensors": lambda: safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
}
