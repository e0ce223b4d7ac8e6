"""Windows of rendered people that no network was trained on, as motions that tracking could have found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.geometry.camera import camera_from_focal, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33
from kinema.training.rendered import Film
from kinema.training.windows import load_windows

SIDE = 1000
"""Pixels of the square image, and of the focal length, for which any size would do."""


@dataclass(frozen=True, eq=False)
class Window:
    """motion: one person's keypoints before a camera of known focal length. The truth, in the camera's frame: rotation
    (F,24,3,3), of the root in the first place; root (F,3) metres; betas (10,); up (3,)."""

    motion: Motion
    rotation: np.ndarray
    root: np.ndarray
    betas: np.ndarray
    up: np.ndarray


def held_out_windows(folder: Path, film: Film, count: int | None = None) -> Iterator[Window]:
    """All of the folder of `tools/train_pose_lifter.py render`, or about `count`, evenly chosen."""
    found = {name: each.astype(float) for name, each in load_windows(folder, "held_out", film).items()}
    camera, total = camera_from_focal(SIDE, SIDE, SIDE, "calibration"), len(found["root"])
    for number in np.unique(np.linspace(0, total - 1, count or total).astype(int)):
        window = {name: each[number] for name, each in found.items()}
        rays = window["rays"]
        pixels = project(np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1), camera.intrinsics)
        person = Person(
            1, np.arange(len(rays)), keypoint_set=BLAZEPOSE33.name, keypoints=pixels,
            keypoint_confidence=window["confidence"].clip(0, 1), keypoints3d=window["landmarks"],
        )  # fmt: skip
        motion = Motion(np.arange(len(rays)) / film.rate, SIDE, SIDE, people=(person,), camera=camera)
        yield Window(motion, *(window[name] for name in ("rotation", "root", "betas", "up")))
