"""The straight lines that the tracker kept of a clip, as one shot's camera saw them, and the vertical that they show.

A lens that is not known well makes the vertical uncertain, too: it is sought with a shorter and a longer one as well,
and how well each explains the lines weighs them. Only of cameras that stand still: of two real clips with moving ones,
both verticals that were found so were off by 4 to 7 degrees (stands of a stadium, and a crowd).
"""

from __future__ import annotations

import numpy as np

from kinema.checks import checked
from kinema.geometry.camera import TAG_UNCERTAINTY, Camera
from kinema.motion import Motion
from kinema.world.plumb import Lines, Plumb, find_plumb
from kinema.world.vanishing import BACKGROUND_LINES

MOST_LOOKS = 3
"""How many looks, spread over the shot, are read: a camera that stands still sees the same again and again."""

LENSES = ((-1.2, 0.3), (0.0, 0.4), (1.2, 0.3))
"""Focal lengths that stand for all, in standard deviations of the logarithm, and the weight of each."""

KNOWN_LENS = 0.005
"""Standard deviation of a lens' logarithm below which no other is tried."""

UNKNOWN_LENS = 0.25
"""That of a lens of which nothing is said."""


def vertical_of(motion: Motion, camera: Camera, guess: np.ndarray) -> Plumb | None:
    """The vertical that the lines of a shot show near a guess (3,), both in the axes of the camera, which stands still.

    None where no lines were kept, and where they show none. Raises ShapeError for lines that are not (N,5).
    """
    kept = motion.data.get(BACKGROUND_LINES)
    if kept is None or not len(motion.times):
        return None
    kept = checked(kept, BACKGROUND_LINES, ("N", 5), {"N": len(kept)}, "the clip")
    step = float(np.median(np.diff(motion.times))) if len(motion.times) > 1 else 0.1
    kept = kept[(kept[:, 0] > motion.times[0] - step / 2) & (kept[:, 0] < motion.times[-1] + step / 2)]
    looks = np.unique(kept[:, 0])
    if not len(looks):
        return None
    looks = looks[np.unique(np.linspace(0, len(looks) - 1, MOST_LOOKS).round().astype(int))]
    segments = kept[np.isin(kept[:, 0], looks), 1:]
    spread = _lens_sigma(camera)
    lenses = LENSES if spread > KNOWN_LENS else ((0.0, 1.0),)
    choices = [Lines.of(segments, _with_lens(camera, np.exp(off * spread))) for off, _ in lenses]
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
