"""The lift video: 2D skeletons in the source's frames to the left, the 3D skeletons to the right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import InputError
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.visualization.doubled_video import Frames
from kinema.visualization.lift_views import KeypointsView, SkeletonsView
from kinema.visualization.options import LiftVideoOptions
from kinema.visualization.overlay import drawn
from kinema.visualization.paper import Paper
from kinema.visualization.views import View

if TYPE_CHECKING:
    from kinema.video import VideoReader

_SMALLEST = 480  # pixels of height to which small images are enlarged
_SAME_SHAPE = 0.02  # relative difference of proportions that rounding explains


def write_lift_video(
    motion: Motion,
    out: str | Path,
    options: LiftVideoOptions | None = None,
    *,
    video: VideoReader | None = None,
    progress: Progress = silent,
) -> tuple[Path, tuple[str, ...]]:
    """Write the video to `out` (.mp4), whole or not at all; returns its path and warnings.

    Every frame is shown for as long as in the source, slow motion included. video: the reader that the motion was made
    from, with the same time range; without it the 2D skeletons are on plain paper. Memory does not grow with the clip.
    Raises InputError where there is nothing to draw or the video is another one, OutputError.
    """
    from kinema.video import VideoWriter

    options = options or LiftVideoOptions()
    if not motion.width:
        raise InputError("the motion does not store the size of its images, so nothing can be drawn in them")
    if video is not None and abs(video.width * motion.height / (video.height * motion.width) - 1) > _SAME_SHAPE:
        raise InputError(
            f"{video.path} has {video.width}x{video.height} pixels, the motion was made of {motion.width}x"
            f"{motion.height}; give the video that it was made from"
        )
    width, height = _size(motion, options.panel_height)
    views: list[View] = [KeypointsView(motion, (width, height)), SkeletonsView(motion, (max(width, height), height))]
    frames: Frames = Paper(motion, width, height) if video is None else video
    slow = 1.0 if video is None else video.slow_motion
    audio = video.path if video is not None and video.metadata.get("has_audio") else None
    done = 0
    with VideoWriter(out, sum(v.width for v in views), height, audio_from=audio, crf=options.crf) as writer:
        for time, image in drawn(views, frames):
            if done == motion.num_frames:
                break
            writer.write(image, time * slow)
            done += 1
            progress(done, motion.num_frames)
        if done < motion.num_frames:
            writer.warnings.append(
                f"the video has {done} frames, the motion {motion.num_frames}; give the video and the time range that"
                " it was made from"
            )
    return Path(out), tuple(writer.warnings)


def _size(motion: Motion, panel_height: int) -> tuple[int, int]:
    """Even width and height of the left half."""
    height = min(max(motion.height, _SMALLEST), panel_height)
    return 2 * max(8, round(motion.width * height / motion.height / 2)), 2 * max(8, round(height / 2))
