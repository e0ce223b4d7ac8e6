"""Reads TRC (OpenSim, Pose2Sim, motion capture systems): marker trajectories as tab-separated text.

The layout: a line with the file's name, a line of keys and one of their values (among them DataRate, NumFrames,
NumMarkers and Units), a line of marker names, each above the first of its three columns, a line X1 Y1 Z1 X2 ..., then
one row per frame: number, time, three coordinates per marker. A missing marker is an empty cell, "nan" or the origin.

Programs differ in most of this, and none of it is trusted: the rows themselves determine the number of columns, lines
between the names and the first row of numbers are skipped, and impossible times are repaired if frame numbers and rate
determine them. Repairs are noted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from kinema.checks import is_rate
from kinema.errors import InputError, quoted
from kinema.formats.markers import Markers, metres_per_unit, named_points
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line, text_encoding
from kinema.storage.unreadable import unreadable
from kinema.temporal.rate import frame_rate

MAX_BYTES = 2**30
"""Largest file accepted (about an hour of 100 markers at 100 Hz), because it is read into memory."""

_CELLS = 100_000
"""Numbers of a chunk that is collected before it becomes an array."""

_HEADER = 12
"""Lines within which the first row of numbers follows the names."""

_CENTRES = ("pelvis", "root", "hips", "midhip", "mid_hip", "chip")
"""Names of a point that may be the origin of the others, always at (0, 0, 0)."""

_RATES_DIFFER = 0.02
"""Relative difference above which a disagreement of the header's rate and that of the times is noted."""


def read_trc(path: str | Path, *, unit: str | None = None) -> Markers:
    """Read a TRC file. unit: of its coordinates, overriding the file's. Raises InputError if it is missing or not a
    TRC, a row has the wrong length, or units are unknown."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB; cut it into pieces")
        with path.open(encoding=text_encoding(path), errors="replace") as file:
            return _read(file, path, unit)
    except Malformed as error:
        raise InputError(f"{path} is not a usable TRC file: {error}; cut it into pieces") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _read(file: TextIO, path: Path, unit: str | None) -> Markers:
    lines = _numbered(file, path)
    header, labels = _header(lines, path)
    if not labels:
        raise InputError(f"{path}: its line of names (Frame#, Time, ...) names no markers")
    twice = [label for label, count in Counter(labels).items() if label and count > 1]
    if twice:
        raise InputError(f"{path}: two markers have the same name ({quoted(twice[0], mark='')}); rename one of them")
    table = _table(lines, labels, path)
    numbers, times = table[:, 0], table[:, 1]
    if np.any(np.abs(table) > LARGEST):
        raise InputError(f"{path} holds a value beyond {LARGEST:g}")
    notes: list[str] = []
    columns = (table.shape[1] - 2) // 3
    places, names = named_points([*labels, *[""] * (columns - len(labels))])
    if (left_out := columns - len(places)) > 0:
        notes.append(f"{left_out} columns of points without a name of their own were left out")
    rate = _number(header.get("DataRate", "")) or _number(header.get("CameraRate", ""))
    times, rows = _mended_times(times, numbers, rate, path, notes)
    positions = table[rows][:, 2:].reshape(-1, columns, 3)[:, places]
    # Losing a frame of a point exactly at the origin is better than a limb that points there in every gap.
    away = (positions == 0).all(axis=-1)
    away &= ~np.array([name.lower() in _CENTRES for name in names]) | ~away.all(axis=0)
    positions[away] = np.nan
    positions[~np.isfinite(positions).all(axis=-1)] = np.nan
    scale, more = metres_per_unit(unit or header.get("Units", ""), positions, str(path))
    positions *= scale
    own = frame_rate(times) if len(times) > 1 else rate or frame_rate(times)
    if rate is not None and abs(rate / own - 1) > _RATES_DIFFER:
        notes.append(f"the header says {rate:g} frames a second, the times {own:.4g}; the times count")
        rate = None
    return Markers(names, times, positions, rate or own, up="y", notes=(*notes, *more))


def _numbered(file: TextIO, path: Path) -> Iterator[tuple[int, str]]:
    number = 1
    while line := next_line(file, path, number):
        if line.strip():
            yield number, line.rstrip("\r\n")
        number += 1


def _header(lines: Iterator[tuple[int, str]], path: Path) -> tuple[dict[str, str], list[str]]:
    """The header's keys and values, and the label of each three columns, "" if there is none."""
    first = next(lines, (0, ""))[1].strip()
    if not first.lower().startswith("pathfiletype"):
        raise InputError(f"{path} is not a TRC file: it must start with PathFileType")
    before: list[str] = []
    for _, line in lines:
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if cells[0].lower().strip("# ") == "frame":
            return _keys(before), _labels(cells[2:])
        before.append(line)
        if len(before) >= _HEADER:
            break
    raise InputError(f"{path} is not a usable TRC file: no line of names begins with Frame# and Time")


def _keys(lines: list[str]) -> dict[str, str]:
    """The keys of the second line and the values of the third: in order if their numbers match, else by position."""
    if len(lines) < 2:
        return {}
    keys, values = ([cell.strip() for cell in line.split("\t")] for line in lines[:2])
    if len(lines[0].split()) == len(lines[1].split()):
        keys, values = lines[0].split(), lines[1].split()
    return dict(zip(keys, values, strict=False))


def _labels(cells: list[str]) -> list[str]:
    """One label for each three columns: every third cell, or every cell in files that do not leave two between them."""
    filled = max((place for place, cell in enumerate(cells) if cell), default=-1)
    cells = cells[: filled + 1]
    spaced = not any(cell for place, cell in enumerate(cells) if place % 3)
    return cells[::3] if spaced else [cell for cell in cells if cell]


def _table(lines: Iterator[tuple[int, str]], labels: list[str], path: Path) -> np.ndarray:
    """(T, 2 + 3 C) the rows after the header, collected in chunks, so that they are never all held as Python numbers.

    C: the number of names, or of points in the first row.
    """
    budget = Budget(path.stat().st_size)
    parts: list[np.ndarray] = []
    rows: list[list[float]] = []
    columns = passed = 0
    for number, line in lines:
        cells = line.split("\t") if "\t" in line.strip() else line.split()
        if not columns:
            if all(
                _number(cell) is None for cell in cells[:2]
            ):  # X1 Y1 Z1 ..., units, or whatever else precedes the numbers
                if (passed := passed + 1) > _HEADER:
                    break
                continue
            filled = max((place for place, cell in enumerate(cells) if cell.strip()), default=0) + 1
            columns = 2 + 3 * max(len(labels), -(-(filled - 2) // 3))
        rows.append(_row(cells, number, columns, path))
        if len(rows) * columns >= _CELLS:
            parts.append(np.array(rows))
            rows = []
            budget.charge(3 * parts[-1].nbytes)
    if not rows and not parts:
        raise InputError(f"{path} has a header but no frames")
    return np.concatenate([*parts, np.array(rows).reshape(-1, columns)])


def _row(cells: list[str], number: int, columns: int, path: Path) -> list[float]:
    if len(cells) < 2 or any(cell.strip() for cell in cells[columns:]):
        markers = (columns - 2) // 3
        raise InputError(f"{path}, line {number}: {len(cells)} columns where {markers} markers need {columns}")
    cells = cells[:columns] + [""] * (columns - len(cells))
    try:
        return [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError:
        return [_cell(cell, number, path) for cell in cells]


def _cell(cell: str, number: int, path: Path) -> float:
    """A number that Python does not read: with a decimal comma, or not a number in the words of a C library."""
    text = cell.strip().lower()
    if not text or "nan" in text or "#" in text:  # -nan(ind), 1.#QNAN
        return math.nan
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        raise InputError(f"{path}, line {number}: a cell is not a number") from None


def _number(text: str) -> float | None:
    """A finite number, None for anything else and for a rate of zero."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _mended_times(
    times: np.ndarray, numbers: np.ndarray, rate: float | None, path: Path, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Times that increase, and the rows (bool) that they belong to.

    Times rounded so far that neighbours are equal, and times that are all zero, are counted from the frames' numbers
    at the header's rate. Otherwise a row that repeats the time before it is left out.
    """
    if rate is None or not is_rate(rate):
        rate = None
    every = np.ones(len(times), dtype=bool)
    if np.isfinite(times).all() and np.all(np.diff(times) > 0):
        return times, every
    if rate is not None and np.isfinite(numbers).all() and np.all(np.diff(numbers) > 0):
        counted = (numbers - numbers[0]) / rate
        told = np.isfinite(times)
        start = times[0] if told[0] else 0.0
        if not told.any() or not np.any(times[told]) or np.all(np.abs(times - start - counted)[told] <= 1 / rate):
            notes.append(f"times repeat or are missing; they were counted from the frames at {rate:g} a second")
            return start + counted, every
    if not np.isfinite(times).all():
        raise InputError(f"{path}: a time in its second column is not a number")
    later = np.r_[True, np.diff(times) != 0]
    if np.any(np.diff(times) < 0):
        raise InputError(f"{path}: the times in its second column must increase from row to row")
    notes.append(f"{int((~later).sum())} rows repeat the time of the row before; they were left out")
    return times[later], later
