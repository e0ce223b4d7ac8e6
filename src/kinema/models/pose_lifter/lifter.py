"""Inference with the pose lifter: one person's landmarks in, expected joint rotations with their uncertainty out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.camera import unproject
from kinema.geometry.rotations import matrix_from_6d, matrix_to_6d
from kinema.models.pose_lifter.features import lifter_features
from kinema.runtime import onnx_session
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.temporal.gaps import shortened
from kinema.temporal.resampling import resample_linear

if TYPE_CHECKING:
    from kinema.geometry.camera import Camera
    from kinema.person import Person

NETWORK_FILE = "pose_lifter.onnx"
RATE = 30.0
"""Frames per second that the network was trained at."""

REACH = 12
"""Frames on either side that an output depends on."""

LONGEST_GAP = 4.0
"""Seconds: longer gaps and pauses are shortened to this, far beyond the reach, so that no grid is sized by a clock."""

PIECE = 2048
"""Frames per call of the network, so that memory does not grow with the clip."""


@dataclass(frozen=True, eq=False)
class LiftedPose:
    """The network's prediction for one person, in the camera's frame.

    rotation (F,24,3,3) relative to the SMPL parent; sigma (F,24) radians; betas (10,); up (3,): the world's vertical,
    unit length, as inferred from the motion; contacts (F,4) probabilities that `CONTACT_POINTS` are in contact.
    """

    rotation: np.ndarray
    sigma: np.ndarray
    betas: np.ndarray
    up: np.ndarray
    contacts: np.ndarray


class PoseLifter:
    """Runs the bundled network with onnxruntime. threads: how many it may use."""

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._model = files("kinema.models.pose_lifter").joinpath(NETWORK_FILE).read_bytes()

    @cached_property
    def sha256(self) -> str:
        """Of the network's file, for provenance."""
        return hashlib.sha256(self._model).hexdigest()

    @cached_property
    def _session(self):  # type: ignore[no-untyped-def]  # onnxruntime has no types
        return onnx_session(self._model, threads=self._threads)

    def __call__(self, person: Person, times: np.ndarray, camera: Camera) -> LiftedPose:
        """Lift a person whose keypoints, keypoint_confidence and keypoints3d, of blazepose33, are filled.

        times (F,): seconds of the person's frames. The track is resampled to the network's rate, a gap counts as unseen
        frames, and the outputs are resampled to the frames' times. Raises UsageError for keypoints that are missing or
        of another set.
        """
        pixels, confidence, landmarks = person.require("keypoints", "keypoint_confidence", "keypoints3d")
        for name in (person.keypoint_set, person.keypoint3d_set):
            if name != BLAZEPOSE33.name:
                raise UsageError(f"the pose lifter takes keypoints of {BLAZEPOSE33.name}, not of {name}")
        seen = np.isfinite(pixels).all(-1) & np.isfinite(landmarks).all(-1)
        confidence = np.where(seen, confidence, 0.0)
        pixels = np.where(seen[..., None], pixels, 0.0)
        rays = np.where(seen[..., None], unproject(pixels, camera.intrinsics, camera.distortion), 0.0)
        landmarks = np.where(seen[..., None], landmarks, 0.0)
        times = shortened(times, LONGEST_GAP)
        grid = times[0] + np.arange(int(np.ceil((times[-1] - times[0]) * RATE - 1e-6)) + 1) / RATE
        rays, confidence, landmarks = _resampled(grid, times, rays, confidence, landmarks)
        plain = self._outputs(rays, confidence, landmarks)
        mirror = BLAZEPOSE33.mirror
        sign = np.array([-1.0, 1.0, 1.0])
        flipped = self._outputs((rays * sign[:2])[:, mirror], confidence[:, mirror], (landmarks * sign)[:, mirror])
        flipped[0] = flipped[0][:, SMPL24.mirror] * (sign[:, None] * sign)
        flipped[1] = flipped[1][:, SMPL24.mirror]
        flipped[3] = flipped[3] * sign
        flipped[4] = flipped[4][:, [2, 3, 0, 1]]
        rotation, sigma, betas, up, contacts = ((a + b) / 2 for a, b in zip(plain, flipped, strict=True))
        six = resample_linear(matrix_to_6d(rotation), grid, times)
        vertical = up.sum(0)
        return LiftedPose(
            rotation=matrix_from_6d(six),
            sigma=resample_linear(sigma, grid, times),
            betas=betas.mean(0),
            up=vertical / max(np.linalg.norm(vertical), 1e-9),
            contacts=resample_linear(contacts, grid, times),
        )

    def _outputs(self, rays: np.ndarray, confidence: np.ndarray, landmarks: np.ndarray) -> list[np.ndarray]:
        """Network outputs (F, ...) in the camera's axes: rotation matrices, sigma, betas, up, contacts."""
        features, turn = lifter_features(rays, confidence.copy(), landmarks, np)
        count = len(features)
        pieces: list[list[np.ndarray]] = []
        for first in range(0, count, PIECE):
            low, high = max(0, first - REACH), min(count, first + PIECE + REACH)
            out = self._session.run(None, {"features": features[None, low:high].astype(np.float32)})
            keep = slice(first - low, first - low + min(PIECE, count - first))
            pieces.append([o[0, keep].astype(np.float64) for o in out])
        six, sigma, betas, up, contacts = (np.concatenate(p) for p in zip(*pieces, strict=True))
        rotation = matrix_from_6d(six)
        rotation[:, 0] = turn @ rotation[:, 0]
        up = np.squeeze(turn @ (up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9))[..., None], -1)
        return [rotation, sigma, betas, up, 1 / (1 + np.exp(-contacts))]


def _resampled(
    grid: np.ndarray, times: np.ndarray, rays: np.ndarray, confidence: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evidence at the grid's times: linear between two nearby frames, with confidence 0 in a gap."""
    right = (
        np.clip(np.searchsorted(times, grid), 1, max(len(times) - 1, 1)) if len(times) > 1 else np.zeros(len(grid), int)
    )
    left = np.maximum(right - 1, 0)
    right = np.minimum(right, len(times) - 1)
    width = np.maximum(times[right] - times[left], 1e-9)
    share = np.clip((grid - times[left]) / width, 0, 1)[:, None]
    # A point seen in only one of the two frames is taken from that frame.
    a, b = (1 - share) * (confidence[left] > 0), share * (confidence[right] > 0)
    total = np.maximum(a + b, 1e-9)
    a, b = a / total, b / total
    near = np.where(share < 0.5, times[left][:, None], times[right][:, None])
    close = np.abs(near - grid[:, None]) <= 0.1
    mixed = (a * confidence[left] + b * confidence[right]) * close
    return (
        a[..., None] * rays[left] + b[..., None] * rays[right],
        mixed,
        a[..., None] * landmarks[left] + b[..., None] * landmarks[right],
    )
