"""Small data sets as they are downloaded, made with the writers of other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

KINDS = ("cdf", "mat", "h5")
"""Layouts of Human3.6M's poses."""


def poses(frames: int, seed: int = 0) -> np.ndarray:
    """(F, 32, 3) float64 mm: somebody about the middle of Human3.6M's room."""
    rng = np.random.default_rng(seed)
    return rng.normal(scale=200, size=(frames, 32, 3)) + [0, 0, 900]


def write_cdf(path: Path, values: np.ndarray, name: str = "Pose") -> Path:
    """(F, 96) as the only record of a variable."""
    cdfwrite = pytest.importorskip("cdflib.cdfwrite")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    file = cdfwrite.CDF(path)
    about = {
        "Variable": name, "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": list(values.shape),
        "Compress": 0,
    }  # fmt: skip
    file.write_var(about, var_data=values[None])
    file.close()
    return path


def write_mat(path: Path, **values: Any) -> Path:
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, values, do_compression=True)
    return path


def cells(values: list[np.ndarray], shape: tuple[int, int] | None = None) -> np.ndarray:
    """A MATLAB cell array, a column by default."""
    out = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        out[place] = value
    return out.reshape(shape or (len(values), 1))


def write_v73(path: Path, **values: Any) -> Path:
    """MATLAB's version 7.3: HDF5 after 512 bytes of text, axes in the opposite order, cells as references."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in values.items():
            if value.dtype != object:
                file[name] = value.T
                continue
            kept = file.require_group("#refs#")
            references = np.empty(value.shape, dtype=h5py.ref_dtype)
            for number, (place, inner) in enumerate(np.ndenumerate(value)):
                references[place] = kept.create_dataset(f"{name}{number}", data=inner.T).ref
            file.create_dataset(name, data=references.T, dtype=h5py.ref_dtype)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    return path


def write_h5(path: Path, **values: np.ndarray) -> Path:
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, value in values.items():
            file[name] = value
    return path


def write_h36m(folder: Path, kind: str, takes: dict[str, dict[str, np.ndarray]]) -> Path:
    """subject -> action, by its original name -> (F, 32, 3) mm."""
    for subject, actions in takes.items():
        for action, values in actions.items():
            flat = values.reshape(len(values), 96)
            if kind == "cdf":
                write_cdf(folder / subject / "MyPoseFeatures/D3_Positions" / f"{action}.cdf", flat)
            elif kind == "mat":
                path = folder / subject / "MyPoseFeatures/D3_Positions" / f"{action}.cdf.mat"
                write_mat(path, data=cells([flat]))
            else:
                write_h5(
                    folder / "h36m" / subject / "MyPoses/3D_positions" / f"{action}.h5", **{"3D_positions": flat.T}
                )
    return folder


def annotations(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """annot.mat of 3DHP: 14 cameras, 28 joints."""
    rng = np.random.default_rng(seed)
    return {
        "annot2": cells([rng.uniform(0, 2048, (frames, 56)) for _ in range(14)]),
        "univ_annot3": cells([rng.normal(scale=300, size=(frames, 84)) + [0, 0, 3500] * 28 for _ in range(14)]),
        "cameras": np.arange(14)[None],
    }


def annotations_of_tests(frames: int, seed: int = 0, valid: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """annot_data.mat of 3DHP, in MATLAB's order of axes."""
    rng = np.random.default_rng(seed)
    return {
        "annot2": rng.uniform(0, 1080, (2, 17, 1, frames)),
        "univ_annot3": rng.normal(scale=300, size=(3, 17, 1, frames)) + np.array([0, 0, 3500])[:, None, None, None],
        "valid_frame": (np.ones(frames) if valid is None else valid)[None].astype(float),
    }


def write_detectron(path: Path, frames: list[list[tuple[float, np.ndarray]]], rows: int = 4) -> Path:
    """For every frame its people: score and (17, 2) pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes, keypoints = (np.empty((len(frames), 2), dtype=object) for _ in range(2))
    for number, people in enumerate(frames):
        boxes[number, 0], keypoints[number, 0] = [], []
        boxes[number, 1] = np.array([[0, 0, 9, 9, score] for score, _ in people]).reshape(-1, 5)
        keypoints[number, 1] = [_rows(points, rows) for _, points in people]
    np.savez_compressed(path, boxes=boxes, keypoints=keypoints, metadata=np.array({"w": 1000, "h": 1002}, dtype=object))
    return path


def _rows(points: np.ndarray, rows: int) -> np.ndarray:
    """(rows, 17): x and y are the first two of four rows, the last two of six."""
    out = np.full((rows, len(points)), -1.0)
    out[slice(4, 6) if rows == 6 else slice(2)] = points.T
    return out
