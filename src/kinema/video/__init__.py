"""Video input and output: frames as they should be displayed, with their presentation times.

    with open_video("clip.mov", start=2.0, end=8.0) as video:
        for frame in video:                  # Frame(index, time, image)
            ...

A folder of images is read the same way. Frames are streamed: only a few are in memory at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.video.frames import Frame as Frame
    from kinema.video.frames import VideoReader as VideoReader
    from kinema.video.opening import open_video as open_video
    from kinema.video.writer import VideoWriter as VideoWriter

__all__ = ["Frame", "VideoReader", "VideoWriter", "open_video"]
__getattr__ = late(
    __name__,
    {
        "Frame": "kinema.video.frames",
        "VideoReader": "kinema.video.frames",
        "open_video": "kinema.video.opening",
        "VideoWriter": "kinema.video.writer",
    },
)
