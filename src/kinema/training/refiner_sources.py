"""Sources of a refiner's training windows: clips on disk, or motion capture with measured errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_6d
from kinema.models.smoothnet.datasets import RefinerClips
from kinema.skeleton import SMPL24
from kinema.training.mocap import MocapSequence
from kinema.training.refiner_noise import FittedWindows, MeasuredErrors
from kinema.training.rendered import REFINER_FILM

Pair = tuple[np.ndarray, np.ndarray]
"""Estimated and true windows, each (B,W,C), or (B,P,W,C) with several views."""

SEGMENT = REFINER_FILM.frames
"""Frames of one corrupted segment of motion capture."""


class Source(Protocol):
    """Yield the batches of an epoch."""

    name: str
    representation: str
    coordinates: int
    views: int

    def epoch(self, batch: int, window: int, rng: np.random.Generator) -> Iterator[Pair]: ...


class ClipSource:
    """Every window of every clip once per epoch, in random order. Clips shorter than the window repeat the last frame.

    (Upstream draws surplus windows from the last clip and never the last window of a clip; this does neither.)
    """

    def __init__(self, clips: RefinerClips) -> None:
        self.clips = clips
        self.name, self.representation = clips.name, clips.representation
        self.coordinates, self.views = clips.coordinates, clips.views

    def epoch(self, batch: int, window: int, rng: np.random.Generator) -> Iterator[Pair]:
        pairs = [
            (_long_enough(estimated, window), _long_enough(true, window))
            for estimated, true in zip(self.clips.detected, self.clips.truth, strict=True)
        ]
        starts = [(i, first) for i, (clip, _) in enumerate(pairs) for first in range(clip.shape[-2] - window + 1)]
        order = rng.permutation(len(starts))
        for done in range(0, len(order), batch):
            rows = [starts[j] for j in order[done : done + batch]]
            yield (
                np.stack([pairs[i][0][..., first : first + window, :] for i, first in rows]).astype(np.float32),
                np.stack([pairs[i][1][..., first : first + window, :] for i, first in rows]).astype(np.float32),
            )


def _long_enough(clip: np.ndarray, window: int) -> np.ndarray:
    short = window - clip.shape[-2]
    return clip if short <= 0 else np.concatenate([clip, np.repeat(clip[..., -1:, :], short, axis=-2)], axis=-2)


class MocapSource:
    """Captured motion of random bodies, seen by random cameras, with measured errors drawn anew every epoch. stretches:
    segments of 96 frames per epoch. Sequences are drawn by category and subject, not by length alone.
    """

    views = 1

    def __init__(
        self, sequences: Sequence[MocapSequence], errors: MeasuredErrors, body: BodyModel, representation: str,
        *, stretches: int = 300,
    ) -> None:  # fmt: skip
        if representation not in ("3d", "smpl"):
            raise UsageError(f"motion capture trains refiners of 3d or smpl, not {representation}")
        if not sequences:
            raise InputError("no sequence of motion capture is left to train on")
        self.name, self.representation = "mocap", representation
        self.coordinates = 72 if representation == "3d" else 144
        self._errors, self._body, self._stretches = errors, body, stretches
        self._groups: dict[tuple[str, str], list[MocapSequence]] = {}
        for sequence in sequences:
            self._groups.setdefault((sequence.category, sequence.subject), []).append(
                sequence.resampled(REFINER_FILM.rate)
            )
        self._keys = list(self._groups)
        length = np.sqrt([sum(len(s.root) for s in self._groups[key]) for key in self._keys])
        self._probability = length / length.sum()

    def epoch(self, batch: int, window: int, rng: np.random.Generator) -> Iterator[Pair]:
        clips = self.clips(self._stretches, rng)
        yield from ClipSource(clips).epoch(batch, window, rng)

    def clips(self, count: int, rng: np.random.Generator) -> RefinerClips:
        """`count` corrupted segments with the ground truth."""
        pairs = [self._segment(rng) for _ in range(count)]
        names = tuple(f"segment {i}" for i in range(count))
        detected, truth = (tuple(pair[side] for pair in pairs) for side in (0, 1))
        return clips_of(self.name, self.representation, names, detected, truth)

    def _segment(self, rng: np.random.Generator) -> Pair:
        group = self._groups[self._keys[rng.choice(len(self._keys), p=self._probability)]]
        sequence = group[rng.integers(len(group))]
        last = len(sequence.root) - 1
        speed = rng.choice([0.75, 1.0, 1.0, 1.25, 1.5]) * (1 if rng.random() < 0.5 else -1)
        index = rng.integers(last + 1) + np.rint(speed * np.arange(SEGMENT)).astype(int)
        index = last - np.abs(index % max(1, 2 * last) - last)
        rotation = sequence.rotation[index]
        if rng.random() < 0.5:
            flip = np.array([-1.0, 1.0, 1.0])
            rotation = rotation[:, SMPL24.mirror] * flip[:, None] * flip
        rotation = rotation.copy()
        yaw, pitch = rng.uniform(0, 2 * np.pi), np.radians(rng.normal(-6, 12))
        view = np.diag([1.0, -1, -1]) @ _about(0, -pitch) @ _about(1, yaw)
        rotation[:, 0] = view @ rotation[:, 0]
        betas = rng.normal(size=10) * np.r_[np.full(5, 1.2), np.full(5, 0.6)]
        error, shape_error, _ = self._errors.draw(SEGMENT, rng)
        return tuple(  # type: ignore[return-value]
            encode(self._body, rotations, shape, self.representation)
            for rotations, shape in ((rotation @ error, betas + shape_error), (rotation, betas))
        )


def encode(body: BodyModel, rotation: np.ndarray, betas: np.ndarray, representation: str) -> np.ndarray:
    """A network's input for a body (F,24,3,3), (10,): (F,72) joints relative to the pelvis, or (F,144) rotations."""
    if representation == "smpl":
        return matrix_to_6d(rotation).reshape(len(rotation), -1)
    joints = body.joints(rotation, betas, np.zeros((len(rotation), 3)))
    return np.asarray((joints - joints[:, :1]).reshape(len(rotation), -1))


def clips_of(
    name: str,
    representation: str,
    names: tuple[str, ...],
    detected: tuple[np.ndarray, ...],
    truth: tuple[np.ndarray, ...],
) -> RefinerClips:
    """Clips of SMPL bodies."""
    root, scale = ((0,), 1000.0) if representation == "3d" else (None, 1.0)
    return RefinerClips(name, representation, names, detected, truth, root, scale)


def rendered_clips(windows: FittedWindows, body: BodyModel, representation: str) -> RefinerClips:
    """The default pipeline's actual estimates on rendered clips, with the ground truth."""
    sides = [
        tuple(
            encode(body, axis_angle_to_matrix(pose.reshape(-1, 24, 3)), betas, representation)
            for pose, betas in zip(side.pose, side.betas, strict=True)
        )
        for side in (windows.fitted, windows.truth)
    ]
    return clips_of("rendered", representation, tuple(f"window {i}" for i in range(len(windows))), *sides)


def _about(axis: int, angle: float) -> np.ndarray:
    return axis_angle_to_matrix(np.eye(3)[axis] * angle)
