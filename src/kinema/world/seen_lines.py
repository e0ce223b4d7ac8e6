"""The straight lines that the tracker kept of a clip, as one shot's camera saw them, and the vertical that they show.

A lens that is not known well makes the vertical uncertain, too: it is sought with a shorter and a longer one as well,
and how well each explains the lines weighs them. The lines of a moving camera are brought into one frame of reference
by its path, where they stand and lie as if it had not moved.
"""

from __future__ import annotations

import numpy as np

from kinema.checks import checked
from kinema.geometry.camera import TAG_UNCERTAINTY, Camera
from kinema.motion import Motion
from kinema.world.moving import Journey
from kinema.world.plumb import Lines, Plumb, find_plumb
from kinema.world.vanishing import BACKGROUND_LINES

STILL_LOOKS, MOVING_LOOKS = 3, 12
"""How many looks, spread over the shot, are read: a camera that stands still sees the same again and again."""

LENSES = ((-1.2, 0.3), (0.0, 0.4), (1.2, 0.3))
"""Focal lengths that stand for all, in standard deviations of the logarithm, and the weight of each."""

KNOWN_LENS = 0.005
"""Standard deviation of a lens' logarithm below which no other is tried."""

UNKNOWN_LENS = 0.25
"""That of a lens of which nothing is said."""


def vertical_of(motion: Motion, camera: Camera, guess: np.ndarray, journey: Journey | None = None) -> Plumb | None:
    """The vertical that the lines of a shot show near a guess (3,), both in the axes of the camera if it stands still,
    else in the frame of its journey. None where no lines were kept, and where they show none.
    """
    kept = motion.data.get(BACKGROUND_LINES)
    if kept is None or not len(motion.times):
        return None
    kept = checked(kept, BACKGROUND_LINES, ("N", 5), {"N": len(kept)}, "the clip")
    span = 0.5 * float(np.median(np.diff(motion.times))) if len(motion.times) > 1 else 0.05
    kept = kept[(kept[:, 0] > motion.times[0] - span) & (kept[:, 0] < motion.times[-1] + span)]
    frames = np.abs(motion.times[:, None] - np.unique(kept[:, 0])).argmin(axis=0) if len(kept) else np.zeros(0, int)
    frames = frames[np.searchsorted(np.unique(kept[:, 0]), kept[:, 0])]
    if journey is not None and journey.path.found is not None:
        there = journey.path.found[frames]
        kept, frames = kept[there], frames[there]
    looks = np.unique(frames)
    most = STILL_LOOKS if journey is None else MOVING_LOOKS
    looks = looks[np.unique(np.linspace(0, len(looks) - 1, most).round().astype(int))] if len(looks) > most else looks
    used = np.isin(frames, looks)
    segments, frames = kept[used, 1:], frames[used]
    if not len(segments):
        return None
    rotation = None if journey is None else journey.rotation[frames]
    zoom = None if journey is None else journey.zoom(camera)[frames]
    spread = _lens_sigma(camera)
    lenses = LENSES if spread > KNOWN_LENS else ((0.0, 1.0),)
    choices = [Lines.of(segments, _with_lens(camera, np.exp(step * spread)), rotation, zoom) for step, _ in lenses]
    return find_plumb(choices, guess, [weight for _, weight in lenses])


def _lens_sigma(camera: Camera) -> float:
    """Standard deviation of the logarithm of the focal length."""
    if camera.fov_uncertainty is not None:
        return float(np.radians(camera.fov_uncertainty) / np.sin(np.radians(camera.fov)))
    known = {"fov option": 0.0, "calibration": 0.0, "file": 0.0, "metadata": TAG_UNCERTAINTY}
    return known.get(camera.focal_source, UNKNOWN_LENS)


def _with_lens(camera: Camera, factor: float) -> Camera:
    scale = np.array([[factor, factor, 1.0], [factor, factor, 1.0], [1.0, 1.0, 1.0]])
    return camera.replace(intrinsics=camera.intrinsics * scale)
