"""The stage of Kinema's own refiner: keypoint networks' 3D landmarks, made steady and brought nearer to the truth.

The mixer (`kinema.models.mixer`) sees all landmarks over a second, so that it takes away
what the networks get wrong in the same way each time (too little depth, sides exchanged), which no filter can. What
it puts right shakes a little from window to window, and a short Whittaker filter takes that away.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema._version import __version__
from kinema.errors import UsageError
from kinema.models.mixer.onnx_run import COORDINATES, load_mixer
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress, silent
from kinema.provenance import StageRecord
from kinema.refinement.filtering import FilterOptions, smooth_positions
from kinema.refinement.measures import what_changed
from kinema.temporal.gaps import uninterrupted
from kinema.temporal.sequences import filled, in_even_pieces
from kinema.temporal.windows import slide

if TYPE_CHECKING:
    from kinema.body import BodyModel

STEADY = FilterOptions(method="whittaker", seconds=0.28)
"""What follows the network."""


@dataclass(frozen=True)
class KeypointOptions:
    """How landmarks are refined.

    method: "mixer". checkpoint: an .onnx file that `kinema train refiner --dataset keypoints` wrote, None for the one
    that ships. step: frames between windows. max_gap: seconds; a track interrupted for longer is refined in pieces.
    """

    method: str = "mixer"
    checkpoint: str | Path | None = None
    step: int = 4
    max_gap: float = 0.2

    def __post_init__(self) -> None:
        if self.method != "mixer":
            raise UsageError(f"landmarks are refined by the mixer, not by {self.method!r}")
        if self.step < 1:
            raise UsageError(f"step must be at least 1, found {self.step}")
        if not self.max_gap > 0:
            raise UsageError(f"max_gap must be positive, found {self.max_gap}")


class KeypointRefiner:
    """The network, read once, for any number of people. Raises InputError where a checkpoint holds something else."""

    def __init__(self, options: KeypointOptions | None = None) -> None:
        self.options = options or KeypointOptions()
        self.network = load_mixer(self.options.checkpoint)

    def __call__(self, landmarks: np.ndarray, times: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Landmarks (F,33,3) of `frames` (F,) at `times` (F,), seconds, as the network corrects them: nearer to the
        truth, and not yet filtered. NaN is taken from the frames around it.
        """
        network, options = self.network, self.options
        window = network.window or 1

        def smoothed(course: np.ndarray) -> np.ndarray:
            return slide(course, window, network.run, step=min(options.step, window)).astype(np.float64)

        flat = landmarks.reshape(-1, COORDINATES).copy()
        pieces = uninterrupted(times, frames, options.max_gap)
        for piece in pieces:  # a hole is filled from its own piece
            flat[piece] = filled(flat[piece], times[piece], "keypoints3d", frames[piece], "interpolate")
        return in_even_pieces(flat, times, pieces, network.rate, smoothed).reshape(landmarks.shape)


def refine_keypoints(
    motion: Motion,
    body: BodyModel | None = None,
    options: KeypointOptions | None = None,
    *,
    progress: Progress = silent,
) -> Motion:
    """Refine every person's keypoints3d (F,33,3) of set "blazepose33"; all else stays as it is.

    Landmarks that are NaN are taken from the frames around them. The record tells acceleration (m/s^2) and jitter
    (m/s^3) before and after and how far the landmarks moved (metres). Raises InputError (a checkpoint of something
    else) and UsageError (a person without landmarks).
    """
    options = options or KeypointOptions()
    refiner = KeypointRefiner(options)
    calm = dataclasses.replace(STEADY, max_gap=options.max_gap)
    people, told = [], {}
    for done, person in enumerate(motion.people):
        progress(done, len(motion.people))
        times = motion.times[person.frames]
        refined = smooth_positions(refiner(_landmarks(person), times, person.frames), times, calm, frames=person.frames)
        people.append(person.replace(keypoints3d=refined))
        told[str(person.id)] = _measures(person, refined, times, options)
    progress(len(motion.people), len(motion.people))
    network = refiner.network
    arguments = {**dataclasses.asdict(options), "checkpoint": network.name, "people": told}
    record = StageRecord("refine.mixer", __version__, arguments, {network.name: network.sha256})
    return motion.after(record, people=tuple(people))


def _landmarks(person: Person) -> np.ndarray:
    (landmarks,) = person.require("keypoints3d")
    if person.keypoint_set != "blazepose33":
        raise UsageError(f"the mixer refines landmarks of blazepose33; person {person.id} has {person.keypoint_set}")
    return landmarks


def _measures(person: Person, refined: np.ndarray, times: np.ndarray, options: KeypointOptions) -> dict[str, Any]:
    before = person.keypoints3d
    if before is None or not np.isfinite(before).all():
        return {}
    return what_changed(before, refined, times, uninterrupted(times, person.frames, options.max_gap))
