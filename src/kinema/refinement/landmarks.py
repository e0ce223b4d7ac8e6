"""The stage of Kinema's own refiner, which makes the keypoint networks' 3D landmarks smoother and more accurate.

The mixer (`kinema.models.mixer`) sees all landmarks over a second, so it can remove the networks' systematic errors
(too little depth, left and right swapped), which no filter can. Its corrections jitter slightly from window to window;
a short Whittaker filter removes that.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.models.mixer.onnx_run import COORDINATES, load_mixer
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.filtering import smooth_positions
from kinema.refinement.measures import SMOOTHING, what_changed
from kinema.refinement.options import FilterOptions, LandmarkOptions
from kinema.refinement.people import change_people
from kinema.stage import Context
from kinema.temporal.gaps import uninterrupted
from kinema.temporal.sequences import filled, smooth_resampled
from kinema.temporal.windows import slide

POST_FILTER = FilterOptions(method="whittaker", seconds=0.28)
"""Smooths the network's output."""


class KeypointRefiner:
    """The network, loaded once for any number of people. Raises InputError for another kind of checkpoint."""

    def __init__(self, options: LandmarkOptions | None = None) -> None:
        self.options = options or LandmarkOptions()
        self.network = load_mixer(self.options.checkpoint)

    def __call__(self, landmarks: np.ndarray, times: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Landmarks (F,33,3) of `frames` (F,) at `times` (F,), seconds, corrected by the network and not yet filtered.
        NaN is interpolated from the neighbouring frames.
        """
        network, options = self.network, self.options
        window = network.window or 1

        def smoothed(sequence: np.ndarray) -> np.ndarray:
            return slide(sequence, window, network.run, step=min(options.step, window)).astype(np.float64)

        flat = landmarks.reshape(-1, COORDINATES).copy()
        pieces = uninterrupted(times, frames, options.max_gap)
        for piece in pieces:  # a gap is filled from its own piece
            flat[piece] = filled(flat[piece], times[piece], "keypoints3d", frames[piece], "interpolate")
        return smooth_resampled(flat, times, pieces, network.rate, smoothed).reshape(landmarks.shape)


def refine_landmarks(motion: Motion, context: Context, options: LandmarkOptions) -> Motion:
    """Refine every person's keypoints3d (F,33,3) of set "blazepose33"; everything else is unchanged.

    NaN landmarks are interpolated from the neighbouring frames. A person's `data["smoothing"]` has acceleration (m/s^2)
    and jitter (m/s^3) before and after and how far the landmarks moved (metres). Raises InputError (another kind of
    checkpoint) and UsageError (a person without landmarks).
    """
    refiner = KeypointRefiner(options)
    smoothing = dataclasses.replace(POST_FILTER, max_gap=options.max_gap)
    context.facts["checkpoint"] = refiner.network.name
    context.weights[refiner.network.name] = refiner.network.sha256

    def refined(person: Person) -> tuple[Person, dict[str, Any]]:
        times = motion.times[person.frames]
        landmarks = refiner(_landmarks(person), times, person.frames)
        landmarks = smooth_positions(landmarks, times, smoothing, frames=person.frames)
        return person.replace(keypoints3d=landmarks), _measures(person, landmarks, times, options)

    return change_people(motion, context, SMOOTHING, refined)


def _landmarks(person: Person) -> np.ndarray:
    (landmarks,) = person.require("keypoints3d")
    if person.keypoint3d_set != "blazepose33":
        raise UsageError(f"the mixer refines landmarks of blazepose33; person {person.id} has {person.keypoint3d_set}")
    return landmarks


def _measures(person: Person, refined: np.ndarray, times: np.ndarray, options: LandmarkOptions) -> dict[str, Any]:
    before = person.keypoints3d
    if before is None or not np.isfinite(before).all():
        return {}
    return what_changed(before, refined, times, uninterrupted(times, person.frames, options.max_gap))
