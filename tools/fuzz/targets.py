"""What is fuzzed: one function from bytes for every reader of strangers' files.

A target may raise `KinemaError`: the reader has refused the bytes with a sentence. Anything else is a find.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from kinema.body.reading import read_smpl
from kinema.errors import KinemaError
from kinema.formats import load_motion
from kinema.formats.c3d_parsing import read_c3d
from kinema.formats.camera_files import read_camera_path
from kinema.formats.opensim_table import read_coordinates
from kinema.formats.trc_parsing import read_trc
from kinema.models.onnx_check import OPERATORS, check_graph
from kinema.segmentation.files import read_masks
from kinema.storage.cdf import load_cdf
from kinema.storage.checkpoints import load_checkpoint
from kinema.storage.hdf5 import open_hdf5
from kinema.storage.matlab import load_mat
from kinema.storage.safe_npz import load_npz
from kinema.storage.safe_pickle import load_pickle
from kinema.storage.torch_format import INERT

# In memory where the system has such a folder: a run writes a file a hundred thousand times.
_FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


def _reading(suffix: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    path = _FOLDER / f"input-{os.getpid()}{suffix}"

    def target(data: bytes) -> None:
        path.write_bytes(data)
        with contextlib.suppress(KinemaError):
            read(path)

    return target


def _reading_member(suffix: str, read: Callable[[Path], object], member: str) -> Callable[[bytes], None]:
    """Bytes that are no archive become a file in one: an archive's checksums would let hardly any change through."""
    plain = _reading(suffix, read)

    def target(data: bytes) -> None:
        if not data.startswith(b"PK"):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr(member, data)
                archive.writestr("archive/data/0", bytes(64))
            data = buffer.getvalue()
        plain(data)

    return target


def _onnx(data: bytes) -> None:
    """The check of the graph alone: what passes is only run in a child."""
    with contextlib.suppress(KinemaError):
        check_graph(data, Path("input.onnx"), OPERATORS)


def _numbers_of_hdf5(path: Path) -> None:
    with open_hdf5(path) as file:
        file.array("poses")


def _colmap(suffix: str, cameras: bytes) -> Callable[[bytes], None]:
    """The images of a model beside an honest file of cameras."""
    folder = _FOLDER / f"model-{os.getpid()}{suffix}"
    folder.mkdir(exist_ok=True)
    (folder / f"cameras{suffix}").write_bytes(cameras)

    def target(data: bytes) -> None:
        (folder / f"images{suffix}").write_bytes(data)
        with contextlib.suppress(KinemaError):
            read_camera_path(folder)

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {
    "pickle": _reading(".pkl", lambda path: load_pickle(path, extra=INERT)),
    "npz": _reading_member(".npz", load_npz, "poses.npy"),
    "torch": _reading_member(".pt", load_checkpoint, "archive/data.pkl"),
    "safetensors": _reading(".safetensors", load_checkpoint),
    "motion-pkl": _reading(".pkl", load_motion),
    "motion-npz": _reading(".npz", load_motion),
    "motion-pt": _reading(".pt", load_motion),
    "bvh": _reading(".bvh", load_motion),
    "trc": _reading(".trc", read_trc),
    "c3d": _reading(".c3d", read_c3d),
    "mot": _reading(".mot", read_coordinates),
    "motion-trc": _reading(".trc", load_motion),
    "motion-c3d": _reading(".c3d", load_motion),
    "body": _reading(".npz", read_smpl),
    "onnx": _onnx,
    "mat": _reading(".mat", lambda path: load_mat(path, ("numbers", "cells"))),
    "mat73": _reading(".mat", lambda path: load_mat(path, ("numbers", "cells"))),
    "hdf5": _reading(".h5", _numbers_of_hdf5),
    "camera-npz": _reading_member(".npz", read_camera_path, "R.npy"),
    "camera-json": _reading(".json", read_camera_path),
    "camera-tum": _reading(".txt", read_camera_path),
    "camera-pkl": _reading(".pkl", read_camera_path),
    "colmap-text": _colmap(".txt", b"1 PINHOLE 640 480 500 500 320 240\n"),
    "colmap-binary": _colmap(".bin", struct.pack("<QiiQQ4d", 1, 1, 1, 640, 480, 500.0, 500.0, 320.0, 240.0)),
    "masks-pkl": _reading(".pkl", read_masks),
    "masks-json": _reading(".json", read_masks),
    "cdf": _reading(".cdf", lambda path: load_cdf(path, "Pose")),
}
"""Targets by name."""
