"""TRC files (OpenSim, Pose2Sim, motion capture systems): named points over time as tab-separated text.

The layout: a line with the file's name, a line of keys and one of their values (among them DataRate, NumFrames,
NumMarkers and Units), a line of marker names, a line X1 Y1 Z1 X2 ..., then one row for each frame: number, time,
three coordinates for each marker. A missing point is an empty cell or "nan".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.errors import InputError

_METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01, "mm": 0.001}

MAX_BYTES = 2**30
"""A file larger than this (about an hour of 100 markers at 100 Hz) is refused rather than read into memory."""


@dataclass(frozen=True, eq=False)
class Markers:
    """Named points over time. times (T,) seconds; positions (T, M, 3) metres, NaN where missing, file's axes."""

    names: tuple[str, ...]
    times: np.ndarray
    positions: np.ndarray
    rate: float


def read_trc(path: str | Path) -> Markers:
    """Read a TRC file. Raises InputError: missing, not a TRC, a row of the wrong length, unknown units."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB; cut it into pieces")
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    if len(lines) < 5 or not lines[0].startswith("PathFileType"):
        raise InputError(f"{path} is not a TRC file: it must start with PathFileType and have five lines of header")
    header = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    units = header.get("Units", "m").lower()
    if units not in _METRES:
        raise InputError(f"{path}: its unit is {units!r}; Kinema knows {', '.join(_METRES)}")
    names = tuple(name.strip() for name in lines[3].split("\t")[2:] if name.strip())
    if not names:
        raise InputError(f"{path}: the fourth line names no markers")
    if len(set(names)) != len(names):
        raise InputError(f"{path}: two markers have the same name ({', '.join(names)})")
    rows = [_row(line, number, len(names), path) for number, line in enumerate(lines[5:], start=6) if line.strip()]
    if not rows:
        raise InputError(f"{path} has a header but no frames")
    table = np.array(rows)
    times = table[:, 1]
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise InputError(f"{path}: the times in its second column must increase from row to row")
    return Markers(
        names=names,
        times=times,
        positions=table[:, 2:].reshape(len(table), len(names), 3) * _METRES[units],
        rate=_rate(header.get("DataRate", ""), times),
    )


def _row(line: str, number: int, markers: int, path: Path) -> list[float]:
    cells = line.rstrip("\r\n").split("\t")
    wanted = 2 + 3 * markers
    if len(cells) > wanted and not "".join(cells[wanted:]).strip():
        cells = cells[:wanted]
    cells += [""] * (wanted - len(cells)) if len(cells) >= 2 else []
    if len(cells) != wanted:
        raise InputError(f"{path}, line {number}: {len(cells)} columns where {markers} markers need {wanted}")
    try:
        return [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError:
        raise InputError(f"{path}, line {number}: a cell is not a number") from None


def _rate(written: str, times: np.ndarray) -> float:
    """Frames a second: as the header says, else from the times."""
    try:
        rate = float(written)
    except ValueError:
        rate = math.nan
    if math.isfinite(rate) and rate > 0:
        return rate
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else 30.0
