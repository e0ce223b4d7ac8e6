"""The free body: read once from `free_body.npz` next to this file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse

from kinema.body.model import BodyModel
from kinema.errors import InputError

FREE_BODY = Path(__file__).with_name("free_body.npz")
EARLIER_SKELETONS = ("free_skeleton_1.npz",)
"""Rest joints of free bodies that shipped before, oldest first: motion files were written with them."""


@dataclass(frozen=True, eq=False)
class RestSkeleton:
    """J_template (24,3) metres: rest joints; J_shapedirs (24,3,10): their change with each shape component."""

    J_template: np.ndarray
    J_shapedirs: np.ndarray


@cache
def earlier_skeletons() -> tuple[RestSkeleton, ...]:
    """The skeletons of free bodies that shipped before."""
    found = []
    for name in EARLIER_SKELETONS:
        with np.load(FREE_BODY.with_name(name), allow_pickle=False) as file:
            found.append(RestSkeleton(file["J_template"], file["J_shapedirs"]))
    return tuple(found)


@cache
def free_body_sha256() -> str:
    """Of the free body's file."""
    return hashlib.sha256(FREE_BODY.read_bytes()).hexdigest()


@cache
def free_body() -> BodyModel:
    """The body that ships with Kinema (CC0; `tools/README.md` says how it was made)."""
    if not FREE_BODY.is_file():
        raise InputError(f"the free body is missing ({FREE_BODY}); reinstall Kinema")
    with np.load(FREE_BODY, allow_pickle=False) as file:
        data = dict(file)
    count = len(data["v_template"])

    def sparse(name: str) -> scipy.sparse.csr_matrix:
        parts = (data[f"{name}_data"], data[f"{name}_indices"].astype(np.int32), data[f"{name}_indptr"])
        return scipy.sparse.csr_matrix(parts, shape=(len(parts[2]) - 1, count))

    return BodyModel(
        name="free",
        sha256=free_body_sha256(),
        v_template=data["v_template"].astype(np.float64),
        shapedirs=data["shapedirs"].astype(np.float64),
        posedirs=None,
        J_regressor=sparse("J_regressor"),
        weights=_normalized(data["weights"]),
        faces=data["faces"].astype(np.int32),
        parents=data["parents"].astype(np.int64),
        landmark_names=tuple(str(name) for name in data["landmark_names"]),
        landmark_weights=sparse("landmarks"),
        labels=data["labels"],
        label_names=tuple(str(name) for name in data["label_names"]),
        mirror=data["mirror"].astype(np.int64),
        child_betas=data["child_betas"],
    )


def _normalized(weights: np.ndarray) -> np.ndarray:
    """Rows renormalised to sum to 1; they were stored at reduced precision."""
    weights = weights.astype(np.float64)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
