"""TRC (OpenSim, Pose2Sim, motion capture systems): joints as markers in tab-separated text, one file per person.

`kinema.formats.markers` has axes and names, `trc_parsing` the layout. Times are the clip's; the rate is constant, as
TRC requires, so frames at other times are interpolated. While a person is away for longer than
`kinema.temporal.gaps.AWAY`, the cells are "nan", as OpenSim writes them: it requires the same number of columns in
every row, and ignores empty cells at the end of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from kinema.formats.marker_motion import motion_of_markers
from kinema.formats.markers import NAMES, Markers, MarkerTrack, unit_scale
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import person_paths, skeleton_tracks
from kinema.formats.timeline import without_pauses
from kinema.formats.trc_parsing import read_trc
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
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


def open_trc(path: Path) -> dict[str, Markers]:
    """The file's markers, under the key `trc`. Raises InputError."""
    return {"trc": read_trc(path)}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the opened file is a TRC."""
    return isinstance(content.get("trc"), Markers)


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The people of a TRC of labelled joints, on the free body (`marker_motion`). Raises InputError."""
    return motion_of_markers(content["trc"], path, "trc")


def _write(file: TextIO, markers: MarkerTrack, name: str, units: str, scale: float) -> None:
    rate, count = f"{markers.rate:.9g}", len(markers)
    file.write(f"PathFileType\t4\t(X/Y/Z)\t{name}\n")
    file.write("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n")
    file.write(f"{rate}\t{rate}\t{count}\t{len(NAMES)}\t{units}\t{rate}\t1\t{count}\n")
    file.write("Frame#\tTime\t" + "\t\t\t".join(NAMES) + "\t\t\n")
    file.write("\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(NAMES) + 1)) + "\n\n")
    row = "%d\t%.9g\t" + "\t".join(["%.6f"] * (3 * len(NAMES))) + "\n"  # of NaN, "nan"
    for rows, positions in markers.chunks():
        cells = positions.reshape(len(positions), -1) * scale
        for number, moment, line in zip(range(rows.start, rows.stop), markers.times[rows], cells, strict=True):
            file.write(row % (number + 1, moment, *line))
