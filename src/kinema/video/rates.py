"""Slow motion and time lapse: from the times at which a file plays to those at which it was recorded."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.video.options import VideoOptions

# Below this factor a camera that declares N frames per second has only dropped some: in the dark, phones halve the
# rate.
_CERTAIN_FACTOR = 2.5
_POSSIBLE_FACTOR = 1.8
# Cameras stretch by whole numbers.
_NEAR_WHOLE = 0.04


@dataclass(frozen=True)
class TrueRate:
    """slow_motion: how many times slower than life the file plays. source: of the times, see `TIME_SOURCES`. note: to
    the user, if something was assumed."""

    slow_motion: float = 1.0
    source: str = "container"
    note: str | None = None


def true_rate(options: VideoOptions, stored: float, captured: float | None, *, has_audio: bool) -> TrueRate:
    """The true rate of a video.

    stored: frames per second at which the file plays, between gaps. captured: frames per second of the camera, if the
    file says so. has_audio: cameras record sound with videos that play at normal speed.
    """
    if options.fps is not None:
        return TrueRate(options.fps / stored, "given")
    if options.slow_motion is not None:
        return TrueRate(options.slow_motion, "given")
    if captured is None:
        return TrueRate()
    factor = captured / stored
    size = max(factor, 1 / factor)
    rates = f"recorded at {captured:.4g} frames per second and played at {stored:.4g}"
    if size < _POSSIBLE_FACTOR:
        return TrueRate()
    if size < _CERTAIN_FACTOR and has_audio:
        return TrueRate(note=f"the file says that it was {rates}; if that is true, set `slow_motion` to {factor:.3g}")
    whole = round(size)
    if abs(size / whole - 1) <= _NEAR_WHOLE:
        factor = float(whole) if factor > 1 else 1 / whole
    kind = f"slow motion, {factor:.3g} times slower" if factor > 1 else f"a time lapse, {1 / factor:.3g} times faster"
    note = (
        f"the file says that it was {rates}: {kind} than life; all times are the true ones (`slow_motion` 1 takes the"
        " file's)"
    )
    return TrueRate(factor, "tag", note)
