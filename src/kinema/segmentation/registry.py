"""The sources of person masks by name. A new one is a function that opens it, and a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kinema.errors import InputError
from kinema.progress import Progress
from kinema.registry import Registry

if TYPE_CHECKING:
    from kinema.motion import Motion
    from kinema.segmentation.options import MaskOptions
    from kinema.video import VideoReader


@dataclass(frozen=True, eq=False)
class MaskedFrame:
    """The masks (P,H,W) bool of the motion's people in a frame, H and W the video's. image (h,w,3) uint8 RGB: the
    frame, perhaps smaller."""

    index: int
    image: np.ndarray
    masks: np.ndarray


class OpenedMasks(Protocol):
    """A source that is ready to run."""

    def frames(self, video: VideoReader, progress: Progress) -> Iterator[MaskedFrame]:
        """Every frame of the video once, in any order."""


@dataclass(frozen=True)
class Setting:
    """The setting in which a source is opened. motion: of the same frames, with boxes, and keypoints where it needs
    them; without people for one mask of all. checkpoints: files by the names of the row's weights. folder: for what is
    too large for memory, None for the system's temporary one. note: takes sentences for the user."""

    options: MaskOptions
    motion: Motion
    threads: int
    checkpoints: dict[str, Path]
    folder: Path | None
    note: Callable[[str], None]


@dataclass(frozen=True)
class MaskSource:
    """A row. open: "module:function" of a function from `Setting` to `OpenedMasks`. weights: entries of the weights
    catalogue, the source's own last; with any, it needs torch. semantic: it gives one mask of all people together, and
    does without tracks."""

    name: str
    summary: str
    open: str
    weights: tuple[str, ...] = ()
    semantic: bool = False


_HERE = "kinema.segmentation"

SOURCES: Registry[MaskSource] = Registry(
    "source of masks",
    group="kinema.masks",
    rows=(
        MaskSource(
            "blazepose", "each tracked person, by the keypoint network's own masks", f"{_HERE}.sources:open_keypoints"
        ),
        MaskSource(
            "maskrcnn", "each tracked person, by Mask R-CNN in every frame", f"{_HERE}.sources:open_instances",
            ("maskrcnn",),
        ),
        MaskSource(
            "stcn", "each tracked person, by Mask R-CNN in a frame and STCN from there to all others",
            f"{_HERE}.propagation:open_propagation", ("maskrcnn", "stcn"),
        ),
        MaskSource(
            "deeplabv3", "all people together, by DeepLabV3", f"{_HERE}.sources:open_semantic", ("deeplabv3",),
            semantic=True,
        ),
    ),
)  # fmt: skip
"""Where masks come from."""

OF_FILE = MaskSource("file", "the masks of a file", f"{_HERE}.sources:open_file")


def mask_file(name: str) -> Path | None:
    """The file or folder of masks that is given in place of a source's name; None for a source.

    Raises InputError if there is no such file.
    """
    path = Path(name)
    if name in SOURCES.names() or not (path.suffix or path.name != name or path.exists()):
        return None
    if not path.exists():
        raise InputError(
            f"there is no file of masks {name}; check the path, or name a source ({', '.join(SOURCES.names())})"
        )
    return path


def source_of(name: str) -> MaskSource:
    """The row of a name, or that of files. Raises UsageError, InputError."""
    return OF_FILE if mask_file(name) is not None else SOURCES.find(name)
