"""Reads OpenSim's tables, `.mot` and `.sto`: joint angles over time, as written by inverse kinematics.

The layout: a name, lines of keys and values that end with `endheader`, a line of labels, then one row per frame, time
first. `inDegrees=yes` says that rotations are in degrees; lengths (`pelvis_tx`) are metres in any case. A table of
states names a coordinate by its path (`/jointset/knee_r/knee_angle_r/value`); its speeds are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from kinema.errors import InputError, quoted
from kinema.storage.budget import VALUE, Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line
from kinema.storage.unreadable import unreadable
from kinema.temporal.rate import frame_rate

MAX_HEADER = 1000
"""Most lines of a header."""

_LENGTH = re.compile(r"_t[xyz]$|^abs_t\d$", re.IGNORECASE)
_PART = 100_000
"""Numbers of a chunk that is collected before it becomes an array."""


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The coordinates of a model over time.

    times (T,) seconds; values (T, N): rotations in radians, lengths in metres, NaN where the file has no number. names
    (N,): as in OpenSim's models (`knee_angle_r`). lengths (N,) bool: which columns are lengths. notes: what was assumed
    or left out, in sentences.
    """

    names: tuple[str, ...]
    times: np.ndarray
    values: np.ndarray
    lengths: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Frames per second."""
        return frame_rate(self.times)

    def degrees(self, name: str) -> np.ndarray:
        """(T,) one rotation in degrees. Raises KeyError for a name that is missing or is a length."""
        place = self.names.index(name) if name in self.names else -1
        if place < 0 or self.lengths[place]:
            raise KeyError(name)
        return np.asarray(np.degrees(self.values[:, place]))


def read_coordinates(path: str | Path) -> Coordinates:
    """Read a `.mot` or `.sto` of joint angles. Raises InputError if it is missing, another kind of table, or a row has
    the wrong length."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _read(file, path)
    except Malformed as error:
        raise InputError(f"{path} is not a usable table of OpenSim: {error}; cut it into pieces") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _read(file: TextIO, path: Path) -> Coordinates:
    lines = _numbered(file, path)
    header = _header(lines, path)
    if (kind := header.get("datatype", "double").lower()) != "double":
        raise InputError(f"{path} holds {quoted(kind)} in each cell; Kinema reads OpenSim's tables of plain numbers")
    labels = next((cells for _, line in lines if (cells := _cells(line))), [])
    while labels and not labels[-1]:
        labels.pop()
    if len(labels) < 2 or labels[0].lower() != "time":
        raise InputError(f"{path} is not a table of OpenSim: after endheader, a line of labels must begin with time")
    table = _table(lines, len(labels), path)
    notes = []
    if "indegrees" not in header:
        notes.append("the header does not say inDegrees; radians are assumed, as OpenSim does")
    if (promised := header.get("nrows", header.get("datarows", ""))).isdigit() and int(promised) != len(table):
        notes.append(f"the header says {promised} rows, the file has {len(table)}")
    times = table[:, 0]
    if not np.isfinite(times).all():
        raise InputError(f"{path}: a time in its first column is not a number")
    if np.any(np.abs(table) > LARGEST):
        raise InputError(f"{path} holds a value beyond {LARGEST:g}")
    if np.any(np.diff(times) < 0):
        raise InputError(f"{path}: the times in its first column must increase from row to row")
    later = np.r_[True, np.diff(times) != 0]
    if not later.all():
        notes.append(f"{int((~later).sum())} rows repeat the time of the row before; they were left out")
        table = table[later]
    kept, names = _coordinates(labels[1:])
    if not names:
        raise InputError(f"{path} has no column of joint angles; its columns are speeds, forces or the like")
    lengths = np.array([bool(_LENGTH.search(name)) for name in names])
    values = table[:, 1:][:, kept]
    if header.get("indegrees", "no").lower() in ("yes", "true", "y", "1"):
        values[:, ~lengths] = np.radians(values[:, ~lengths])
    return Coordinates(names, table[:, 0], values, lengths, tuple(notes))


def _numbered(file: TextIO, path: Path) -> Iterator[tuple[int, str]]:
    number = 1
    while line := next_line(file, path, number):
        yield number, line
        number += 1


def _header(lines: Iterator[tuple[int, str]], path: Path) -> dict[str, str]:
    """Keys in lower case and their values; SIMM's `datarows 100` is one, too."""
    found: dict[str, str] = {}
    for number, line in lines:
        text = line.strip()
        if text.lower() == "endheader":
            return found
        key, equals, value = text.partition("=")
        if not equals:
            key, _, value = text.partition(" ")
        found[key.strip().lower()] = value.strip()
        if number >= MAX_HEADER:
            break
    raise InputError(f"{path} is not a table of OpenSim: its header has no line `endheader`")


def _cells(line: str) -> list[str]:
    """The cells of a row: separated by tabs if there are any, otherwise by spaces; [] for a blank line."""
    if "\t" not in line.strip():
        return line.split()
    cells = [cell.strip() for cell in line.split("\t")]
    return cells if cells[0] else cells[1:]  # some programs begin every row with a tab


def _table(lines: Iterator[tuple[int, str]], columns: int, path: Path) -> np.ndarray:
    """(T, columns) the rows, collected in chunks, so that they are never all held as Python numbers."""
    budget = Budget(path.stat().st_size)
    parts: list[np.ndarray] = []
    rows: list[list[float]] = []
    for number, line in lines:
        if cells := _cells(line):
            rows.append(_row(cells, number, columns, path))
        if len(rows) * columns >= _PART:
            parts.append(np.array(rows))
            budget.charge(2 * parts[-1].nbytes + VALUE)
            rows = []
    if not rows and not parts:
        raise InputError(f"{path} has a header but no rows")
    return np.concatenate([*parts, np.array(rows).reshape(-1, columns)])


def _row(cells: list[str], number: int, columns: int, path: Path) -> list[float]:
    if len(cells) < columns or any(cells[columns:]):
        raise InputError(f"{path}, line {number}: {len(cells)} cells where there are {columns} labels")
    try:
        return [float(cell) if cell else math.nan for cell in cells[:columns]]
    except ValueError:
        raise InputError(f"{path}, line {number}: a cell is not a number") from None


def _coordinates(labels: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """The indices of the columns that are coordinates, and their names; the first of several with one name."""
    found: dict[str, int] = {}
    for place, label in enumerate(labels):
        parts = label.strip("/").split("/")
        if label.startswith("/") and (parts[0] != "jointset" or parts[-1] != "value" or len(parts) < 3):
            continue
        if name := parts[-2] if label.startswith("/") else label:
            found.setdefault(name, place)
    return list(found.values()), tuple(found)
