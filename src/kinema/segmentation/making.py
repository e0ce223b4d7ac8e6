"""The masks of a clip's people, from any source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.keypoints.source import explained
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.registry import resolve
from kinema.segmentation.cleanup import cleaned
from kinema.segmentation.files import read_masks
from kinema.segmentation.masks import Masks
from kinema.segmentation.options import MaskOptions
from kinema.segmentation.registry import MaskedFrame, OpenedMasks, Setting, mask_file, source_of
from kinema.segmentation.rle import encode
from kinema.video import VideoReader
from kinema.video.frames import TimeRange
from kinema.weights import locate

FAR_OFF, FAR_OFF_IN_PART = 0.1, 1 / 3
"""Share of a video's likely frames by which a file may have more or fewer masks before they are counted: of all of it,
whose header counts them, and of a part, whose frames may come faster or slower than the mean."""


def checkpoints_of(options: MaskOptions) -> dict[str, Path]:
    """The published weights of the source by name: the user's file for its own, else the cache's.

    Raises InputError if there is no such file, WeightsError if none is in the cache.
    """
    names = source_of(options.source).weights
    found = {}
    for name in names:
        if name != names[-1] or options.checkpoint is None:
            found[name] = locate(name).path
        elif options.checkpoint.exists():
            found[name] = options.checkpoint
        else:
            raise InputError(f"{options.checkpoint} does not exist; check the path of the weights")
    return found


def require_of_video(options: MaskOptions, video: VideoReader) -> None:
    """Raise InputError for a file of masks that cannot be of this video, before anybody is tracked.

    How many frames the video has is known for certain once all are decoded (`Masks.require_fit`). Headers count those
    that an edit list leaves out, too, so that only a number is refused that is far from all that they say.
    """
    file = mask_file(options.source)
    if file is None:
        return
    masks = read_masks(file)
    masks.require_shape(video.height, video.width, source=str(file))
    whole = video.time_range == TimeRange()
    likely = [] if video.num_frames_estimate is None else [video.num_frames_estimate]
    if whole and likely and "duration" in video.metadata:
        likely.append(round(float(video.metadata["duration"]) * video.fps))
    far = FAR_OFF if whole else FAR_OFF_IN_PART
    if likely and all(abs(len(masks) - count) > far * count for count in likely):
        raise InputError(
            f"{file} has masks of {len(masks)} frames and the video has about {likely[-1]}; give the masks of this"
            " video, or cut both to the same range"
        )


def open_masks(
    options: MaskOptions,
    motion: Motion,
    *,
    threads: int = 1,
    folder: Path | None = None,
    note: Callable[[str], None] = lambda sentence: None,
) -> OpenedMasks:
    """The source that the options name, ready to run. motion, folder, note: as in `Setting`.

    Raises WeightsError, InputError (the checkpoint, the file of masks), UsageError if torch is missing.
    """
    row = source_of(options.source)
    setting = Setting(options, motion, threads, checkpoints_of(options), folder, note)
    with explained(f"masks by {row.name}", "torch" if row.weights else None):
        opened: OpenedMasks = resolve(row.open)(setting)
    return opened


def make_masks(
    source: OpenedMasks,
    video: VideoReader,
    ids: tuple[int, ...],
    *,
    clean: bool = False,
    semantic: bool = False,
    progress: Progress = silent,
    shown: Callable[[MaskedFrame], None] = lambda frame: None,
) -> Masks:
    """The masks of every frame of a video, in the frames' order and at the video's size.

    ids: of the people; clean: whether each is cleaned; shown: called with every frame, in the source's order.
    """
    rows: dict[int, tuple[bytes, ...]] = {}
    for frame in source.frames(video, progress):
        masks = np.array([cleaned(mask) for mask in frame.masks]).reshape(frame.masks.shape) if clean else frame.masks
        rows[frame.index] = tuple(encode(mask) for mask in masks)
        shown(MaskedFrame(frame.index, frame.image, masks))
    return Masks(video.height, video.width, tuple(rows[index] for index in sorted(rows)), ids, semantic)
