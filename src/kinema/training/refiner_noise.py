"""The real estimator's errors: what the default chain answers on rendered windows, beside the truth.

A refiner must be trained on the errors that it will meet. The fit is smooth already; what is left is slow, differs
from joint to joint and is shared by joints of one limb, and no white noise looks like it. So the fit is run on
windows that the keypoint networks saw (`kinema.training.rendered`), its errors are cut out as they are (rotations
of each joint over time, the wrong shape of the whole window, the wrong path), and laid over other motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.estimation import FitOptions, fit_body
from kinema.geometry.camera import camera_from_focal, project
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress, silent
from kinema.skeleton import SMPL24
from kinema.training.rendered import REFINER_FILM, SIZE

FOCAL = 600.0
"""Pixels of the camera that the rays are shown to; the fit sees rays again."""


@dataclass(frozen=True, eq=False)
class Bodies:
    """N windows of T frames of a body in the camera's frame: pose (N,T,72), betas (N,10), transl (N,T,3)."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray

    def __len__(self) -> int:
        return len(self.pose)

    def joints(self, body: BodyModel) -> np.ndarray:
        """(N,T,24,3) metres."""
        return np.stack([body.joints(*one) for one in zip(self.pose, self.betas, self.transl, strict=True)])


@dataclass(frozen=True, eq=False)
class FittedWindows:
    """What the estimator said and what was true, at 30 frames a second."""

    fitted: Bodies
    truth: Bodies

    def __len__(self) -> int:
        return len(self.fitted)

    def save(self, path: Path) -> None:
        fields = {f"{side}_{name}": getattr(getattr(self, side), name) for side in _SIDES for name in _FIELDS}
        np.savez_compressed(path, **{name: value.astype(np.float32) for name, value in fields.items()})

    @classmethod
    def load(cls, path: str | Path) -> FittedWindows:
        """Raises InputError where the file holds something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(*(Bodies(*(file[f"{side}_{name}"].astype(float) for name in _FIELDS)) for side in _SIDES))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} holds no fitted windows: {error}") from None


_SIDES, _FIELDS = ("fitted", "truth"), ("pose", "betas", "transl")


def fit_windows(
    windows: dict[str, np.ndarray], body: BodyModel, options: FitOptions | None = None, *, progress: Progress = silent
) -> FittedWindows:
    """Run the fit on rendered windows (`kinema.training.windows.load_windows`, REFINER_FILM); those it cannot fit are
    left out.
    """
    fitted: list[tuple[np.ndarray, ...]] = []
    truth: list[tuple[np.ndarray, ...]] = []
    count = len(windows["root"])
    for row in range(count):
        progress(row, count)
        person = fit_body(_observed(windows, row), body, options).people[0]
        if person.pose is None or person.betas is None or person.transl is None:
            continue
        fitted.append((person.pose, person.betas[0], person.transl))
        betas = windows["betas"][row].astype(np.float64)
        pose = matrix_to_axis_angle(windows["rotation"][row]).reshape(len(person), 72)
        truth.append((pose, betas, windows["root"][row] - body.rest_joints(betas)[0]))
    progress(count, count)
    return FittedWindows(*(Bodies(*map(np.stack, zip(*side, strict=True))) for side in (fitted, truth)))


def _observed(windows: dict[str, np.ndarray], row: int) -> Motion:
    """One window as tracking would give it."""
    camera = camera_from_focal(*SIZE, FOCAL, "calibration")
    rays, sure, landmarks = (windows[name][row].astype(np.float64) for name in ("rays", "confidence", "landmarks"))
    pixels = project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1), camera.intrinsics)
    frames = np.arange(len(rays))
    person = Person(
        1, frames, keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.clip(sure, 0, 1), keypoints3d=landmarks,
    )  # fmt: skip
    return Motion(frames / REFINER_FILM.rate, *SIZE, people=(person,), camera=camera)


@dataclass(frozen=True, eq=False)
class MeasuredErrors:
    """Errors as they were measured, to be laid over other motion.

    turns (N,T,24,3,3): fitted = true @ turn, for each joint relative to its parent; the root's is in its own axes.
    betas (N,10): fitted minus true shape. path (N,T,3) metres: fitted minus true pelvis.
    """

    turns: np.ndarray
    betas: np.ndarray
    path: np.ndarray

    @classmethod
    def of(cls, windows: FittedWindows, body: BodyModel) -> MeasuredErrors:
        count = len(windows)
        said, true = (
            axis_angle_to_matrix(side.pose.reshape(count, -1, 24, 3)) for side in (windows.fitted, windows.truth)
        )
        pelvis = [side.transl + body.rest_joints(side.betas)[:, None, 0] for side in (windows.fitted, windows.truth)]
        return cls(np.swapaxes(true, -1, -2) @ said, windows.fitted.betas - windows.truth.betas, pelvis[0] - pelvis[1])

    def draw(self, frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A stretch of `frames` frames of one window's errors: turns (F,24,3,3), betas (10,), path (F,3).

        Half of them mirrored, half backward in time; stretches longer than a window go back and forth in it.
        """
        row, length = int(rng.integers(len(self.turns))), self.turns.shape[1]
        place = int(rng.integers(2 * (length - 1))) + np.arange(frames)
        place = length - 1 - np.abs(place % (2 * (length - 1)) - (length - 1))
        turns, path = self.turns[row, place], self.path[row, place]
        if rng.random() < 0.5:
            flip = np.array([-1.0, 1.0, 1.0])
            turns, path = turns[:, SMPL24.mirror] * flip[:, None] * flip, path * flip
        if rng.random() < 0.5:
            turns, path = turns[::-1], path[::-1]
        return turns, self.betas[row], path

    def statistics(self) -> dict[str, np.ndarray]:
        """What the errors look like: per joint the root mean square angle (degrees), the share of it that is constant
        in a window, and the correlation between frames 1, 2, 4, 8 and 16 apart of what remains.
        """
        angles = np.degrees(matrix_to_axis_angle(self.turns))  # (N,T,24,3)
        mean = angles.mean(axis=1, keepdims=True)
        rest = angles - mean
        power = np.maximum((rest**2).mean(axis=(0, 1, 3)), 1e-12)
        total = (angles**2).mean(axis=(0, 1, 3))
        lags = np.array([1, 2, 4, 8, 16])
        together = [(rest[:, lag:] * rest[:, :-lag]).mean(axis=(0, 1, 3)) / power for lag in lags]
        return {
            "rms_degrees": np.sqrt(3 * total), "constant_share": 1 - power / np.maximum(total, 1e-12),
            "lags": lags, "correlation": np.stack(together, axis=-1),
        }  # fmt: skip
