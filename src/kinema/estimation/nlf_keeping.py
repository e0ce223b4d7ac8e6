"""What NLF locates, written to files as it is found, so that memory does not grow and a stopped stage goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kinema.person import LOCATED, POINT_UNCERTAINTY, POINTS, Person
from kinema.stage import Partial
from kinema.storage.row_file import RowFile
from kinema.storage.stored import StoredArray, lasting_folder

SECONDS = 30.0
"""After which the work so far is sure to be found again."""

Counts = Sequence[int]
"""Of vertices, of joints, and of further points if there are any."""

_FIRST = "first"


class _Files:
    """The files of one person: vertices, their uncertainties, joints, theirs, and further points, theirs."""

    def __init__(self, folder: Path, person: Person, counts: Counts, *, resume: bool) -> None:
        self.all: list[RowFile] = []
        self._ends = np.cumsum(counts)
        try:
            for path, shape, dtype in _layout(folder, person, counts):
                self.all.append(RowFile(path, shape, dtype, resume=resume))
        except BaseException:
            self.leave(forget=not resume)
            raise

    def put(self, row: int, points: np.ndarray, uncertainty: np.ndarray) -> None:
        """points (V+24+N,3), uncertainty (V+24+N,)."""
        parts = zip(np.split(points, self._ends[:-1]), np.split(uncertainty, self._ends[:-1]), strict=True)
        for file, part in zip(self.all, (part for both in parts for part in both), strict=True):
            file.put(row, part)

    def filled(self, person: Person) -> Person:
        """The person with what was found; the files of the surface get their names."""
        vertices, spread, *others = self.all
        places, uncertainty, *further = (each.get() for each in others)
        for each in (vertices, spread):
            each.finish()
        for each in others:
            each.leave(forget=True)
        return person.replace(
            joints=places,
            joint_uncertainty=uncertainty,
            vertices=StoredArray(vertices.path),
            vertex_uncertainty=StoredArray(spread.path),
            data={**person.data, LOCATED: places, **dict(zip((POINTS, POINT_UNCERTAINTY), further, strict=False))},
        )

    def leave(self, *, forget: bool) -> None:
        for each in self.all:
            each.leave(forget=forget)


def _layout(folder: Path, person: Person, counts: Counts) -> list[tuple[Path, tuple[int, ...], type]]:
    frames, (vertices, joints, *more) = len(person), counts
    return [
        (folder / f"vertices-{person.id}.npy", (frames, vertices, 3), np.float32),
        (folder / f"vertex-uncertainty-{person.id}.npy", (frames, vertices), np.float32),
        (folder / f"joints-{person.id}.npy", (frames, joints, 3), np.float64),
        (folder / f"joint-uncertainty-{person.id}.npy", (frames, joints), np.float64),
        *((folder / f"points-{person.id}.npy", (frames, each, 3), np.float32) for each in more),
        *((folder / f"point-uncertainty-{person.id}.npy", (frames, each), np.float32) for each in more),
    ]


class Kept:
    """The files of all people. first: the frame of the video from which on something is owed."""

    def __init__(self, people: Sequence[Person], counts: Counts, folder: Path, partial: Partial | None) -> None:
        self._people, self._partial, self._saved = people, partial, time.monotonic()
        self.first = _first_owed(people, counts, folder, partial)
        self._files: dict[int, _Files] = {}
        try:
            for person in people:
                self._files[person.id] = _Files(folder, person, counts, resume=self.first > 0)
        except BaseException:
            self.leave(forget=self.first == 0)
            raise

    def put(self, id: int, row: int, points: np.ndarray, uncertainty: np.ndarray) -> None:
        """points (V+24+N,3), uncertainty (V+24+N,) of a row of a person. Raises OutputError."""
        self._files[id].put(row, points, uncertainty)

    def save(self, frame: int) -> None:
        """Everything before this frame of the video is there. Raises OutputError."""
        if self._partial is not None and time.monotonic() - self._saved >= SECONDS:
            for each in self._files.values():
                for file in each.all:
                    file.sync()
            self._partial.save({_FIRST: np.array(frame)})
            self._saved = time.monotonic()

    def filled(self) -> dict[int, Person]:
        """The people by id with what was found. Raises OutputError."""
        return {person.id: self._files[person.id].filled(person) for person in self._people}

    def leave(self, *, forget: bool) -> None:
        for each in self._files.values():
            each.leave(forget=forget)


def _first_owed(people: Sequence[Person], counts: Counts, folder: Path, partial: Partial | None) -> int:
    before = None if partial is None else partial.load()
    if before is None or _FIRST not in before:
        return 0
    layouts = (each for person in people for each in _layout(folder, person, counts))
    return int(before[_FIRST]) if all(RowFile.resumable(*each) for each in layouts) else 0


@contextmanager
def keeping(people: Sequence[Person], counts: Counts, folder: Path | None, partial: Partial | None) -> Iterator[Kept]:
    """The files of people with so many vertices, joints and, if any, further points, in a folder, else in one that
    lasts as long as the process. With `partial` an interrupted stage leaves its work there, to go on with. Raises
    OutputError."""
    kept = Kept(people, counts, lasting_folder() if folder is None else folder.resolve(), partial)
    try:
        yield kept
    finally:
        kept.leave(forget=partial is None)
