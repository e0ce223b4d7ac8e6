"""Training clips of the keypoint pipeline: its estimated 3D landmarks for each frame, with the true ones.

A refiner of landmarks receives raw estimates: they jitter, swap sides, lose limbs and underestimate depth. Clips are
either the networks' estimates on rendered images, or captured motion seen by random cameras with the errors measured
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.errors import InputError
from kinema.models.smoothnet.datasets import RefinerClips
from kinema.skeleton import BLAZEPOSE33
from kinema.training.mocap import MocapSequence
from kinema.training.refiner_sources import ClipSource, Pair
from kinema.training.rendered import CAPTURE_RATE, REFINER_FILM, film_window
from kinema.training.windows import KeypointErrors, measured_errors

NAME = "keypoints"
CANDIDATES = 64
"""Number of measured segments from which the segment with the most similar pose is taken."""

_HIPS = (BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip"))


def keypoint_clips(windows: dict[str, np.ndarray]) -> RefinerClips:
    """The networks' estimates on windows (`kinema.training.windows.load_windows`, REFINER_FILM): (F,99) each,
    metres relative to the mid-hip, camera axes.
    """
    errors = measured_errors(windows)
    estimated = windows["landmarks"].astype(np.float64)
    return _clips(_flat(estimated), _flat(errors.truth))


def _flat(points: np.ndarray) -> tuple[np.ndarray, ...]:
    """(N,T,33,3) -> N arrays (T,99)."""
    return tuple(points.reshape(*points.shape[:2], -1))


def _clips(detected: tuple[np.ndarray, ...], truth: tuple[np.ndarray, ...]) -> RefinerClips:
    names = tuple(f"clip {i}" for i in range(len(truth)))
    return RefinerClips(NAME, "3d", names, detected, truth, _HIPS, 1000.0)


class KeypointSource:
    """Captured motion with measured errors, drawn anew every epoch. stretches: segments of 96 frames per epoch."""

    views, representation, name = 1, "3d", NAME
    coordinates = 3 * len(BLAZEPOSE33)

    def __init__(
        self, sequences: Sequence[MocapSequence], errors: KeypointErrors, body: BodyModel, *, stretches: int = 300
    ) -> None:
        if not sequences:
            raise InputError("no sequence of motion capture is left to train on")
        self._errors, self._body, self._stretches = errors, body, stretches
        self._sequences = [s.resampled(CAPTURE_RATE) for s in sequences]
        groups: dict[tuple[str, str], float] = {}
        for s in self._sequences:
            groups[s.category, s.subject] = groups.get((s.category, s.subject), 0.0) + len(s.root)
        share = np.array([len(s.root) / np.sqrt(groups[s.category, s.subject]) for s in self._sequences])
        self._probability = share / share.sum()

    def epoch(self, batch: int, window: int, rng: np.random.Generator) -> Iterator[Pair]:
        yield from ClipSource(self.clips(self._stretches, rng)).epoch(batch, window, rng)

    def clips(self, count: int, rng: np.random.Generator) -> RefinerClips:
        """`count` corrupted segments with the ground truth."""
        pairs = [self._segment(rng) for _ in range(count)]
        return _clips(*(tuple(pair[side].reshape(len(pair[side]), -1) for pair in pairs) for side in (0, 1)))

    def _segment(self, rng: np.random.Generator) -> Pair:
        """Landmarks (F,33,3) as estimated by the pipeline, and the true ones."""
        sequence = self._sequences[rng.choice(len(self._sequences), p=self._probability)]
        _, film = film_window(sequence, rng, REFINER_FILM, self._sequences)
        rig = Rig.of(self._body, "blazepose33", film.betas)
        _, _, points = rig.forward(film.rotation, film.root)
        truth = points - points[:, _HIPS].mean(axis=1, keepdims=True)
        sign = np.array([-1.0, 1.0, 1.0])
        if rng.random() < 0.5:
            truth = truth[:, BLAZEPOSE33.mirror] * sign
        return corrupted(truth, self._errors, rng), truth


def corrupted(truth: np.ndarray, errors: KeypointErrors, rng: np.random.Generator) -> np.ndarray:
    """True landmarks (F,33,3) as the keypoint pipeline would estimate them.

    The measured linear response (mostly underestimated depth), plus the residual of a measured segment whose middle
    pose is similar, unaltered: correlated in time and between landmarks, with its swaps and losses.
    """
    frames = len(truth)
    windows, length = errors.solid.shape[:2]
    rows = rng.integers(windows, size=CANDIDATES)
    first = rng.integers(length - frames + 1, size=CANDIDATES) if length >= frames else np.zeros(CANDIDATES, int)
    middle = errors.truth[rows, first + min(frames, length) // 2]
    nearest = int(np.linalg.norm((middle - truth[frames // 2]).reshape(CANDIDATES, -1), axis=1).argmin())
    index = first[nearest] + np.arange(frames)
    index = length - 1 - np.abs(index % (2 * (length - 1)) - (length - 1)) if length < frames else index
    response = (truth.reshape(frames, -1) @ errors.response).reshape(truth.shape)
    return np.asarray(response + errors.solid[rows[nearest], index] * rng.uniform(0.8, 1.2))


def statistics(errors: KeypointErrors) -> dict[str, np.ndarray]:
    """Statistics of the residuals, for each of the 33 landmarks.

    rms_mm: across (0) and along (1) the viewing direction; correlation: of frames `lags` apart, without the constant
    part of a window; outliers: fraction of frames with a residual of more than three times the landmark's median; lost:
    fraction of frames with a confidence below 0.5; exchanged: fraction of frames in which the landmark was closer to
    the other side's true position than to its own.
    """
    solid, truth = errors.solid, errors.truth
    size = np.linalg.norm(solid, axis=-1)
    rest = solid - solid.mean(axis=1, keepdims=True)
    power = np.maximum((rest**2).mean(axis=(0, 1, 3)), 1e-12)
    lags = np.array([1, 2, 4, 8, 16])
    response = (truth.reshape(*truth.shape[:2], -1) @ errors.response).reshape(truth.shape)
    own, other = (np.linalg.norm(response + solid - t, axis=-1) for t in (response, response[:, :, BLAZEPOSE33.mirror]))
    apart = np.linalg.norm(truth - truth[:, :, BLAZEPOSE33.mirror], axis=-1) > 0.15
    return {
        "rms_mm": 1e3 * np.stack(
            [np.sqrt((solid[..., :2] ** 2).sum(-1).mean((0, 1))), np.sqrt((solid[..., 2] ** 2).mean((0, 1)))], -1
        ),
        "lags": lags,
        "correlation": np.stack(
            [(rest[:, lag:] * rest[:, :-lag]).mean(axis=(0, 1, 3)) / power for lag in lags], axis=-1
        ),
        "outliers": (size > 3 * np.median(size, axis=(0, 1))).mean((0, 1)),
        "lost": (errors.confidence < 0.5).mean((0, 1)),
        "exchanged": ((other < own) & apart).mean((0, 1)),
    }  # fmt: skip
