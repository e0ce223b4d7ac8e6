"""The real estimator's errors: what the default chain answers on rendered windows, beside the truth.

A refiner must be trained on the errors that it will meet. The fit is smooth already; what is left is slow, differs
from joint to joint and depends on the motion, and no white noise looks like it. So the fit is run on windows that
the keypoint networks saw (`kinema.training.rendered`), and its errors are cut out, to be laid over other motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.estimation import FitOptions, fit_body
from kinema.geometry.cameras import camera_from_focal, project
from kinema.motion import Motion, Person
from kinema.progress import Progress, silent
from kinema.training.rendered import RATE, SIZE

FOCAL = 600.0
"""Pixels of the camera that the rays are shown to; the fit sees rays again."""


@dataclass(frozen=True, eq=False)
class FittedWindows:
    """What the estimator said and what was true, of N windows of T frames at 30 frames a second, camera's frame.

    joints, truth (N,T,24,3) metres: SMPL joints of the fitted and of the true body.
    """

    joints: np.ndarray
    truth: np.ndarray

    def __len__(self) -> int:
        return len(self.joints)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, joints=self.joints.astype(np.float32), truth=self.truth.astype(np.float32))

    @classmethod
    def load(cls, path: str | Path) -> FittedWindows:
        """Raises InputError where the file holds something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["joints"].astype(np.float64), file["truth"].astype(np.float64))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} holds no fitted windows: {error}") from None

    @property
    def errors(self) -> np.ndarray:
        """(N,T,24,3) metres: column 0 is the pelvis' own error, the others' are relative to it."""
        apart = self.joints - self.truth
        relative = apart - apart[:, :, :1]
        relative[:, :, 0] = apart[:, :, 0]
        return relative


def fit_windows(
    windows: dict[str, np.ndarray], body: BodyModel, options: FitOptions | None = None, *, progress: Progress = silent
) -> FittedWindows:
    """Run the fit on rendered windows (`kinema.training.rendered.load_windows`); those it cannot fit are left out."""
    joints, truth = [], []
    count = len(windows["root"])
    for row in range(count):
        progress(row, count)
        person = fit_body(_observed(windows, row), body, options).people[0]
        if person.joints is None:
            continue
        betas = windows["betas"][row].astype(np.float64)
        transl = windows["root"][row] - body.rest_joints(betas)[0]
        joints.append(person.joints)
        truth.append(body.joints(windows["rotation"][row].astype(np.float64), betas, transl))
    progress(count, count)
    return FittedWindows(np.stack(joints), np.stack(truth))


def _observed(windows: dict[str, np.ndarray], row: int) -> Motion:
    """One window as tracking would give it."""
    camera = camera_from_focal(*SIZE, FOCAL, "calibration")
    rays, confidence, landmarks = (windows[name][row].astype(np.float64) for name in ("rays", "confidence", "landmarks"))
    pixels = project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1), camera.intrinsics)
    frames = np.arange(len(rays))
    person = Person(
        1, frames, keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.clip(confidence, 0, 1), keypoints3d=landmarks,
    )  # fmt: skip
    return Motion(frames / RATE, *SIZE, people=(person,), camera=camera)
