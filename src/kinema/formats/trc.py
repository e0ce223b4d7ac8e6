"""TRC (OpenSim, Pose2Sim, motion capture systems): marker trajectories as tab-separated text, written and read.

The layout: a line with the file's name, a line of keys and one of their values (among them DataRate, NumFrames,
NumMarkers and Units), a line of marker names, a line X1 Y1 Z1 X2 ..., then one row per frame: number, time, three
coordinates per marker. A missing marker is an empty cell or "nan".

`write` exports joints as markers for OpenSim, one file per person; `kinema.formats.markers` has axes and names. Times
are the clip's; the rate is constant, as TRC requires, so frames at other times are interpolated. While a person is away
for longer than `kinema.temporal.gaps.AWAY`, the cells are empty.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from kinema.checks import is_rate
from kinema.errors import InputError, quoted
from kinema.formats.markers import NAMES, Markers, MarkerTrack, unit_scale
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import person_paths, skeleton_tracks
from kinema.formats.timeline import without_pauses
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line
from kinema.temporal.rate import frame_rate

if TYPE_CHECKING:
    from kinema.body import BodyModel


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    vertices: bool = False,
    units: str | None = None,
    fps: float | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write one file per person and return the first. units: "m" (default), "cm", "mm". Raises UsageError."""
    report = WriteReport() if report is None else report
    units = units or "m"
    scale = unit_scale(units, "TRC")
    motion = without_pauses(motion, report)
    tracks = skeleton_tracks(motion, body, report)
    paths = person_paths(path, tracks)
    for track, target in zip(tracks, paths, strict=True):
        markers = MarkerTrack(track, report, fps)
        with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            _write(file, markers, target.name, units, scale)
        report.paths.append(target)
    return paths[0]


def _write(file: TextIO, markers: MarkerTrack, name: str, units: str, scale: float) -> None:
    rate, count = f"{markers.rate:.9g}", len(markers)
    file.write(f"PathFileType\t4\t(X/Y/Z)\t{name}\n")
    file.write("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n")
    file.write(f"{rate}\t{rate}\t{count}\t{len(NAMES)}\t{units}\t{rate}\t1\t{count}\n")
    file.write("Frame#\tTime\t" + "\t\t\t".join(NAMES) + "\t\t\n")
    file.write("\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(NAMES) + 1)) + "\n\n")
    row = "%d\t%.9g\t" + "\t".join(["%.6f"] * (3 * len(NAMES))) + "\n"
    empty = "%d\t%.9g" + "\t" * (3 * len(NAMES)) + "\n"
    for rows, positions in markers.chunks():
        cells = positions.reshape(len(positions), -1) * scale
        for number, moment, line in zip(range(rows.start, rows.stop), markers.times[rows], cells, strict=True):
            if np.isnan(line[0]):
                file.write(empty % (number + 1, moment))
            else:
                file.write(row % (number + 1, moment, *line))


_METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01, "mm": 0.001}

_CELLS = 100_000
"""Markers and rows of a part."""

MAX_BYTES = 2**30
"""Largest file accepted (about an hour of 100 markers at 100 Hz), since it is read into memory."""


def read_trc(path: str | Path) -> Markers:
    """Read a TRC file. Raises InputError: missing, not a TRC, a row of the wrong length, unknown units."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB; cut it into pieces")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _read(file, path)
    except Malformed as error:
        raise InputError(f"{path} is not a usable TRC file: {error}; cut it into pieces") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None


def _read(file: TextIO, path: Path) -> Markers:
    lines = [next_line(file, path, number) for number in range(1, 6)]
    if not all(lines) or not lines[0].startswith("PathFileType"):
        raise InputError(f"{path} is not a TRC file: it must start with PathFileType and have five lines of header")
    header = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    units = header.get("Units", "m").lower()
    if units not in _METRES:
        raise InputError(f"{path}: its unit is {quoted(units)}; Kinema knows {', '.join(_METRES)}")
    names = tuple(name.strip() for name in lines[3].split("\t")[2:] if name.strip())
    if not names:
        raise InputError(f"{path}: the fourth line names no markers")
    if len(set(names)) != len(names):
        raise InputError(
            f"{path}: two markers have the same name ({', '.join(quoted(name, mark='') for name in names[:12])})"
        )
    table = _table(file, len(names), path)
    times = table[:, 1]
    if np.any(np.abs(table) > LARGEST):
        raise InputError(f"{path} holds a value beyond {LARGEST:g}")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise InputError(f"{path}: the times in its second column must increase from row to row")
    positions = table[:, 2:].reshape(len(table), len(names), 3)
    positions *= _METRES[units]
    return Markers(
        names=names,
        times=times,
        positions=positions,
        rate=_rate(header.get("DataRate", ""), times),
    )


def _table(file: TextIO, markers: int, path: Path) -> np.ndarray:
    """(T, 2 + 3 M) the rows after the header, gathered in parts, so that they are never held as Python's numbers."""
    budget, number = Budget(path.stat().st_size), 5
    parts: list[np.ndarray] = []
    rows: list[list[float]] = []
    while line := next_line(file, path, number + 1):
        number += 1
        if line.strip():
            rows.append(_row(line, number, markers, path))
        if len(rows) * markers >= _CELLS:
            parts.append(np.array(rows))
            rows = []
            budget.charge(2 * parts[-1].nbytes)
    if not rows and not parts:
        raise InputError(f"{path} has a header but no frames")
    return np.concatenate([*parts, np.array(rows).reshape(-1, 2 + 3 * markers)])


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


def _rate(stated: str, times: np.ndarray) -> float:
    """The frame rate in the header, otherwise from the times."""
    try:
        rate = float(stated)
    except ValueError:
        rate = math.nan
    return rate if is_rate(rate) else frame_rate(times)
