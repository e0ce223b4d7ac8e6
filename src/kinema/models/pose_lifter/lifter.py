"""Inference with the pose lifters: one person's keypoints in, expected joint rotations with their uncertainty out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.camera import unproject
from kinema.geometry.rotations import matrix_from_6d, matrix_to_6d
from kinema.models.pose_lifter.features import NUM_VERTICAL, TAPS, lifter_features
from kinema.models.pose_lifter.keypoint_features import MIRROR, NUM_POINTS, VOCABULARY, keypoint_features, places
from kinema.models.pose_lifter.vertical import Vertical, with_vertical
from kinema.runtime import onnx_session
from kinema.skeleton import BLAZEPOSE33, BLAZEPOSE_OWN, FUSED59, LIMBS12, SMPL24, JointSet, joint_set
from kinema.temporal.gaps import shortened
from kinema.temporal.resampling import resample_linear

if TYPE_CHECKING:
    from kinema.geometry.camera import Camera
    from kinema.person import Person

RATE = 30.0
"""Frames per second that the network was trained at."""

REACH = TAPS[-1]
"""Frames on either side that an output depends on."""

LONGEST_GAP = 4.0
"""Seconds to which longer gaps and pauses are shortened, far beyond the reach, so that they cannot blow up the grid."""

PIECE = 2048
"""Frames per call of the network, so that memory does not grow with the clip."""


@dataclass(frozen=True, eq=False)
class LiftedPose:
    """The network's prediction for one person, in the camera's frame.

    rotation (F,24,3,3) relative to the SMPL parent; sigma (F,24) radians; betas (10,); up (3,): the world's vertical,
    unit length, as inferred from the motion and from what was known of it; contacts (F,4) probabilities that
    `CONTACT_POINTS` are in contact.
    """

    rotation: np.ndarray
    sigma: np.ndarray
    betas: np.ndarray
    up: np.ndarray
    contacts: np.ndarray


@dataclass(frozen=True, eq=False)
class Observed:
    """What a lifter reads of one person, over F frames: K points.

    rays (F,K,2): undistorted image points at depth 1; confidence (F,K), 0 for points not seen, whose other values are
    finite; landmarks (F,K,3): 3D estimates in camera axes, metres, mid-hip relative, or (F,K,0).
    """

    rays: np.ndarray
    confidence: np.ndarray
    landmarks: np.ndarray

    def mirrored(self, mirror: np.ndarray) -> Observed:
        """The person in a mirror; mirror (K,): each point's counterpart."""
        sign = np.array([-1.0, 1.0, 1.0])
        return Observed(
            (self.rays * sign[:2])[:, mirror],
            self.confidence[:, mirror],
            (self.landmarks * sign[: self.landmarks.shape[-1]])[:, mirror],
        )

    def resampled(self, grid: np.ndarray, times: np.ndarray) -> Observed:
        """The evidence at the grid's times: linear between two nearby frames, with confidence 0 in a gap."""
        if len(times) > 1:
            right = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
        else:
            right = np.zeros(len(grid), dtype=int)
        left = np.maximum(right - 1, 0)
        width = np.maximum(times[right] - times[left], 1e-9)
        share = np.clip((grid - times[left]) / width, 0, 1)[:, None]
        # A point seen in only one of the two frames is taken from that frame.
        a, b = (1 - share) * (self.confidence[left] > 0), share * (self.confidence[right] > 0)
        total = np.maximum(a + b, 1e-9)
        a, b = a / total, b / total
        near = np.where(share < 0.5, times[left][:, None], times[right][:, None])
        close = np.abs(near - grid[:, None]) <= 0.1
        mixed = (a * self.confidence[left] + b * self.confidence[right]) * close
        a, b = a[..., None], b[..., None]
        rays = a * self.rays[left] + b * self.rays[right]
        return Observed(rays, mixed, a * self.landmarks[left] + b * self.landmarks[right])

    def take(self, rows: slice) -> Observed:
        """The evidence of some frames."""
        return Observed(*(getattr(self, field.name)[rows] for field in fields(self)))


class Lifter(ABC):
    """Runs a bundled network with onnxruntime. threads: how many it may use."""

    file: str
    """Name of the network's file."""

    mirror: np.ndarray
    """(K,) counterpart of each point in a mirror."""

    leans_by_vertical: bool
    """Whether a known vertical changes the poses, or only `up`."""

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._model = files("kinema.models.pose_lifter").joinpath(self.file).read_bytes()

    @cached_property
    def sha256(self) -> str:
        """Of the network's file, for provenance."""
        return hashlib.sha256(self._model).hexdigest()

    @cached_property
    def _session(self):  # type: ignore[no-untyped-def]  # onnxruntime has no types
        return onnx_session(self._model, threads=self._threads)

    @abstractmethod
    def observed(self, person: Person, camera: Camera) -> Observed:
        """What the network reads of the person. Raises UsageError for keypoints that are missing or not its own."""

    @abstractmethod
    def features(self, observed: Observed) -> tuple[np.ndarray, np.ndarray]:
        """The network's input (F,D) without the vertical, and the rotations (F,3,3) of the cameras it belongs to."""

    def __call__(
        self, person: Person, times: np.ndarray, camera: Camera, *, vertical: Vertical | None = None
    ) -> LiftedPose:
        """Lift a person; times (F,): seconds of the person's frames; vertical: where it is known, for all frames or for
        each. Raises what `observed` raises, and UsageError for verticals of another number of frames.

        The track is resampled to the network's rate, a gap counts as unseen frames, and the outputs are resampled to
        the frames' times. The network sees the person and the person's mirror image, and the two results are averaged.
        """
        observed = self.observed(person, camera)
        times = shortened(times, LONGEST_GAP)
        grid = times[0] + np.arange(int(np.ceil((times[-1] - times[0]) * RATE - 1e-6)) + 1) / RATE
        known = np.zeros((len(grid), NUM_VERTICAL)) if vertical is None else vertical.inputs(times, grid)
        observed = observed.resampled(grid, times)
        plain = self._outputs(observed, known)
        sign = np.array([-1.0, 1.0, 1.0])
        flipped = self._outputs(observed.mirrored(self.mirror), known * [*sign, 1.0])
        flipped[0] = flipped[0][:, SMPL24.mirror] * (sign[:, None] * sign)
        flipped[1] = flipped[1][:, SMPL24.mirror]
        flipped[3] = flipped[3] * sign
        flipped[4] = flipped[4][:, [2, 3, 0, 1]]
        rotation, sigma, betas, up, contacts = ((a + b) / 2 for a, b in zip(plain, flipped, strict=True))
        six = resample_linear(matrix_to_6d(rotation), grid, times)
        mean_up = up.sum(0)
        return LiftedPose(
            rotation=matrix_from_6d(six),
            sigma=resample_linear(sigma, grid, times),
            betas=betas.mean(0),
            up=mean_up / max(np.linalg.norm(mean_up), 1e-9),
            contacts=resample_linear(contacts, grid, times),
        )

    def _outputs(self, observed: Observed, vertical: np.ndarray) -> list[np.ndarray]:
        """Network outputs (F, ...) in the camera's axes: rotation matrices, sigma, betas, up, contacts.

        vertical (F,4): as in `Vertical.inputs`.
        """
        features, turn = self.features(replace(observed, confidence=observed.confidence.copy()))
        features = with_vertical(features, turn, vertical, np)
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


class PoseLifter(Lifter):
    """The lifter of BlazePose's 33 landmarks in 2D and 3D."""

    file = "pose_lifter.onnx"
    mirror = BLAZEPOSE33.mirror
    leans_by_vertical = False
    sets = (BLAZEPOSE33.name, FUSED59.name)
    """Joint sets of 2D keypoints that hold BlazePose's own."""

    def observed(self, person: Person, camera: Camera) -> Observed:
        pixels, confidence, landmarks = person.require("keypoints", "keypoint_confidence", "keypoints3d")
        for name, known in ((person.keypoint_set, self.sets), (person.keypoint3d_set, (BLAZEPOSE33.name,))):
            if name not in known:
                raise UsageError(f"the pose lifter takes keypoints of {BLAZEPOSE33.name}, not of {name}")
        if person.keypoint_set == FUSED59.name:
            own = FUSED59.indices([f"{name}{BLAZEPOSE_OWN}" for name in BLAZEPOSE33.joints])
            pixels, confidence = pixels[:, own], confidence[:, own]
        seen = np.isfinite(pixels).all(-1) & np.isfinite(landmarks).all(-1)
        confidence = np.where(seen, confidence, 0.0)
        return Observed(_rays(pixels, seen, camera), confidence, np.where(seen[..., None], landmarks, 0.0))

    def features(self, observed: Observed) -> tuple[np.ndarray, np.ndarray]:
        return lifter_features(observed.rays, observed.confidence, observed.landmarks, np)


class KeypointLifter(Lifter):
    """The lifter of 2D keypoints of any joint set of which it knows enough points."""

    file = "keypoint_lifter.onnx"
    mirror = MIRROR
    leans_by_vertical = True

    @staticmethod
    def lacking(joints: JointSet) -> str | None:
        """What a joint set lacks for it, as the end of a sentence; None if it can be lifted."""
        known = {VOCABULARY[place] for place in places(joints)[1]}
        missing = [name for name in LIMBS12 if name not in known and f"{name}_lsp" not in known]
        return f"it has no {', '.join(missing)}" if missing else None

    def observed(self, person: Person, camera: Camera) -> Observed:
        pixels, confidence = person.require("keypoints", "keypoint_confidence")
        joints = joint_set(person.keypoint_set or "")
        if (lack := self.lacking(joints)) is not None:
            raise UsageError(f"keypoints of {joints.name} cannot be lifted: {lack}")
        mine, theirs = places(joints)
        seen = np.isfinite(pixels).all(-1) & (confidence > 0)
        rays = np.zeros((len(pixels), NUM_POINTS, 2))
        rays[:, theirs] = _rays(pixels, seen, camera)[:, mine]
        given = np.zeros(rays.shape[:2])
        given[:, theirs] = np.where(seen, confidence, 0.0).clip(0, 1)[:, mine]
        return Observed(rays, given, np.zeros((*given.shape, 0)))

    def features(self, observed: Observed) -> tuple[np.ndarray, np.ndarray]:
        return keypoint_features(observed.rays, observed.confidence, np)


def _rays(pixels: np.ndarray, seen: np.ndarray, camera: Camera) -> np.ndarray:
    """Undistorted image points (F,K,2) at depth 1 of pixels (F,K,2), 0 where they are not seen (F,K)."""
    pixels = np.where(seen[..., None], pixels, 0.0)
    return np.where(seen[..., None], unproject(pixels, camera.intrinsics, camera.distortion), 0.0)
