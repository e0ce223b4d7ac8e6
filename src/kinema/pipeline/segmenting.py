"""From a video to the masks of its people: tracking, masks of every frame, a contact sheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from kinema.errors import InputError, UsageError
from kinema.motion import Motion
from kinema.pipeline.clearance import require_all_cleared
from kinema.pipeline.people_sheet import write_sheet
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.tracking_alone import tracked
from kinema.pipeline.watching import RunWatcher, timed
from kinema.segmentation.choice import SelectOptions
from kinema.segmentation.files import read_masks
from kinema.segmentation.making import checkpoints_of, make_masks, open_masks, require_of_video
from kinema.segmentation.masks import Masks
from kinema.segmentation.options import MaskOptions
from kinema.segmentation.registry import MaskedFrame, mask_file, source_of
from kinema.segmentation.selection import check, select
from kinema.storage.atomic import atomic_path
from kinema.tracking.options import TrackingOptions
from kinema.tracking.tracker import threads_of
from kinema.video import VideoReader, open_video
from kinema.video.frames import TimeRange
from kinema.video.options import VideoOptions
from kinema.video.sources import local_file

_COLUMNS, _IMAGES, _WIDTH = 4, 12, 480
"""Contact sheet: images per row and in total, and width of an image in pixels."""

COLOURS = ((255, 140, 0), (0, 150, 255), (60, 200, 80), (230, 60, 160), (160, 110, 255), (250, 220, 40))
"""RGB of the people's masks on the contact sheet, used cyclically."""


@dataclass(frozen=True)
class SegmentJob:
    """Everything that `segment_video` needs besides the video."""

    masks: MaskOptions = field(default_factory=MaskOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    time_range: TimeRange = field(default_factory=TimeRange)
    video: VideoOptions = field(default_factory=VideoOptions)
    commercial_only: bool = False

    def __post_init__(self) -> None:
        row = source_of(self.masks.source)
        if row.semantic and self.select.people:
            raise UsageError(f"{row.name} gives one mask of all people together; leave out `select`")
        networks = row.weights
        networks = networks if self.masks.checkpoint is None else networks[:-1]
        require_all_cleared(self.commercial_only, networks=networks, files=(self.masks.checkpoint,))


@one_blas_thread
def segment_video(
    path: str | Path, job: SegmentJob | None = None, *, watcher: RunWatcher | None = None, sheet: Path | None = None
) -> Masks:
    """The masks of the people in a video, at the video's size, with the tracks' ids.

    sheet: an image to write, of frames with coloured masks and ids. Raises InputError (no video, nobody in it, the
    checkpoint), WeightsError, UsageError.
    """
    job, watcher = job or SegmentJob(), watcher or RunWatcher()
    # Errors in files are reported before people are tracked.
    checkpoints_of(job.masks)
    masks_of_file = mask_file(job.masks.source)
    if masks_of_file is not None:
        read_masks(masks_of_file)
    times = job.time_range
    with (
        local_file(path) as file,
        open_video(file, start=times.start, end=times.end, options=job.video) as reader,
    ):
        require_of_video(job.masks, reader)
        semantic = source_of(job.masks.source).semantic
        motion = Motion(np.zeros(0), 0, 0) if semantic else tracked(reader, job.tracking, watcher)
        if not semantic and not motion.people:
            raise InputError(f"nobody is seen in {path}; masks by deeplabv3 need no tracks")
        check(motion, job.select.choices, reader.slow_motion)
        masks, images = _segmented(reader, job, motion, watcher, semantic=semantic)
        if job.select.people:
            chosen = select(motion, job.select.choices, masks=masks, slow_motion=reader.slow_motion)
            masks = masks.select(*(person.id for person in chosen))
    if sheet is not None:
        cells = [shown(image, masks.frame(index), masks.ids) for index, image in sorted(images.items())]
        with atomic_path(sheet) as temporary:
            temporary.write_bytes(cv2.imencode(".jpg", contact_sheet(cells)[..., ::-1])[1].tobytes())
    return masks


@one_blas_thread
def show_people(path: str | Path, job: SegmentJob, sheet: Path, *, watcher: RunWatcher | None = None) -> Motion:
    """Track the people of a video and write an image of everybody, with the numbers that `select` takes.

    Raises InputError (no video, nobody in it), OutputError, WeightsError, UsageError.
    """
    times = job.time_range
    with (
        local_file(path) as file,
        open_video(file, start=times.start, end=times.end, options=job.video) as reader,
    ):
        motion = tracked(reader, job.tracking, watcher or RunWatcher())
        if not motion.people:
            raise InputError(f"nobody is seen in {path}; `smallest_person` 0.03 looks closer")
        write_sheet(motion, reader, sheet)
    return motion


def _segmented(
    reader: VideoReader, job: SegmentJob, motion: Motion, watcher: RunWatcher, *, semantic: bool
) -> tuple[Masks, dict[int, np.ndarray]]:
    """The masks of every frame, and the contact sheet's images by frame, without the masks."""
    ids = (1,) if semantic else tuple(person.id for person in motion)
    source = open_masks(job.masks, motion, threads=threads_of(job.tracking), note=watcher.note)
    every = max((len(motion.times) or reader.num_frames_estimate or 1) // _IMAGES, 1)
    images: dict[int, np.ndarray] = {}

    def look(frame: MaskedFrame) -> None:
        if frame.index % every == every // 2 and len(images) < _IMAGES:
            images[frame.index] = smaller(frame.image)

    with timed(watcher, "segment") as progress:
        masks = make_masks(source, reader, ids, clean=job.masks.clean, semantic=semantic, progress=progress, shown=look)
    return masks, images


def smaller(image: np.ndarray) -> np.ndarray:
    """An image (H,W,3) at the contact sheet's width."""
    size = (_WIDTH, max(round(_WIDTH * image.shape[0] / image.shape[1]), 1))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def shown(image: np.ndarray, masks: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
    """An image (h,w,3) uint8 RGB with the masks (P,H,W) of the same image in colour, and their ids."""
    size, out = image.shape[1::-1], image
    for place, (mask, person) in enumerate(zip(masks, ids, strict=True)):
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None] * 0.6
        colour = COLOURS[place % len(COLOURS)]
        out = np.clip(out * (1 - small) + small * np.array(colour), 0, 255).astype(np.uint8)
        if mask.any():
            y, x = np.argwhere(small[..., 0] >= small.max())[0]
            for thickness, ink in ((4, (0, 0, 0)), (2, (255, 255, 255))):
                cv2.putText(
                    out, str(person), (int(x), max(int(y) - 4, 14)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, thickness,
                    cv2.LINE_AA,
                )  # fmt: skip
    return out


def contact_sheet(images: list[np.ndarray]) -> np.ndarray:
    """Images (h,w,3) of one size in rows of `_COLUMNS`, padded with black."""
    columns = min(_COLUMNS, len(images))
    blank = [np.zeros_like(images[0])] * (-len(images) % columns)
    cells = [*images, *blank]
    return np.vstack([np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)])
