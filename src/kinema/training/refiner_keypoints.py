"""Training clips of the keypoint chain: the 3D landmarks that it answers, frame by frame, beside the true ones.

A refiner of landmarks meets raw estimates: they jitter, exchange sides, lose limbs and show too little depth. Clips are
either what the networks really answered on rendered pictures, or captured motion before random cameras under errors
that were measured there.
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
"""Measured stretches among which the one is taken whose pose is most like the captured one."""

_HIPS = (BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip"))


def keypoint_clips(windows: dict[str, np.ndarray]) -> RefinerClips:
    """What the networks answered on windows (`kinema.training.windows.load_windows`, REFINER_FILM): (F,99) each,
    metres from the middle of the hips, camera axes.
    """
    errors = measured_errors(windows)
    said = windows["landmarks"].astype(np.float64)
    return _clips(_flat(said), _flat(errors.truth))


def _flat(points: np.ndarray) -> tuple[np.ndarray, ...]:
    """(N,T,33,3) -> N arrays (T,99)."""
    return tuple(points.reshape(*points.shape[:2], -1))


def _clips(detected: tuple[np.ndarray, ...], truth: tuple[np.ndarray, ...]) -> RefinerClips:
    names = tuple(f"clip {i}" for i in range(len(truth)))
    return RefinerClips(NAME, "3d", names, detected, truth, _HIPS, 1000.0)


class KeypointSource:
    """Captured motion under the chain's measured errors, new ones every epoch. stretches: of 96 frames in an epoch."""

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
        self._chance = share / share.sum()

    def epoch(self, batch: int, window: int, rng: np.random.Generator) -> Iterator[Pair]:
        yield from ClipSource(self.clips(self._stretches, rng)).epoch(batch, window, rng)

    def clips(self, count: int, rng: np.random.Generator) -> RefinerClips:
        """So many corrupted stretches beside the truth."""
        pairs = [self._stretch(rng) for _ in range(count)]
        return _clips(*(tuple(pair[side].reshape(len(pair[side]), -1) for pair in pairs) for side in (0, 1)))

    def _stretch(self, rng: np.random.Generator) -> Pair:
        """Landmarks (F,33,3) as the chain would answer them, and as they are."""
        sequence = self._sequences[rng.choice(len(self._sequences), p=self._chance)]
        _, film = film_window(sequence, rng, REFINER_FILM, self._sequences)
        rig = Rig.of(self._body, "blazepose33", film.betas)
        _, _, points = rig.forward(film.rotation, film.root)
        truth = points - points[:, _HIPS].mean(axis=1, keepdims=True)
        sign = np.array([-1.0, 1.0, 1.0])
        if rng.random() < 0.5:
            truth = truth[:, BLAZEPOSE33.mirror] * sign
        return corrupted(truth, self._errors, rng), truth


def corrupted(truth: np.ndarray, errors: KeypointErrors, rng: np.random.Generator) -> np.ndarray:
    """True landmarks (F,33,3) as the keypoint chain would answer them.

    The measured linear response (mostly: too little depth), then the residual of a measured stretch whose middle
    pose is like this one's, as it came: correlated in time and between landmarks, with its exchanges and losses.
    """
    frames = len(truth)
    windows, length = errors.solid.shape[:2]
    rows = rng.integers(windows, size=CANDIDATES)
    first = rng.integers(length - frames + 1, size=CANDIDATES) if length >= frames else np.zeros(CANDIDATES, int)
    middle = errors.truth[rows, first + min(frames, length) // 2]
    nearest = int(np.linalg.norm((middle - truth[frames // 2]).reshape(CANDIDATES, -1), axis=1).argmin())
    place = first[nearest] + np.arange(frames)
    place = length - 1 - np.abs(place % (2 * (length - 1)) - (length - 1)) if length < frames else place
    answered = (truth.reshape(frames, -1) @ errors.response).reshape(truth.shape)
    return answered + errors.solid[rows[nearest], place] * rng.uniform(0.8, 1.2)


def statistics(errors: KeypointErrors) -> dict[str, np.ndarray]:
    """What the residuals are like, for each of the 33 landmarks.

    rms_mm: across the view (0) and along it (1); correlation: of frames `lags` apart, the constant part of a window
    taken away; outliers: share of frames whose residual is beyond three times the landmark's median; lost: share of
    frames in which the networks were not sure of it (confidence below 0.5); exchanged: share of frames in which it
    lay nearer to the other side's true place than to its own.
    """
    solid, truth = errors.solid, errors.truth
    size = np.linalg.norm(solid, axis=-1)
    rest = solid - solid.mean(axis=1, keepdims=True)
    power = np.maximum((rest**2).mean(axis=(0, 1, 3)), 1e-12)
    lags = np.array([1, 2, 4, 8, 16])
    answered = (truth.reshape(*truth.shape[:2], -1) @ errors.response).reshape(truth.shape)
    own, other = (np.linalg.norm(answered + solid - t, axis=-1) for t in (answered, answered[:, :, BLAZEPOSE33.mirror]))
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
