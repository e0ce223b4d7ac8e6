"""Tables of keypoints as comma-separated text: DeepLabCut's, SLEAP's, and others that name joints in their columns.

DeepLabCut writes three rows above the numbers (scorer, bodyparts, coords), or four with several animals (scorer,
individuals, bodyparts, coords); others one row with a column `nose.x`, `nose_y`, `nose score` for each number, a row
for each person and frame.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kinema.errors import InputError, quoted
from kinema.keypoints.files.poses import Poses, frames_of_names, poses_of
from kinema.storage.text_lines import next_line, text_encoding
from kinema.storage.unreadable import unreadable

MAX_BYTES = 2**30
"""Largest file accepted, since it is read into memory."""

_SCORES = ("likelihood", "score", "confidence", "conf", "visibility", "probability", "prob", "c", "p", "v")
_COLUMN = re.compile(rf"^(?P<joint>.+?)[ ._:](?P<coordinate>x|y|z|{'|'.join(_SCORES)})$", re.IGNORECASE)
_FRAME = ("frame", "frame_idx", "frameindex", "frame_index", "frame_number", "framenumber", "image", "image_id")
_PERSON = ("track", "track_id", "id", "person", "person_id", "individual", "instance", "subject")
_WITHOUT_PIXELS = 1.5
"""Largest coordinate of a table of fractions of the image."""


def read_table(path: Path, layout: str | None) -> Poses:
    """The poses of a table. layout: as for `read_keypoints`. Raises InputError."""
    what = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB; cut it into pieces")
        with path.open(encoding=text_encoding(path), errors="replace", newline="") as file:
            rows = csv.reader(_lines(file, path))
            first = next(rows, [])
            if first and first[0].strip().lower() == "scorer":
                return _deeplabcut(rows, what, layout)
            return _wide([cell.strip() for cell in first], rows, what, layout)
    except csv.Error as error:
        raise InputError(f"{path} is not a table of comma-separated text ({error}); write it again") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _lines(file: object, path: Path) -> Iterator[str]:
    number = 1
    while line := next_line(file, path, number):  # type: ignore[arg-type]
        yield line.replace("\0", "")
        number += 1


def _deeplabcut(rows: Iterator[list[str]], what: str, layout: str | None) -> Poses:
    """The rows after `scorer`: individuals, if there are several, bodyparts and coords, then one row per frame."""
    header: dict[str, list[str]] = {}
    for row in rows:
        title = row[0].strip().lower() if row else ""
        if title not in ("individuals", "bodyparts", "coords"):
            raise InputError(f"{what}: a row {title!r} stands where DeepLabCut writes bodyparts and coords")
        header[title] = [cell.strip() for cell in row]
        if title == "coords":
            break
    if not {"bodyparts", "coords"} <= set(header):
        raise InputError(f"{what} ends within its header; write it again")
    parts, coords = header["bodyparts"], [cell.lower() for cell in header["coords"]]
    people = header.get("individuals", [""] * len(parts))
    begin = next((i for i, cell in enumerate(coords) if cell == "x"), len(coords))
    columns: dict[tuple[str, str], dict[str, int]] = {}
    for place in range(begin, min(len(parts), len(coords), len(people))):
        columns.setdefault((people[place], parts[place]), {})[coords[place]] = place
    table, heads = _numbers(rows, len(coords), begin, what)
    frames, notes = _frames([row[-1] if row else "" for row in heads], what)
    # "single", in a clip of several individuals, holds points of the scene, not of a person.
    names = [name for name in dict.fromkeys(people[begin:]) if name != "single" or "individuals" not in header]
    labels = list(dict.fromkeys(part for name, part in columns if name in names))
    blocks = [_block(table, [columns.get((name, part), {}) for part in labels], begin) for name in names]
    return _poses(frames * len(blocks), blocks, labels, what, layout, notes, [i for i in range(len(blocks))
                  for _ in frames], len(frames))  # fmt: skip


def _wide(header: list[str], rows: Iterator[list[str]], what: str, layout: str | None) -> Poses:
    """One row of names, then a row for each person and frame."""
    columns: dict[str, dict[str, int]] = {}
    for place, cell in enumerate(header):
        found = _COLUMN.match(cell)
        if found is not None:
            columns.setdefault(found["joint"], {})[found["coordinate"].lower()] = place
    columns = {joint: each for joint, each in columns.items() if {"x", "y"} <= set(each)}
    if not columns:
        raise InputError(
            f"{what} is not a table of keypoints: no columns are called like nose.x and nose.y (found"
            f" {quoted(', '.join(header), 60)}); Kinema reads DeepLabCut's, SLEAP's and such"
        )
    lower = [cell.lower() for cell in header]
    frame = next((lower.index(name) for name in _FRAME if name in lower), None)
    person = next((lower.index(name) for name in _PERSON if name in lower), None)
    table, cells = _numbers(rows, len(header), 0, what)
    frames, notes = _frames([row[frame] for row in cells], what) if frame is not None else (list(range(len(cells))), ())
    if frame is None and person is not None:
        raise InputError(f"{what} has a column of people but none of frames, such as frame_idx")
    given = [row[person].strip() for row in cells] if person is not None else [""] * len(cells)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(given))}
    ids = [numbers[name] for name in given] if "" not in numbers else None
    block = _block(table, list(columns.values()), 0)
    if ids is None and len(set(frames)) == len(frames):
        ids = [0] * len(frames)
    return _poses(frames, [block], list(columns), what, layout, notes, ids, 0)


def _numbers(rows: Iterator[list[str]], width: int, begin: int, what: str) -> tuple[np.ndarray, list[list[str]]]:
    """(N, width - begin) the numbers of the rows, NaN where a cell holds none, and the cells before them (all of them
    if `begin` is 0). Raises InputError for a row of another length, or without any row."""
    table, heads = [], []
    for number, row in enumerate(rows, start=1):
        if not row or not any(cell.strip() for cell in row):
            continue
        if len(row) != width:
            raise InputError(f"{what}: row {number} has {len(row)} cells, its header {width}; write it again")
        table.append(np.array([_number(cell) for cell in row[begin:]]))
        heads.append(row[:begin] if begin else row)
    if not table:
        raise InputError(f"{what} holds no pose")
    return np.stack(table), heads


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _frames(cells: Sequence[str], what: str) -> tuple[list[int], tuple[str, ...]]:
    """The frame of each row: its number, or that of its image."""
    plain = [_number(cell) for cell in cells]
    if all(np.isfinite(plain)):
        if any(value != round(value) for value in plain):
            raise InputError(f"{what}: a frame number is not a whole number")
        return [int(value) for value in plain], ()
    return frames_of_names(list(cells))


def _block(table: np.ndarray, columns: Sequence[dict[str, int]], begin: int) -> np.ndarray:
    """(N, L, 3) x, y and confidence of points with these columns; 1 where there is no confidence, NaN without x, y."""
    block = np.full((len(table), len(columns), 3), np.nan)
    for place, each in enumerate(columns):
        if {"x", "y"} <= set(each):
            block[:, place, 0] = table[:, each["x"] - begin]
            block[:, place, 1] = table[:, each["y"] - begin]
            score = next((each[name] for name in _SCORES if name in each), None)
            block[:, place, 2] = 1.0 if score is None else table[:, score - begin]
    return block


def _poses(
    frames: Sequence[int], blocks: Sequence[np.ndarray], labels: list[str], what: str, layout: str | None,
    notes: tuple[str, ...], ids: Sequence[int] | None, num_frames: int,
) -> Poses:  # fmt: skip
    points = np.concatenate(blocks)
    seen = np.isfinite(points[..., :2]).all(axis=-1)
    if seen.any() and np.abs(points[seen][:, :2]).max() <= _WITHOUT_PIXELS:
        raise InputError(f"{what} holds fractions of the image, not pixels; multiply them by its width and height")
    rows = np.flatnonzero(seen.any(axis=1))
    return poses_of(
        [frames[row] for row in rows], points[rows], what, layout=layout, labels=labels,
        ids=None if ids is None else [ids[row] for row in rows],
        num_frames=max(num_frames, max(frames, default=-1) + 1), notes=notes,
    )  # fmt: skip
