"""TRC: joints as markers for OpenSim; text, one file for each person. See `kinema.exchange.markers` for axes and names.

Times are the clip's; the rate is constant, as TRC demands, so frames at other times are interpolated. While a person
is away for longer than `kinema.exchange.tracks.AWAY` the cells are empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from kinema.exchange.markers import NAMES, MarkerTrack, unit_scale
from kinema.exchange.tracks import person_paths, tracks_of
from kinema.files.atomic import atomic_path
from kinema.files.written import WriteReport
from kinema.motion import Motion

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
    """Write a file for each person and return the first. units: "m" (default), "cm", "mm". Raises UsageError."""
    report = WriteReport() if report is None else report
    units = units or "m"
    scale = unit_scale(units, "TRC")
    tracks = tracks_of(motion, body, report)
    paths = person_paths(path, tracks)
    for track, own in zip(tracks, paths, strict=True):
        markers = MarkerTrack(track, report, fps)
        with atomic_path(own) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            _write(file, markers, own.name, units, scale)
        report.paths.append(own)
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
    for rows, places in markers.chunks():
        cells = places.reshape(len(places), -1) * scale
        for number, moment, line in zip(range(rows.start, rows.stop), markers.times[rows], cells, strict=True):
            if np.isnan(line[0]):
                file.write(empty % (number + 1, moment))
            else:
                file.write(row % (number + 1, moment, *line))
