"""Files of camera paths and of masks that ask for far more than they hold, or whose values make no sense."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.segmentation.rle import encode
from tests.helpers.camera_files import pickled_cameras
from tests.hostile.bombs import ARCHIVES, PICKLES

Maker = Callable[[], bytes]
N = 4
_COSTLY = ("entries.npz", "zeros.npz")
"""Archives that take seconds to be refused; `test_hostile.py` has them."""

_POSES: dict[str, Any] = {
    "R": np.tile(np.eye(3), (N, 1, 1)).tolist(), "t": np.zeros((N, 3)).tolist(),
    "K": [[500, 0, 319.5], [0, 500, 239.5], [0, 0, 1]], "times": [0.0, 0.1, 0.2, 0.3], "size": [640, 480],
}  # fmt: skip


def _json(**changes: Any) -> bytes:
    return json.dumps(_POSES | changes).encode()


def _npz(**changes: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(value) for name, value in (_POSES | changes).items()})
    return buffer.getvalue()


_CHANGES: dict[str, dict[str, Any]] = {
    "huge": {"t": np.full((N, 3), 1e300).tolist()},
    "nan": {"K": np.full((3, 3), np.nan).tolist()},
    "zero_lens": {"K": np.zeros((3, 3)).tolist()},
    "tiny_turn": {"R": np.full((N, 3, 3), 5e-324).tolist()},
    "times_back": {"times": [0.0, 0.2, 0.1, 0.3]},
    "times_huge": {"times": [0.0, 1e300, 2e300, 3e300]},
    "size_huge": {"size": [10**18, 10**18]},
    "size_none": {"size": []},
    "distortion_long": {"distortion": [0.0] * 1000},
    "distortion_ragged": {"distortion": [[0.0], [0.0, 1.0]]},
    "kind": {"kind": "\x1b[31m" * 1000},
    "up": {"up": [0.0, 0.0, 0.0]},
    "breaks": {"breaks": [10**18]},
    "breaks_back": {"breaks": [3, 2]},
    "found": {"found": [0.5] * N},
    "points_alone": {"points": [[0.0, 0.0, 1.0]]},
    "points_huge": {"points": [[0.0, 0.0, 1e300]], "points_sigma": [0.1], "points_piece": [0]},
    "points_pieces": {"points": [[0.0, 0.0, 1.0]], "points_sigma": [0.1], "points_piece": [10**18]},
    "points_exact": {"points": [[0.0, 0.0, 1.0]], "points_sigma": [0.0], "points_piece": [0]},
    "metric": {"metric": [1, 2]},
}

_LENS = struct.pack("<QiiQQ4d", 1, 1, 1, 640, 480, 500.0, 500.0, 320.0, 240.0)
_LENS_TEXT = b"1 PINHOLE 640 480 500 500 320 240\n"
_IMAGE = struct.pack("<I7di", 1, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1)

CAMERAS: dict[str, Maker] = {
    **{f"{name}.json": (lambda c=change: _json(**c)) for name, change in _CHANGES.items()},
    **{f"{name}.npz": (lambda c=change: _npz(**c)) for name, change in _CHANGES.items() if "ragged" not in name},
    "deep.json": lambda: b"[" * 10**6,
    "digits.json": lambda: b'{"R": ' + b"9" * 10**5 + b', "t": 1}',
    "objects.npz": lambda: _npz(R=np.array([None, 1], object)),
    "line.txt": lambda: b"0 " * 3_000_000,
    "words.txt": lambda: b"a" * 10**6 + b"\n",
    "surrogate.txt": lambda: b"\xed\xa0\x80 0 0 0 0 0 0 1\n",
    "nul.txt": lambda: bytes(10_000),
    "escape.txt": lambda: b"\x1b[31m 0 0 0 0 0 0 1\n",
    "inf.txt": lambda: b"0 inf 0 0 0 0 0 1\n",
    "overflow.txt": lambda: b"0 1e999 0 0 1e200 1e200 0 1\n",
    "poses.pkl": lambda: pickle.dumps([{"R": np.eye(3)}] * 10),
    "numbers.pkl": lambda: pickle.dumps(list(range(100_000))),
    "shared.pkl": lambda: pickled_cameras([{"R": np.zeros((3, 3)), "t": np.zeros(3), "intrinsic_matrix": "x" * 9999}]),
    "evil.pkl": lambda: b"cos\nsystem\n(S'touch touched'\ntR.",
    **{f"{name}.pkl": make for name, make in PICKLES.items() if name in ("columns", "nested_dicts")},
    **{name: make for name, make in ARCHIVES.items() if name.endswith(".npz") and name not in _COSTLY},
}
"""Files by name; none of them is a path."""

COLMAP: dict[str, dict[str, bytes]] = {
    "count": {"cameras.bin": _LENS, "images.bin": struct.pack("<Q", 2**63)},
    "points": {
        "cameras.bin": _LENS, "images.bin": struct.pack("<Q", 1) + _IMAGE + b"1.png\0" + struct.pack("<Q", 2**62),
    },
    "name": {"cameras.bin": _LENS, "images.bin": struct.pack("<Q", 1) + _IMAGE + b"1" * 200_000},
    "digits": {
        "cameras.bin": _LENS,
        "images.bin": struct.pack("<Q", 1) + _IMAGE + b"9" * 5000 + b"\0" + struct.pack("<Q", 0),
    },
    "model": {"cameras.bin": struct.pack("<QiiQQ", 1, 1, 77, 640, 480), "images.bin": struct.pack("<Q", 1) + _IMAGE},
    "size": {
        "cameras.bin": struct.pack("<QiiQQ4d", 1, 1, 1, 2**63, 2**63, 500.0, 500.0, 320.0, 240.0),
        "images.bin": struct.pack("<Q", 1) + _IMAGE + b"1.png\0" + struct.pack("<Q", 0),
    },
    "nan": {
        "cameras.bin": struct.pack("<QiiQQ4d", 1, 1, 1, 640, 480, *[float("nan")] * 4),
        "images.bin": struct.pack("<Q", 1) + _IMAGE + b"1.png\0" + struct.pack("<Q", 0),
    },
    "words": {"cameras.txt": _LENS_TEXT, "images.txt": b"1 " * 2_000_000},
    "numbers": {"cameras.txt": b"9" * 10**5 + b" PINHOLE 1 1 1 1 1 1\n", "images.txt": b"1 1 0 0 0 0 0 0 1 1.png\n\n"},
    "model_text": {"cameras.txt": b"1 \x1b[31m 640 480 1\n", "images.txt": b"1 1 0 0 0 0 0 0 1 1.png\n\n"},
    "zero_turn": {"cameras.txt": _LENS_TEXT, "images.txt": b"1 0 0 0 0 0 0 0 1 1.png\n\n"},
    "empty": {"cameras.txt": b"", "images.txt": b""},
}  # fmt: skip
"""Folders of COLMAP by name; none of them is a model."""


def _annotation(**changes: Any) -> dict[str, Any]:
    counts = encode(np.eye(8, dtype=bool)).decode()
    return {
        "image_id": 1, "category_id": 1, "track_id": 1, "segmentation": {"size": [8, 8], "counts": counts}
    } | changes  # fmt: skip


def _coco(**changes: Any) -> bytes:
    return json.dumps({"images": [{"id": 1}], "annotations": [_annotation(**changes)]}).encode()


def _frames(entry: Any) -> bytes:
    return pickle.dumps([[entry]])


MASKS: dict[str, Maker] = {
    "size.json": lambda: _coco(segmentation={"size": [10**9, 10**9], "counts": "0"}),
    "size_text.json": lambda: _coco(segmentation={"size": "88", "counts": "0"}),
    "size_infinite.json": lambda: _coco(segmentation={"size": [float("inf"), 1], "counts": "0"}),
    "counts.json": lambda: _coco(segmentation={"size": [8, 8], "counts": [2**62, 2**62]}),
    "counts_text.json": lambda: _coco(segmentation={"size": [8, 8], "counts": "o" * 10**6}),
    "counts_negative.json": lambda: _coco(segmentation={"size": [8, 8], "counts": [-64, 128]}),
    "polygon.json": lambda: _coco(segmentation=[[0, 0, 1, 1, 2, 2]]),
    "image.json": lambda: _coco(image_id=10**18),
    "image_text.json": lambda: _coco(image_id="\x1b[31m" * 1000),
    "track.json": lambda: _coco(track_id=1.5),
    "deep.json": lambda: b"[" * 10**6,
    "videos.json": lambda: json.dumps([{"segmentations": [None] * 5}, {"segmentations": [None]}]).encode(),
    "size.pkl": lambda: _frames({"size": [2**40, 2**40], "counts": b"0"}),
    "counts.pkl": lambda: _frames({"size": [8, 8], "counts": np.full(10**5, 2**62)}),
    "counts_object.pkl": lambda: _frames({"size": [8, 8], "counts": np.array([None, 1], object)}),
    "zcounts.pkl": lambda: pickle.dumps([{"size": [8, 8], "zcounts": zlib.compress(bytes(2**27), 9)}]),
    "zcounts_cut.pkl": lambda: pickle.dumps([{"size": [8, 8], "zcounts": zlib.compress(b"0" * 99)[:9]}]),
    "number.pkl": lambda: pickle.dumps(5),
    "mixed.pkl": lambda: pickle.dumps([[], 5, {}]),
    "evil.pkl": lambda: b"cos\nsystem\n(S'touch touched'\ntR.",
}
"""Files of masks by name; none of them is readable."""
