"""Settings of person masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kinema.errors import UsageError
from kinema.models.stcn.facts import MEMORY
from kinema.options import clock_seconds, require, setting
from kinema.segmentation.registry import SOURCES, MaskSource, source_of

_GROUP = "masks"
_ONLY_STCN = ("init_frame", "seg_init_time", "passes", "permute_frames", "mask_memory")


HALF = "half"
"""As `init_frame`: the frame half-way through the clip."""


def frame_numbers(text: str) -> tuple[int, ...] | str:
    """Frame numbers from "40" or "40,200", or `HALF`. Raises UsageError."""
    if text.strip().lower() == HALF:
        return HALF
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is not a frame number; write for instance 40, or 40,200, or {HALF}") from None


@dataclass(frozen=True)
class MaskOptions:
    """How masks are made.

    checkpoint: of the source's own network. clean: fill gaps in each mask and clear what lies far from the person
    (`kinema.segmentation.cleanup`). The others are of stcn: init_frame, init_time: where Mask R-CNN looks for people,
    frames from 0 (or `HALF`), or seconds since the beginning of the video; None for as few frames as show everybody.
    passes: all but the last one only fill the memory. permute: these see the frames in random order. memory: most
    frames that it holds.
    """

    source: str = setting(
        "blazepose",
        f"source of the masks: {', '.join(row.name for row in SOURCES.built_in)} or a mask file",
        public="masks",
        metavar="NAME|FILE",
    )
    checkpoint: Path | None = setting(
        None,
        "the published weights of maskrcnn, stcn or deeplabv3 (default: the cache's)",
        public="mask_checkpoint",
        metavar="FILE",
        group=_GROUP,
    )
    clean: bool = setting(
        False, "fill gaps in masks and remove parts far from the person", public="morph_cleanup", group=_GROUP
    )
    init_frame: tuple[int, ...] | str | None = setting(
        None,
        f"stcn: frame in which Mask R-CNN finds the people, from 0; several as in 40,200; {HALF}: the middle one"
        " (default: the fewest frames that show everybody)",
        public=True,
        parse=frame_numbers,
        metavar="N",
        group=_GROUP,
    )
    init_time: float | None = setting(
        None,
        "stcn: the same as --init-frame, as a time in seconds or minutes:seconds",
        public="seg_init_time",
        parse=clock_seconds,
        metavar="T",
        group=_GROUP,
    )
    passes: int = setting(
        1, "stcn: passes over the clip; all but the last one only fill the memory", public=True, metavar="N",
        group=_GROUP,
    )  # fmt: skip
    permute: bool = setting(
        False, "stcn: fill the memory in random order of frames", public="permute_frames", group=_GROUP
    )
    memory: int = setting(
        MEMORY, "stcn: most frames that the memory holds", public="mask_memory", metavar="N", group=_GROUP
    )

    optional: ClassVar[bool] = False
    """Whether the source may be "none"."""

    def __post_init__(self) -> None:
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", Path(self.checkpoint))
        if self.init_frame is not None:
            if self.init_frame != HALF:
                given = (self.init_frame,) if isinstance(self.init_frame, int) else self.init_frame
                numbers = not isinstance(given, str) and len(given) > 0 and min(given) >= 0
                require(numbers, "init_frame", f"be a frame's number, from 0, or {HALF}", self.init_frame)
                object.__setattr__(self, "init_frame", tuple(given))
            if self.init_time is not None:
                raise UsageError("`init_frame` and `seg_init_time` say the same; give one of them")
        require(self.init_time is None or self.init_time >= 0, "seg_init_time", "be 0 or more", self.init_time)
        require(self.passes >= 1, "passes", "be at least 1", self.passes)
        require(self.memory >= 1, "mask_memory", "be at least 1", self.memory)
        nothing = self.optional and self.source == "none"
        row = MaskSource("none", "no masks", "") if nothing else source_of(self.source)
        if self.checkpoint is not None and not row.weights:
            raise UsageError(
                f"the masks of {self.source} have no checkpoint; leave out `mask_checkpoint`, or choose `masks`"
            )
        if row.name != "stcn":
            defaults = (None, None, 1, False, MEMORY)
            found = (self.init_frame, self.init_time, self.passes, self.permute, self.memory)
            for name, value, default in zip(_ONLY_STCN, found, defaults, strict=True):
                if value != default:
                    raise UsageError(f"`{name}` is of the masks of stcn; leave it out, or choose `masks` stcn")
