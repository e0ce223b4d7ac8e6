"""Surfaces over time as plain arrays: a `.npz` for numpy, MATLAB or a network, without any body model.

For each person `person_<id>_times` (F,) seconds, `_frames` (F,) of the clip, `_vertices` (F,V,3) float32 metres,
`_faces` (N,3) int32 (none without the body), `_joints` (F,24,3) and `_uncertainty` (F,V) metres where they are known.
`frame` is "world" or "camera", both y up (`kinema.formats.surfaces`). Written in chunks, so that an hour takes no more
memory than a second.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.report import WriteReport
from kinema.formats.surfaces import SurfaceTrack, surface_tracks
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel


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
        _put(archive, "frame", np.array(tracks[0].frame))
        _put(archive, "people", np.array([track.id for track in tracks]))
        for track in tracks:
            _put_track(archive, track)
    report.paths.append(path)
    return path


def _put_track(archive: zipfile.ZipFile, track: SurfaceTrack) -> None:
    for name, value in {
        "times": track.times,
        "frames": track.frames,
        "faces": track.faces,
        "joints": track.joints,
    }.items():
        if value is not None:
            _put(archive, f"{track.name}_{name}", np.asarray(value))
    shape = (len(track), track.count)
    blocks = (track.vertices(rows) for rows in track.chunks())
    _stream(archive, f"{track.name}_vertices", (*shape, 3), blocks)
    if track.uncertainty is not None:
        _stream(archive, f"{track.name}_uncertainty", shape, map(track.uncertainty, track.chunks()))


def _put(archive: zipfile.ZipFile, name: str, value: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array(file, value, allow_pickle=False)


def _stream(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> None:
    """A float32 array of this shape, whose rows come in blocks."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").tobytes())
