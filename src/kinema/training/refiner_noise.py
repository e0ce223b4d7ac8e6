"""The estimator's actual errors: the default pipeline's estimates on rendered windows, with the ground truth.

A refiner must be trained on the errors that it will receive. The fit is already smooth; what remains is slow, differs
between joints and is correlated within a limb, unlike white noise. So the fit is run on
windows processed by the keypoint networks (`kinema.training.rendered`), its errors are extracted (rotation
of each joint over time, shape error of the whole window, trajectory error), and applied to other motion.
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
"""Focal length in pixels of the camera that projects the rays; the fit converts back to rays."""


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
    """The estimator's output and the ground truth at 30 frames per second."""

    fitted: Bodies
    truth: Bodies

    def __len__(self) -> int:
        return len(self.fitted)

    def save(self, path: Path) -> None:
        fields = {f"{side}_{name}": getattr(getattr(self, side), name) for side in _SIDES for name in _FIELDS}
        np.savez_compressed(path, **{name: value.astype(np.float32) for name, value in fields.items()})

    @classmethod
    def load(cls, path: str | Path) -> FittedWindows:
        """Raises InputError if the file has other contents."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(*(Bodies(*(file[f"{side}_{name}"].astype(float) for name in _FIELDS)) for side in _SIDES))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} contains no fitted windows: {error}") from None


_SIDES, _FIELDS = ("fitted", "truth"), ("pose", "betas", "transl")


def fit_windows(
    windows: dict[str, np.ndarray], body: BodyModel, options: FitOptions | None = None, *, progress: Progress = silent
) -> FittedWindows:
    """Run the fit on rendered windows (`kinema.training.windows.load_windows`, REFINER_FILM); failed fits are
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
    """One window as tracking would output it."""
    camera = camera_from_focal(*SIZE, FOCAL, "calibration")
    rays, confidence, landmarks = (
        windows[name][row].astype(np.float64) for name in ("rays", "confidence", "landmarks")
    )
    pixels = project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1), camera.intrinsics)
    frames = np.arange(len(rays))
    person = Person(
        1, frames, keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.clip(confidence, 0, 1), keypoints3d=landmarks,
    )  # fmt: skip
    return Motion(frames / REFINER_FILM.rate, *SIZE, people=(person,), camera=camera)


@dataclass(frozen=True, eq=False)
class MeasuredErrors:
    """Measured errors, to be applied to other motion.

    rotations (N,T,24,3,3): fitted = true @ rotation, for each joint relative to its parent; the root's in its own axes.
    betas (N,10): fitted minus true shape. path (N,T,3) metres: fitted minus true pelvis.
    """

    rotations: np.ndarray
    betas: np.ndarray
    path: np.ndarray

    @classmethod
    def of(cls, windows: FittedWindows, body: BodyModel) -> MeasuredErrors:
        count = len(windows)
        fitted, true = (
            axis_angle_to_matrix(side.pose.reshape(count, -1, 24, 3)) for side in (windows.fitted, windows.truth)
        )
        pelvis = [side.transl + body.rest_joints(side.betas)[:, None, 0] for side in (windows.fitted, windows.truth)]
        return cls(
            np.swapaxes(true, -1, -2) @ fitted, windows.fitted.betas - windows.truth.betas, pelvis[0] - pelvis[1]
        )

    def draw(self, frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`frames` consecutive frames of one window's errors: rotations (F,24,3,3), betas (10,), path (F,3).

        Half of them are mirrored, half reversed in time; beyond the window's ends they are reflected in time.
        """
        row, length = int(rng.integers(len(self.rotations))), self.rotations.shape[1]
        index = int(rng.integers(2 * (length - 1))) + np.arange(frames)
        index = length - 1 - np.abs(index % (2 * (length - 1)) - (length - 1))
        rotations, path = self.rotations[row, index], self.path[row, index]
        if rng.random() < 0.5:
            flip = np.array([-1.0, 1.0, 1.0])
            rotations, path = rotations[:, SMPL24.mirror] * flip[:, None] * flip, path * flip
        if rng.random() < 0.5:
            rotations, path = rotations[::-1], path[::-1]
        return rotations, self.betas[row], path

    def statistics(self) -> dict[str, np.ndarray]:
        """Statistics of the errors: per joint the root mean square angle (degrees), the fraction of it that is constant
        in a window, and the correlation of the remainder between frames 1, 2, 4, 8 and 16 apart.
        """
        angles = np.degrees(matrix_to_axis_angle(self.rotations))  # (N,T,24,3)
        mean = angles.mean(axis=1, keepdims=True)
        rest = angles - mean
        power = np.maximum((rest**2).mean(axis=(0, 1, 3)), 1e-12)
        total = (angles**2).mean(axis=(0, 1, 3))
        lags = np.array([1, 2, 4, 8, 16])
        correlation = [(rest[:, lag:] * rest[:, :-lag]).mean(axis=(0, 1, 3)) / power for lag in lags]
        return {
            "rms_degrees": np.sqrt(3 * total), "constant_share": 1 - power / np.maximum(total, 1e-12),
            "lags": lags, "correlation": np.stack(correlation, axis=-1),
        }  # fmt: skip
