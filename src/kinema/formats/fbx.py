"""FBX through the user's own Blender: the format has no public specification, and Blender writes it well.

The motion is written as a GLB (see `glb`: skinned bodies) to a temporary folder, Blender runs `blender_fbx.py` in the
background, which converts it, and `fbx_times` puts in what Blender cannot express. `blender` says where Blender is
searched for.

- Centimetres, FBX's own unit and the only one that all programs read alike; y up.
- A key at every frame of the clip, at its true time. Blender's scenes have uniform frames, and its importers and
exporters disagree about fractional rates. So it gets one frame per second, and the times are inserted afterwards.
- The rate that the file states for its timeline is the nearest whole number or, if that is exact, a small multiple (25
for 12.5). Some programs' importers read others wrongly; the keys' times do not depend on it.
- People who are absent are hidden (scale 0).
- The filming camera, if known: a camera `camera`, with a key at every frame if it moves. FBX's cameras look along their
own x axis, as Blender writes them; the principal point is at the image centre.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.formats import glb
from kinema.formats.blender import find_blender
from kinema.formats.camera_track import camera_track
from kinema.formats.fbx_times import SECOND, rewrite
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack, skeleton_tracks
from kinema.formats.timeline import held_at_cuts, without_pauses
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path
from kinema.temporal.rate import LONG
from kinema.temporal.resampling import resample_axis_angle, resample_linear

if TYPE_CHECKING:
    from kinema.body import BodyModel

_SCRIPT = Path(__file__).with_name("blender_fbx.py")
_CENTIMETRES = 100.0
_MOST_FRAMES = 1_048_574
"""Blender's last frame."""
_MULTIPLES = 4
_WHOLE = 2e-3
"""Frames per second that a rate may differ from the whole rate stated for it."""


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    names: str | None = None,
    blender: str | Path | None = None,
    camera: bool = True,
    report: WriteReport | None = None,
) -> Path:
    """Write everybody to one FBX.

    names: of the joints (`naming`). blender: its executable, or a Python that has the package bpy; by default found as
    `find_blender` says. camera: with the filming camera. Raises UsageError (no Blender, more than a million frames),
    InputError (Blender failed; its last message is included), OutputError.
    """
    report = WriteReport() if report is None else report
    program = find_blender(blender)
    motion = without_pauses(motion, report)
    own = skeleton_tracks(motion, body, report, names)
    moments = frame_times(motion.times, motion.fps)
    if len(moments) > _MOST_FRAMES:
        raise UsageError(
            f"Blender holds {_MOST_FRAMES} frames, this motion has {len(moments)}; export a shorter time range, or glb"
        )
    tracks = [_at(track, moments) for track in own]
    filmed = camera_track(motion, tracks[0].frame, report, middle=True) if camera else None
    frames, rate = np.arange(len(moments)), stated_rate(motion.fps)
    layout = glb.Layout(
        float(moments[0]), float(moments[-1]), lambda seconds: np.interp(seconds, moments, frames), _CENTIMETRES
    )

    def clock(times: np.ndarray) -> np.ndarray:
        wanted = np.interp(times * (rate / SECOND), frames, moments - moments[0])
        return np.asarray(np.rint(wanted * SECOND)).astype(np.int64)

    with tempfile.TemporaryDirectory(prefix="kinema-fbx-") as folder, atomic_path(path) as temporary:
        source = Path(folder) / "motion.glb"
        glb.write_tracks(tracks, source, report, layout, None if filmed is None else filmed.at(moments))
        done = program.run(_SCRIPT, source, temporary, rate, len(moments))
        if done.returncode or not temporary.stat().st_size:
            raise InputError(f"Blender ({program.program}) did not write the FBX; its last output: {_reason(done)}")
        rewrite(temporary, clock, centimetres=1.0)
    report.notes.add(f"written by {program.program}: {len(moments)} frames at their true times")
    report.paths.append(path)
    return path


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of an output that names an error, or else the last one."""
    printed = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    errors = [line for line in printed if "Error" in line]
    return (errors or printed or ["none"])[-1]


def frame_times(times: np.ndarray, rate: float) -> np.ndarray:
    """(K,) seconds: times (F,) of a clip and, evenly between them, those of missing frames; at least two."""
    if len(times) < 2:
        return np.array([times[0], times[0] + 1 / rate])
    steps = np.diff(times)
    parts = np.where(steps * rate > LONG, np.rint(steps * rate), 1).astype(np.int64)
    places = np.r_[0, np.cumsum(parts)]
    return np.asarray(np.interp(np.arange(places[-1] + 1), places, times))


def stated_rate(rate: float) -> int:
    """The whole frames per second that a file's timeline states for a rate."""
    for multiple in range(1, _MULTIPLES + 1):
        whole = round(rate * multiple)
        if whole and abs(rate * multiple - whole) <= _WHOLE * multiple:
            return whole
    return max(1, round(rate))


def _at(track: SkeletonTrack, moments: np.ndarray) -> SkeletonTrack:
    """The track with a frame at each of `moments` at which its person is there, short gaps bridged."""
    there = np.zeros(len(moments), dtype=bool)
    for first, last in track.spans():
        there |= (moments >= track.times[first]) & (moments <= track.times[last])
    wanted = moments[there]
    if np.array_equal(wanted, track.times):
        return track
    held = held_at_cuts(wanted, track.times, track.first)
    return replace(
        track,
        times=wanted,
        pose=resample_axis_angle(track.pose, track.times, held),
        pelvis=resample_linear(track.pelvis, track.times, held),
        first=np.searchsorted(wanted, track.times[track.first]),
    )
