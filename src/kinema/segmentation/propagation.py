"""Masks carried through a clip by STCN from the frames in which Mask R-CNN finds the people.

The order of frames and the memory's rules are those of the NLF video pipeline, but that without random order the clip
is gone through forwards and then backwards from the first of these frames, so that neighbours follow each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.models.maskrcnn.torch_run import Detections, MaskRCNNRun
from kinema.models.stcn.facts import SHORT_SIDE
from kinema.models.stcn.torch_run import Propagation, open_stcn
from kinema.progress import Progress
from kinema.segmentation.initial import initial_frames
from kinema.segmentation.masks import scaled
from kinema.segmentation.options import HALF
from kinema.segmentation.registry import MaskedFrame, Setting
from kinema.segmentation.sources import masks_of_tracks
from kinema.storage.atomic import explain_write_error
from kinema.video import VideoReader

_SEED = 0


class FrameStore:
    """Frames (h,w,3) uint8 in a temporary file that nobody else sees, for reading in any order.

    Half a megabyte a frame at `SHORT_SIDE`. Raises OutputError if the disk is full.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by the context manager
        self._folder = folder or Path(tempfile.gettempdir())
        self.size = (0, 0)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, image: np.ndarray) -> None:
        self.size = image.shape[:2]
        try:
            self._file.seek(self._count * image.size)
            self._file.write(np.ascontiguousarray(image).data)
        except OSError as error:
            raise explain_write_error(error, self._folder) or error from error
        self._count += 1

    def __getitem__(self, index: int) -> np.ndarray:
        height, width = self.size
        self._file.seek(index * height * width * 3)
        return np.frombuffer(self._file.read(height * width * 3), np.uint8).reshape(height, width, 3)


class PropagatedMasks:
    """What `open_propagation` opens. people_in: finds people in an image; start: opens a `Propagation` of so many
    objects in frames of a height and a width."""

    def __init__(
        self,
        people_in: Callable[[np.ndarray], Detections],
        start: Callable[[int, int, int], Propagation],
        given: Setting,
    ) -> None:
        self._people_in, self._start, self._given = people_in, start, given
        self._motion = given.motion

    def frames(self, video: VideoReader, progress: Progress) -> Iterator[MaskedFrame]:
        options = self._given.options
        with FrameStore(self._given.folder) as store:
            initial, chosen = self._read(video, store)
            seen = np.logical_or.reduce([each.any(axis=(1, 2)) for each in initial.values()])
            self._tell(seen, chosen)
            nobody = np.zeros((len(self._motion.people), video.height, video.width), bool)
            if not seen.any():
                yield from (MaskedFrame(index, store[index], nobody) for index in range(len(store)))
                return
            run = self._start(int(seen.sum()), *store.size)
            for index, masks in initial.items():
                run.show(store[index], np.array([scaled(mask, store.size) for mask in masks[seen]]))
            orders = orders_of(len(store), tuple(initial), options.passes, permute=options.permute)
            total, done = len(store) * options.passes, 0
            for order in orders[:-1]:
                for index in order:
                    if index not in initial:
                        run.step(store[index])
                    progress(done := done + 1, total)
            for place, index in enumerate(orders[-1]):
                if place and abs(index - orders[-1][place - 1]) != 1:
                    run.memory.forget()
                masks = nobody.copy()
                if index in initial:
                    masks = initial[index]
                else:
                    found = run.step(store[index], temporary=options.passes > 1)
                    masks[seen] = labelled(found, (video.height, video.width))
                yield MaskedFrame(index, store[index], masks)
                progress(done := done + 1, total)

    def _read(self, video: VideoReader, store: FrameStore) -> tuple[dict[int, np.ndarray], Sequence[int]]:
        """Fill the store; the masks (P,H,W) of the people in the initial frames by frame, and these frames."""
        options, before = self._given.options, None
        half = [self._motion.num_frames // 2]
        chosen = half if options.init_frame == HALF else [int(number) for number in options.init_frame or ()]
        if not chosen and options.init_time is None:
            chosen = initial_frames(self._motion)
        initial = {}
        for frame in video:
            if not chosen and options.init_time is not None and frame.time >= options.init_time - 1e-6:
                chosen = [frame.index]
            if frame.index in chosen:
                initial[frame.index] = masks_of_tracks(self._people_in, self._motion, frame)
            store.append(small(frame.image))
            before = frame
        missing = [number for number in chosen if number not in initial]
        if missing:
            raise InputError(f"`init_frame` {missing[0]} is not in the clip, whose frames are 0 to {len(store) - 1}")
        if not chosen:
            last = "0" if before is None else f"{before.time:.2f}"
            raise InputError(f"`seg_init_time` {options.init_time:g} s is after the clip's last frame at {last} s")
        ordered = {number: initial[number] for number in dict.fromkeys(chosen)}
        return ordered, chosen

    def _tell(self, seen: np.ndarray, chosen: Sequence[int]) -> None:
        """Note who is in none of the initial masks."""
        lost = [str(person.id) for person, known in zip(self._motion, seen, strict=True) if not known]
        if lost:
            where = ", ".join(str(number) for number in chosen)
            self._given.note(
                f"person {', '.join(lost)} has no masks: Mask R-CNN does not find them in frame {where};"
                " choose other frames with `init_frame`"
            )


def open_propagation(given: Setting) -> PropagatedMasks:
    """The row stcn."""
    detector = MaskRCNNRun(given.checkpoints["maskrcnn"], threads=given.threads)
    net = open_stcn(given.checkpoints["stcn"], threads=given.threads)
    frames = len(given.motion.times) * max(given.options.passes, 1)
    memory = max(min(given.options.memory, frames), 1)

    def start(objects: int, height: int, width: int) -> Propagation:
        return Propagation(net, objects, height, width, memory=memory, seed=_SEED)

    return PropagatedMasks(detector.people, start, given)


def orders_of(frames: int, initial: Sequence[int], passes: int, *, permute: bool) -> list[list[int]]:
    """For each pass, the order of all frames.

    Without `permute`, or in the last of several passes: from the first initial frame to the end, then from there to the
    beginning. Otherwise the initial frames, then the others at random.
    """
    first = initial[0]
    steady = [*range(first, frames), *range(first - 1, -1, -1)]
    if not permute:
        return [steady] * passes
    random = np.random.default_rng(_SEED)
    others = np.setdiff1d(np.arange(frames), initial)
    mixed = [[*initial, *random.permutation(others).tolist()] for _ in range(max(passes - 1, 1))]
    return [*mixed, steady] if passes > 1 else mixed


def small(image: np.ndarray) -> np.ndarray:
    """An image (H,W,3) at the size that it is worked with: `SHORT_SIDE` pixels on the shorter side."""
    height, width = image.shape[:2]
    size = (round(width * SHORT_SIDE / height), SHORT_SIDE) if width > height else (
        SHORT_SIDE, int(height * SHORT_SIDE / width)
    )  # fmt: skip
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def labelled(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The masks (P,H,W) bool of probabilities (1+P,h,w) of background and people, enlarged to height and width: each
    pixel belongs to the likeliest."""
    enlarged = np.array([cv2.resize(each, size[::-1], interpolation=cv2.INTER_LINEAR) for each in probabilities])
    return np.asarray(enlarged.argmax(axis=0)[None] == np.arange(1, len(probabilities))[:, None, None])
