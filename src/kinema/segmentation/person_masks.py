"""The masks of a motion's people in files, for the stages that follow: `Person.masks`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.segmentation.masks import scaled
from kinema.segmentation.registry import MaskedFrame
from kinema.storage.row_file import RowFile
from kinema.storage.stored import StoredArray

LONGEST = 480
"""Longer side of these masks in pixels: as many bytes a frame as the vertices of a body have."""

_ROOM = 0.1
"""Of a box's size, around it, in which a mask of all people is taken for this one's."""


class PersonMasks:
    """Call `put` with every frame, in any order, inside a `with` block; the files appear at its end.

    folder: where they are written. semantic: the frames have one mask of all people. Raises OutputError.
    """

    def __init__(self, motion: Motion, folder: Path, *, semantic: bool = False) -> None:
        factor = min(1.0, LONGEST / max(motion.width, motion.height, 1))
        self.size = max(round(motion.height * factor), 1), max(round(motion.width * factor), 1)
        self._motion, self._semantic = motion, semantic
        self._paths = {person.id: folder / f"masks-{person.id}.npy" for person in motion}
        self._files: dict[int, RowFile] = {}

    def __enter__(self) -> PersonMasks:
        with ExitStack() as stack:
            stack.callback(self._leave)
            for person in self._motion:
                self._files[person.id] = RowFile(self._paths[person.id], (len(person), *self.size), np.bool_)
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            stack.callback(self._leave)
            if error is None:
                for file in self._files.values():
                    file.finish()

    def _leave(self) -> None:
        for file in self._files.values():
            file.leave(forget=True)

    def put(self, frame: MaskedFrame) -> None:
        """Keep the masks of a frame."""
        for place, person in enumerate(self._motion):
            row = row_of(person, frame.index)
            if row is None:
                continue
            mask = scaled(frame.masks[0 if self._semantic else place], self.size)
            if self._semantic:
                box = person.require("boxes")[0][row] * (self.size[1] / max(self._motion.width, 1))
                mask = mask & near(box, self.size)
            self._files[person.id].put(row, mask)

    def people(self) -> tuple[Person, ...]:
        """The motion's people with their masks."""
        return tuple(person.replace(masks=StoredArray(self._paths[person.id])) for person in self._motion)


def near(box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H,W) bool, of this size: a person's box (4,) and its margin."""
    height, width = size
    margin = _ROOM * np.tile(box[2:] - box[:2], 2) * [-1, -1, 1, 1]
    x1, y1, x2, y2 = np.clip(np.rint(np.nan_to_num(box + margin)), 0, [width, height, width, height]).astype(int)
    inside = np.zeros(size, bool)
    inside[y1:y2, x1:x2] = True
    return inside
