"""C3D: joints as markers, the binary format of biomechanics. See `kinema.formats.markers` for axes and names.

One file per person: points only, no analogue channels, floating-point numbers, little-endian ("Intel"), as specified in
the C3D user guide (c3d.org): a header, parameters and data, each in blocks of 512 bytes. Millimetres by default, as
usual. y is up, as stated in POINT:Y_SCREEN. The number of the first frame is when the person appears in the clip. While
a person is away, the points are invalid (residual -1). Clips of more than 65535 frames store their length in
TRIAL:ACTUAL_END_FIELD and POINT:LONG_FRAMES, as the guide recommends.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.formats.c3d_parsing import read_c3d
from kinema.formats.marker_motion import motion_of_markers
from kinema.formats.markers import NAMES, Markers, MarkerTrack, unit_scale
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import person_paths, skeleton_tracks
from kinema.formats.timeline import without_pauses
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

_BLOCK = 512
_INTEL = 84
_MAX_FRAMES = 65535


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    units: str | None = None,
    fps: float | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write one file per person and return the first. units: "mm" (default), "cm", "m". Raises UsageError."""
    report = WriteReport() if report is None else report
    units = units or "mm"
    scale = unit_scale(units, "C3D")
    motion = without_pauses(motion, report)
    tracks = skeleton_tracks(motion, body, report)
    paths = person_paths(path, tracks)
    for track, target in zip(tracks, paths, strict=True):
        markers = MarkerTrack(track, report, fps)
        first = 1 + round((markers.times[0] - motion.times[0]) * markers.rate)
        parameters = _parameters(markers, units, first)
        with atomic_path(target) as temporary, temporary.open("wb") as file:
            file.write(_header(markers, first, 2 + len(parameters) // _BLOCK))
            file.write(parameters)
            for _, positions in markers.chunks():
                points = np.zeros((*positions.shape[:2], 4), dtype="<f4")
                points[..., :3] = np.nan_to_num(positions * scale)
                points[..., 3] = np.where(np.isnan(positions[..., 0]), -1.0, 0.0)
                file.write(points.tobytes())
            file.write(b"\0" * (-file.tell() % _BLOCK))
        report.paths.append(target)
    return paths[0]


def open_c3d(path: Path) -> dict[str, Markers]:
    """The file's markers, under the key `c3d`. Raises InputError."""
    return {"c3d": read_c3d(path)}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether the opened file is a C3D."""
    return isinstance(content.get("c3d"), Markers)


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The people of a C3D of labelled joints, on the free body (`marker_motion`). Raises InputError."""
    return motion_of_markers(content["c3d"], path, "c3d")


def _header(markers: MarkerTrack, first: int, data_block: int) -> bytes:
    last = min(first + len(markers) - 1, _MAX_FRAMES)
    head = struct.pack(
        "<BBHHHHHfHHf", 2, 0x50, len(NAMES), 0, min(first, _MAX_FRAMES), last, 0, -1.0, data_block, 1, markers.rate
    )
    return head.ljust(_BLOCK, b"\0")


def _parameters(markers: MarkerTrack, units: str, first: int) -> bytes:
    """The parameter section, in whole blocks. It holds the data's start block, so its own length is found first."""
    blocks = 1
    while True:
        section = _section(markers, units, first, 2 + blocks, blocks)
        needed = -(-len(section) // _BLOCK)
        if needed == blocks:
            return section.ljust(blocks * _BLOCK, b"\0")
        blocks = needed


def _section(markers: MarkerTrack, units: str, first: int, data_block: int, blocks: int) -> bytes:
    last = first + len(markers) - 1
    groups: dict[str, list[bytes]] = {
        "POINT": [
            _integers("USED", len(NAMES)),
            _floats("SCALE", -1.0),
            _floats("RATE", markers.rate),
            _integers("DATA_START", data_block),
            _integers("FRAMES", min(len(markers), _MAX_FRAMES)),
            _floats("LONG_FRAMES", float(len(markers))),
            _texts("LABELS", NAMES),
            _texts("DESCRIPTIONS", [f"SMPL joint {name.replace('_', ' ')}" for name in NAMES]),
            _text("UNITS", units),
            _text("X_SCREEN", "+X"),
            _text("Y_SCREEN", "+Y"),
        ],
        "ANALOG": [_integers("USED", 0), _floats("GEN_SCALE", 1.0), _floats("RATE", markers.rate)],
        "TRIAL": [
            _integers("ACTUAL_START_FIELD", first & 0xFFFF, first >> 16),
            _integers("ACTUAL_END_FIELD", last & 0xFFFF, last >> 16),
            _floats("CAMERA_RATE", markers.rate),
        ],
    }
    records = bytearray()
    for number, (name, parameters) in enumerate(groups.items(), start=1):
        records += _record(name, -number, b"\0")
        for parameter in parameters:
            size = parameter[0]
            records += _record(parameter[1 : 1 + size].decode(), number, parameter[1 + size :])
    return struct.pack("<BBBB", 1, 0x50, blocks, _INTEL) + bytes(records) + b"\0\0"


def _record(name: str, group: int, content: bytes) -> bytes:
    """A group (negative number) or a parameter of a group; the offset field points to the next record."""
    encoded = name.encode()
    return struct.pack("<bb", len(encoded), group) + encoded + struct.pack("<h", len(content) + 2) + content


def _parameter(name: str, kind: int, dimensions: Sequence[int], data: bytes) -> bytes:
    """Name, then type, dimensions, values and an empty description."""
    shape = struct.pack(f"<bB{len(dimensions)}B", kind, len(dimensions), *dimensions)
    return bytes([len(name)]) + name.encode() + shape + data + b"\0"


def _integers(name: str, *values: int) -> bytes:
    return _parameter(name, 2, [len(values)] if len(values) > 1 else [], struct.pack(f"<{len(values)}H", *values))


def _floats(name: str, value: float) -> bytes:
    return _parameter(name, 4, [], struct.pack("<f", value))


def _text(name: str, value: str) -> bytes:
    return _parameter(name, -1, [len(value)], value.encode())


def _texts(name: str, values: Sequence[str]) -> bytes:
    width = max(map(len, values))
    return _parameter(name, -1, [width, len(values)], b"".join(value.ljust(width).encode() for value in values))
