"""Reads SMPL model files, `.pkl` (also Python 2's with chumpy arrays) and `.npz`, without executing them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from kinema.body.free import free_body
from kinema.body.landmarks import find_landmarks
from kinema.body.model import NUM_JOINTS, NUM_POSE_FEATURES, BodyModel
from kinema.errors import InputError, quoted
from kinema.skeleton import NUM_BETAS
from kinema.storage.containers import open_container

KEYS = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
"""Required keys of a file; `posedirs` is used if present."""

_OF_INDICES = ("f", "kintree_table")
_LARGEST, _OFF_ONE = 1e4, 0.1

_MOST_DENSE = 50_000_000
"""Most entries of a sparse matrix that is made dense: 24 joints of two million vertices."""


def read_smpl(path: Path) -> BodyModel:
    """The body model in an SMPL file: 24 joints, the first 10 shape components.

    Raises InputError that names the key, what was found and what was expected; UnsafeFileError for a file
    that would execute code.
    """
    with open_container(path, what="body model") as content:
        missing = [key for key in KEYS if key not in content]
        if missing:
            found = quoted(", ".join(sorted(str(key) for key in content)) or "nothing", 300, mark="")
            raise InputError(
                f"{path} is not an SMPL body model: it lacks {', '.join(missing)} (it has {found});"
                " give SMPL_NEUTRAL.pkl, SMPL_MALE.pkl or SMPL_FEMALE.pkl"
            )
        arrays = {key: _numbers(path, content, key) for key in (*KEYS, "posedirs") if key in content}
    return _model(path, arrays)


def _numbers(path: Path, content: Mapping[Any, Any], key: str) -> np.ndarray:
    """One entry as a plain numeric array, however it was stored."""
    value = content[key]
    if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.item()
    if scipy.sparse.issparse(value):
        if math.prod(value.shape) > _MOST_DENSE:
            raise InputError(f"{path}: {key} is a sparse matrix of shape {value.shape}, larger than that of any body")
        value = value.toarray()
    value = np.asarray(value)
    if value.dtype.kind not in "fiu":
        raise InputError(f"{path}: {key} holds {value.dtype}, expected numbers")
    return value


def _model(path: Path, arrays: Mapping[str, np.ndarray]) -> BodyModel:
    count = len(arrays["v_template"]) if arrays["v_template"].ndim else 0
    faces, tree = arrays["f"], arrays["kintree_table"]
    joints = tree.shape[1] if tree.ndim == 2 else 0
    if joints != NUM_JOINTS:
        raise InputError(
            f"{path}: kintree_table has shape {tree.shape}, expected (2, {NUM_JOINTS});"
            " SMPL-H and SMPL-X files have more joints and are not supported, give an SMPL file"
        )
    if arrays["shapedirs"].ndim == 3 and arrays["shapedirs"].shape[2] >= NUM_BETAS:
        arrays = {**arrays, "shapedirs": arrays["shapedirs"][:, :, :NUM_BETAS]}
    expected = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, NUM_BETAS),
        "J_regressor": (NUM_JOINTS, count),
        "weights": (count, NUM_JOINTS),
        "kintree_table": (2, NUM_JOINTS),
        "posedirs": (count, 3, NUM_POSE_FEATURES),
        "f": (len(faces), 3) if faces.ndim else ("N", 3),
    }
    for key, value in arrays.items():
        if value.shape != expected[key] or not value.size:
            raise InputError(f"{path}: {key} has shape {value.shape}, expected {expected[key]}")
        if not np.all(np.isfinite(value)):
            raise InputError(f"{path}: {key} holds a value that is not finite; the file is corrupted")
        if key not in _OF_INDICES and np.max(np.abs(value)) > _LARGEST:
            raise InputError(f"{path}: {key} holds a value beyond {_LARGEST:g}; the file is corrupted")
    if np.any(np.abs(arrays["weights"].sum(axis=1) - 1) > _OFF_ONE):
        raise InputError(f"{path}: the weights of a vertex do not sum to 1; the file is corrupted")
    if faces.min() < 0 or faces.max() >= count:
        raise InputError(f"{path}: f refers to vertex {faces.max()}, but there are {count}; the file is corrupted")
    if np.any(tree[0, 1:] < 0) or np.any(tree[0, 1:] >= NUM_JOINTS):
        raise InputError(f"{path}: kintree_table refers to joints that there are not; the file is corrupted")
    parents = np.zeros(NUM_JOINTS, np.int64)
    parents[1:] = tree[0, 1:]
    parents[0] = -1  # files hold 2**32 - 1 there
    if np.any(parents[1:] < 0) or np.any(parents[1:] >= np.arange(1, NUM_JOINTS)):
        raise InputError(f"{path}: kintree_table is not a tree of SMPL's joints (parents {parents.tolist()})")
    posedirs = arrays.get("posedirs")
    body = BodyModel(
        name=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        v_template=arrays["v_template"].astype(np.float64),
        shapedirs=arrays["shapedirs"].astype(np.float64),
        posedirs=posedirs.astype(np.float64) if posedirs is not None and np.any(posedirs) else None,
        J_regressor=scipy.sparse.csr_matrix(arrays["J_regressor"].astype(np.float64)),
        weights=arrays["weights"].astype(np.float64),
        faces=faces.astype(np.int32),
        parents=parents,
    )
    names, weights = find_landmarks(body, free_body())
    return replace(body, landmark_names=names, landmark_weights=weights)
