"""Surfaces as a sequence of PLY meshes, one for every person and frame, in a `.zip`: Blender, MeshLab, Open3D, Houdini.

Inside, `person_<id>/<frame>.ply`: binary, little-endian, metres, y up (`kinema.formats.surfaces`); vertices with x, y,
z, the uncertainty in metres where it is known, and the body's triangles (none without the body: a cloud of points). A
zip file appears whole or not at all, unlike a folder with an hour's files.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.report import WriteReport
from kinema.formats.surfaces import SurfaceTrack, surface_tracks
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    surface: str | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write everybody's surface. surface: "located" or "fitted". Raises UsageError, InputError, OutputError."""
    report = WriteReport() if report is None else report
    tracks = surface_tracks(motion, body, report, surface)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for track in tracks:
            _put_track(archive, track)
    report.paths.append(path)
    return path


def _put_track(archive: zipfile.ZipFile, track: SurfaceTrack) -> None:
    names = ["x", "y", "z"] + ([] if track.uncertainty is None else ["uncertainty"])
    lines = ["ply", "format binary_little_endian 1.0", f"comment {track.source}, {track.frame} frame, metres, y up"]
    lines += [f"element vertex {track.count}", *(f"property float {name}" for name in names)]
    lines += [f"element face {len(track.faces)}", "property list uchar int vertex_indices", "end_header", ""]
    header = "\n".join(lines).encode("ascii")
    faces = np.empty(len(track.faces), _FACE)
    faces["count"], faces["corners"] = 3, track.faces
    for rows in track.chunks():
        points = track.vertices(rows)
        if track.uncertainty is not None:
            points = np.concatenate([points, track.uncertainty(rows)[..., None]], axis=-1)
        for frame, values in zip(track.frames[rows].tolist(), points.astype("<f4"), strict=True):
            archive.writestr(f"{track.name}/{frame:06}.ply", header + values.tobytes() + faces.tobytes())
