"""Reading C3D: the points of a file as `Markers`.

As specified in the C3D user guide (c3d.org): a header, parameters and data, each in blocks of 512 bytes; numbers of
Intel, DEC or SGI/MIPS processors; points as floating-point numbers or as integers times a scale. Programs disagree on
much of the rest: the file's length is stated in five places, and the first one consistent with the file's size counts.
Analogue channels are skipped, and so are the angles, forces and powers that some programs store among the points.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kinema.checks import is_rate
from kinema.errors import InputError
from kinema.formats.markers import Markers, metres_per_unit, named_points
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.unreadable import unreadable

BLOCK = 512
_MAGIC = 0x50
_CHUNK = 2**22
"""Bytes of the data read at once."""

_BYTE_ORDERS = {84: "<", 85: "<", 86: ">"}
_DEC = 85
_NO_POINTS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
"""Parameters that list entries among the points that are not points."""

_FULL = 0xFFFF


@dataclass(frozen=True)
class _Layout:
    """The layout of a file's points. scale: of integers, None for floating-point numbers."""

    start: int
    frames: int
    points: int
    analogue: int
    scale: float | None
    processor: int

    @property
    def frame_bytes(self) -> int:
        return (4 if self.scale is None else 2) * (4 * self.points + self.analogue)


def read_c3d(path: str | Path) -> Markers:
    """The named points of a C3D file, in its axes.

    A point is missing where its residual is negative, where it is not a number and where it is exactly the origin.
    Raises InputError for a file that is missing, not a C3D or truncated, without named points, or in unknown units.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size, path)
    except Malformed as error:
        raise InputError(f"{path} is not a usable C3D file: {error}") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _read(file: BinaryIO, size: int, path: Path) -> Markers:
    budget = Budget(size)
    header = file.read(BLOCK)
    if len(header) < BLOCK or header[1] != _MAGIC or not header[0]:
        raise InputError(f"{path} is not a C3D file: its first block is not a C3D header")
    file.seek((header[0] - 1) * BLOCK)
    start = file.read(4)
    if len(start) < 4 or start[3] not in _BYTE_ORDERS:
        raise InputError(f"{path} is not a usable C3D file: its parameters name no known processor")
    processor = start[3]
    # The number of blocks is a byte and is 0 or too small in some files; the records themselves state where they end.
    section = file.read(max(start[2], 255) * BLOCK)
    parameters = _parameters(section, processor, budget)
    layout = _layout(header, parameters, processor, size)
    labels = _labels(parameters, layout.points)
    kept, names = named_points(labels)
    if not names or not layout.frames:
        raise InputError(f"{path} holds no points with names, which Kinema reads from a C3D file")
    unit = _text(parameters, "POINT:UNITS")
    budget.charge(layout.frames * (len(kept) + 1) * 3 * 8)
    positions = np.empty((layout.frames, len(kept), 3))
    row = 0
    for points in _points(file, layout, kept, budget):
        positions[row : row + len(points)] = points
        row += len(points)
    if row < layout.frames:
        raise InputError(f"{path} is cut short: it says {layout.frames} frames and holds {row}")
    if np.any(np.abs(positions) > LARGEST):
        raise InputError(f"{path} holds a value beyond {LARGEST:g}")
    scale, notes = metres_per_unit(unit, positions, str(path))
    positions *= scale
    rate = _rate(header, parameters, processor)
    if rate is None:
        raise InputError(f"{path} does not say its frame rate (POINT:RATE), without which it has no times")
    first = _first_frame(header, parameters, processor)
    up = _text(parameters, "POINT:Y_SCREEN").strip().lower().lstrip("+")
    return Markers(
        names=names,
        times=(first - 1 + np.arange(layout.frames)) / rate,
        positions=positions,
        rate=rate,
        up=up if up in {sign + axis for sign in ("", "-") for axis in "xyz"} else None,
        notes=notes,
    )


def _parameters(section: bytes, processor: int, budget: Budget) -> dict[str, Any]:
    """`GROUP:NAME` -> array of numbers, or list of texts. Stops at the end of the records, and at invalid ones."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    place = 0
    order = _BYTE_ORDERS[processor]
    while place + 2 <= len(section):
        length, group = np.frombuffer(section, np.int8, 2, place).tolist()
        length = abs(length)
        if not length or not group:
            break
        name = section[place + 2 : place + 2 + length].decode("latin-1").strip().upper()
        after = place + 2 + length
        if after + 2 > len(section):
            break
        offset = int(np.frombuffer(section, f"{order}u2", 1, after)[0])
        budget.values(4)
        if group < 0:
            groups.setdefault(-group, name)
        else:
            value = _value(section[after + 2 : after + offset if offset else None], processor, budget)
            found.append((group, name, value))
        if not offset:
            break
        place = after + offset
    return {f"{groups[group]}:{name}": value for group, name, value in found if group in groups and value is not None}


def _value(content: bytes, processor: int, budget: Budget) -> Any:
    """The value of one parameter: texts as a list of str, numbers as an array, None for anything else."""
    if len(content) < 2:
        return None
    kind, dimensions = int(np.int8(content[0] - 256 if content[0] > 127 else content[0])), content[1]
    shape = list(content[2 : 2 + dimensions])
    count, data = math.prod(shape), content[2 + dimensions :]
    if len(shape) < dimensions or count * abs(kind) > len(data):
        return None
    if kind == -1:
        width = shape[0] if shape else 1
        number = count // width if width else 0
        budget.values(number)
        return [data[i * width : (i + 1) * width].decode("utf-8", "replace").strip(" \0") for i in range(number)]
    if kind == 4:
        return _floats(data[: 4 * count], processor)
    if kind in (1, 2):
        return np.frombuffer(data, f"{_BYTE_ORDERS[processor]}u{kind}", count)
    return None


def _floats(data: bytes, processor: int) -> np.ndarray:
    """Floating-point numbers of a processor as float64. DEC's have their halves swapped and an exponent two higher."""
    with np.errstate(invalid="ignore"):  # some NaN are signals
        if processor == _DEC:
            halves = np.frombuffer(data, "<u2").reshape(-1, 2)[:, ::-1]
            return np.ascontiguousarray(halves).view("<f4")[:, 0].astype(np.float64) / 4
        return np.frombuffer(data, f"{_BYTE_ORDERS[processor]}f4").astype(np.float64)


def _number(parameters: dict[str, Any], name: str, place: int = 0) -> float | None:
    value = parameters.get(name)
    if not isinstance(value, np.ndarray) or value.size <= place or not np.isfinite(value.flat[place]):
        return None
    return float(value.flat[place])


def _text(parameters: dict[str, Any], name: str) -> str:
    value = parameters.get(name)
    return str(value[0]) if isinstance(value, list) and value else ""


def _layout(header: bytes, parameters: dict[str, Any], processor: int, size: int) -> _Layout:
    words = np.frombuffer(header, f"{_BYTE_ORDERS[processor]}u2").tolist()
    scale = _number(parameters, "POINT:SCALE")
    if scale is None:
        scale = float(_floats(header[12:16], processor)[0])
    points = int(_number(parameters, "POINT:USED") or words[1])
    block = words[8] or int(_number(parameters, "POINT:DATA_START") or 0)
    start = (block - 1) * BLOCK
    if not points or block < 2:
        raise Malformed("it holds no points" if not points else "it does not say where its data begin")
    if not math.isfinite(scale) or not scale:
        raise Malformed("the scale of its points is not a number")

    stated = list(_stated_frames(words, parameters))
    for tried in dict.fromkeys((points, words[1] or points)):
        layout = _Layout(start, 0, tried, words[2], None if scale < 0 else scale, processor)
        room = max(size - start, 0) // layout.frame_bytes
        for frames in stated:
            if 0 < frames <= room:  # a full counter says "at least this many": then the data's length decides
                return dataclasses.replace(layout, frames=room if frames == _FULL else frames)
    raise Malformed(f"it is cut short: it says {max(stated, default=0)} frames, and its data are too short for them")


def _stated_frames(words: list[int], parameters: dict[str, Any]) -> Iterator[int]:
    """The number of frames as stated in the file, the most trustworthy place first."""
    ends = [_number(parameters, f"TRIAL:ACTUAL_{end}_FIELD", place) for end in ("START", "END") for place in (0, 1)]
    if ends[0] is not None and ends[2] is not None:
        yield int(ends[2] + 65536 * (ends[3] or 0) - ends[0] - 65536 * (ends[1] or 0)) + 1
    if (long := _number(parameters, "POINT:LONG_FRAMES")) is not None:
        yield int(long)
    header = words[4] - words[3] + 1
    frames = int(_number(parameters, "POINT:FRAMES") or 0)
    yield from (max(header, frames), min(header, frames)) if _FULL in (frames, words[4]) else (header, frames)


def _first_frame(header: bytes, parameters: dict[str, Any], processor: int) -> int:
    """The number of the first frame, from 1."""
    low, high = (_number(parameters, "TRIAL:ACTUAL_START_FIELD", place) for place in (0, 1))
    stated = np.frombuffer(header, f"{_BYTE_ORDERS[processor]}u2")[3]
    return max(int(stated if low is None else low + 65536 * (high or 0)), 1)


def _rate(header: bytes, parameters: dict[str, Any], processor: int) -> float | None:
    for rate in (_number(parameters, "POINT:RATE"), float(_floats(header[20:24], processor)[0])):
        if rate is not None and is_rate(rate):
            return rate
    return None


def _labels(parameters: dict[str, Any], points: int) -> list[str]:
    """One label per point, "" if it has none: LABELS, then LABELS2, LABELS3, ..., each of at most 255."""
    labels: list[str] = []
    for name in ("POINT:LABELS", *(f"POINT:LABELS{number}" for number in range(2, 260))):
        if not isinstance(value := parameters.get(name), list):
            break
        labels += value
    none = {str(each) for name in _NO_POINTS for each in parameters.get(f"POINT:{name}", ()) if each}
    labels = ["" if label in none else label for label in labels[:points]]
    return labels + [""] * (points - len(labels))


def _points(file: BinaryIO, layout: _Layout, kept: list[int], budget: Budget) -> Iterator[np.ndarray]:
    """Chunks (n, len(kept), 3) of the positions in the file's units, NaN where missing."""
    file.seek(layout.start)
    step = max(1, _CHUNK // layout.frame_bytes)
    numbers = 4 * layout.points
    order = _BYTE_ORDERS[layout.processor]
    for start in range(0, layout.frames, step):
        data = file.read(min(step, layout.frames - start) * layout.frame_bytes)
        count = len(data) // layout.frame_bytes
        data = data[: count * layout.frame_bytes]
        budget.tick()
        if layout.scale is None:
            cells = _floats(data, layout.processor).reshape(count, -1)[:, :numbers].reshape(count, -1, 4)[:, kept]
            places, residual = cells[..., :3], cells[..., 3]
        else:
            words = np.frombuffer(data, f"{order}i2").reshape(count, -1)[:, :numbers].reshape(count, -1, 4)[:, kept]
            places, residual = words[..., :3] * layout.scale, words[..., 3].astype(np.float64)
        missing = (residual < 0) | ~np.isfinite(places).all(axis=-1) | (places == 0).all(axis=-1)
        yield np.where(missing[..., None], np.nan, places)
