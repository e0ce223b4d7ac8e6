"""Loads rendered windows and measures the keypoint networks' errors on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import InputError
from kinema.geometry.rotations import matrix_from_6d
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.training.rendered import Film, Window


def load_windows(folder: Path, split: str, film: Film) -> dict[str, np.ndarray]:
    """All stored windows of a split ("train" or "held_out"), stacked: the fields of `Window` with a leading axis.

    Windows with a multiple n of the film's frame rate give n windows: every n-th frame from each of the first n.
    Those with a lower rate, or too short, are left out. Raises InputError if none is left.
    """
    parts = []
    for path in sorted(folder.glob(f"{split}_*.npz")):
        with np.load(path, allow_pickle=False) as file:
            step, remainder = divmod(float(file["rate"]), film.rate)
            if remainder or step < 1:
                continue
            part = {name: file[name] for name in Window.__annotations__}
        if part["root"].shape[1] // step >= film.frames:
            parts += [_subsampled(part, int(step), first, film.frames) for first in range(int(step))]
    if not parts:
        raise InputError(
            f"{folder} contains no {split}_*.npz with windows of {film.frames} frames at {film.rate:g} fps; "
            "run the render step first"
        )
    windows = {name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in parts[0]}
    windows["rotation"] = matrix_from_6d(windows["rotation"])
    return windows


_TIME_SERIES = ("rays", "confidence", "landmarks", "rotation", "root")


def _subsampled(part: dict[str, np.ndarray], step: int, first: int, frames: int) -> dict[str, np.ndarray]:
    return {name: value[:, first::step][:, :frames] if name in _TIME_SERIES else value for name, value in part.items()}


def with_mirrored(windows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The windows followed by their mirror images."""
    sign, points, joints = np.array([-1.0, 1.0, 1.0]), BLAZEPOSE33.mirror, SMPL24.mirror
    mirrored = {
        "rays": windows["rays"][:, :, points] * sign[:2],
        "confidence": windows["confidence"][:, :, points],
        "landmarks": windows["landmarks"][:, :, points] * sign,
        "rotation": windows["rotation"][:, :, joints] * (sign[:, None] * sign),
        "root": windows["root"] * sign,
        "betas": windows["betas"],
        "up": windows["up"] * sign,
    }
    return {name: np.concatenate([windows[name], mirrored[name]]).astype(np.float32) for name in windows}


@dataclass(frozen=True, eq=False)
class KeypointErrors:
    """The errors of the keypoint networks, measured on N windows of T frames.

    truth (N,T,33,3): the true landmarks, mid-hip relative, metres, camera axes; flat (N,T,33,2): image error
    in metres at the mid-hip's depth; response (99,99): linear map from the true landmarks as one row to the 3D
    estimate, mostly underestimating depth; solid (N,T,33,3): the remaining 3D error,
    metres; confidence (N,T,33).
    """

    truth: np.ndarray
    flat: np.ndarray
    response: np.ndarray
    solid: np.ndarray
    confidence: np.ndarray


RIDGE = 0.01
"""m^2: regularization of the response towards uniform scaling; the value that predicted held-out windows best."""


def measured_errors(windows: dict[str, np.ndarray]) -> KeypointErrors:
    """Measure `KeypointErrors` on windows from `load_windows`."""
    body = load_body()
    truth, flats = [], []
    left, right = BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")
    for rotation, root, betas, rays in zip(
        *(windows[k].astype(np.float64) for k in ("rotation", "root", "betas", "rays")), strict=True
    ):
        _, _, points = Rig.of(body, "blazepose33", betas).forward(rotation, root)
        middle = 0.5 * (points[:, left] + points[:, right])
        flats.append((rays - points[..., :2] / points[..., 2:]) * middle[:, None, 2:])
        truth.append(points - middle[:, None])
    estimate = windows["landmarks"].astype(np.float64)
    true = np.stack(truth)
    response = _response(true, estimate)
    solid = estimate - (true.reshape(*true.shape[:2], 99) @ response).reshape(true.shape)
    return KeypointErrors(
        true, np.clip(np.stack(flats), -0.6, 0.6), response, np.clip(solid, -0.8, 0.8), windows["confidence"]
    )


def _response(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """The linear map (99,99) from true to estimated landmarks (N,T,33,3)."""
    scaling = np.tile((truth * estimate).mean((0, 1, 2)) / (truth * truth).mean((0, 1, 2)), 33)
    x, y = truth.reshape(-1, 99), estimate.reshape(-1, 99)
    square = x.T @ x / len(x) + RIDGE * np.eye(99)
    return np.diag(scaling) + np.linalg.solve(square, x.T @ (y - x * scaling) / len(x))
