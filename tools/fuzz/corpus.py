"""The corpus that a target starts from: small honest files, and the hostile ones of `tests/hostile` that are small."""

from __future__ import annotations

import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from tests.helpers.camera_files import pickled_cameras, write_colmap
from tests.helpers.original_datasets import cells, write_cdf, write_h5, write_mat, write_v73
from tests.helpers.pickles import VALUES
from tests.hostile.bombs import ARCHIVES, PICKLES, WEIGHTS
from tests.hostile.cameras import CAMERAS, COLMAP, MASKS
from tests.hostile.markers import MARKERS
from tests.hostile.mutations import honest_files
from tests.hostile.values import BODIES, MOTIONS, NETWORKS, TEXTS

from kinema.formats.camera_files import write_camera_path
from kinema.geometry.camera_path import CameraPath
from kinema.segmentation.files import write_masks
from kinema.segmentation.masks import Masks
from kinema.segmentation.rle import encode

MOST_BYTES = 2**16
"""Larger inputs slow the search down."""

SUFFIXES = {
    "pickle": ".pkl", "npz": ".npz", "torch": ".pt", "safetensors": ".safetensors", "motion-pkl": ".pkl",
    "motion-npz": ".npz", "motion-pt": ".pt", "bvh": ".bvh", "trc": ".trc", "body": ".npz", "onnx": ".onnx",
    "c3d": ".c3d", "mot": ".mot", "motion-trc": ".trc", "motion-c3d": ".c3d", "mat": ".mat", "mat73": ".mat",
    "hdf5": ".h5", "cdf": ".cdf", "camera-npz": ".npz", "camera-json": ".json", "camera-tum": ".txt",
    "camera-pkl": ".pkl", "colmap-text": ".txt", "colmap-binary": ".bin", "masks-pkl": ".pkl", "masks-json": ".json",
}  # fmt: skip


def _members(archive: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [opened.read(info) for info in opened.infolist() if info.file_size <= MOST_BYTES]


def _of_data_sets(target: str) -> list[bytes]:
    """Small original files of data sets, of the kinds that this target reads."""
    values = {"numbers": np.arange(12.0).reshape(3, 4), "cells": cells([np.ones((2, 3)), np.zeros((1, 2))])}
    makers = {
        "mat": lambda path: write_mat(path, **values),
        "mat73": lambda path: write_v73(path, **values),
        "hdf5": lambda path: write_h5(path, poses=np.zeros((2, 16, 2))),
        "cdf": lambda path: write_cdf(path, np.arange(2 * 96.0).reshape(2, 96)),
    }
    if target not in makers:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        return [makers[target](Path(scratch) / f"a{SUFFIXES[target]}").read_bytes()]


def _of_cameras_and_masks(target: str) -> list[bytes]:
    """Honest files of camera paths and masks, and the hostile ones."""
    kind, _, layout = target.partition("-")
    suffix = SUFFIXES[target]
    path = CameraPath(np.tile(np.eye(3), (3, 1, 1)), np.zeros((3, 3)), np.diag([500.0, 500.0, 1.0]))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"a{suffix}"
        if kind == "colmap":
            lens = {1: ("PINHOLE", (640, 480), [500.0, 500.0, 320.0, 240.0])}
            images = [(f"{number}.png", np.eye(3), np.zeros(3), 1) for number in (1, 2)]
            write_colmap(file.parent, lens, images, binary=layout == "binary")
            hostile = [files[f"images{suffix}"] for files in COLMAP.values() if f"images{suffix}" in files]
            return [(file.parent / f"images{suffix}").read_bytes(), *hostile]
        if kind == "masks":
            write_masks(Masks(4, 4, (tuple(encode(np.eye(4, dtype=bool)) for _ in range(2)),) * 2, (1, 2)), file)
            return [file.read_bytes(), *(make() for name, make in MASKS.items() if name.endswith(suffix))]
        if suffix == ".pkl":
            camera = {"R": np.eye(3), "t": np.zeros(3), "intrinsic_matrix": np.eye(3), "distortion_coeffs": None}
            file.write_bytes(pickled_cameras([camera, camera]))
        else:
            write_camera_path(path, file, np.arange(3) / 25, (640, 480))
        return [file.read_bytes(), *(make() for name, make in CAMERAS.items() if name.endswith(suffix))]


def _of_motions(target: str) -> list[bytes]:
    """Honest files of motions, bodies and weights, and the hostile ones."""
    suffix = SUFFIXES[target]
    with tempfile.TemporaryDirectory() as scratch:
        honest = honest_files(Path(scratch))
    made = [data for end, data in honest.items() if end == suffix or (suffix == ".pt" and end == ".pth")]
    if target == "pickle":
        made += [pickle.dumps(value, protocol) for value in VALUES.values() for protocol in (0, 2, 4)]
        made += [data for make in PICKLES.values() if not (data := make()).startswith(b"\x78")]  # not compressed bombs
    made += _of_data_sets(target)
    families = BODIES if target == "body" else {**MOTIONS, **TEXTS, **MARKERS, **NETWORKS, **ARCHIVES, **WEIGHTS}
    costly = (
        "overlapping.safetensors",
        "zeros.npz",
        "byteorder.pt",
        "entries.npz",
        "entries.pt",
        "inert.pt",
        "tensors.pt",
    )
    return made + [make() for name, make in families.items() if name.endswith(suffix) and name not in costly]


def write_corpus(target: str, folder: Path) -> int:
    """Write the corpus of a target; returns the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    own = target.partition("-")[0] in ("camera", "colmap", "masks")
    made = _of_cameras_and_masks(target) if own else _of_motions(target)
    if target in ("npz", "torch", "camera-npz"):  # their members alone, too: see targets.py
        made += [member for data in made if data.startswith(b"PK") for member in _members(data)]
    made = [data for data in dict.fromkeys(made) if len(data) <= MOST_BYTES]
    for number, data in enumerate(made):
        (folder / f"seed-{number:03}").write_bytes(data)
    (folder / "seed-random").write_bytes(np.random.default_rng(0).bytes(64))
    return len(made) + 1
