"""From the poses of a file to the path of a clip: which pose belongs to which frame, and whose lens counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.checks import same_proportions
from kinema.errors import InputError
from kinema.formats.camera_poses import CameraPoses
from kinema.geometry.camera import CERTAIN, Camera, resized_intrinsics
from kinema.geometry.camera_path import CameraPath
from kinema.temporal.gaps import REPAIR_GAP, runs
from kinema.temporal.resampling import ON_GRID, resample_linear, resample_rotations

CLOCK = 1e6
"""Seconds from which a time is not one in the video but that of a clock, which counts from another moment."""

ASPECT = 0.005
"""Share by which an image's sides may have been scaled differently, by rounding to whole pixels."""

SAME_FOV = 0.1
"""Degrees: two fields of view that differ by less need no mention."""


@dataclass(frozen=True, eq=False)
class Clip:
    """The frames that need a pose. times (F,) true seconds since the video's start; fps; slow_motion: how many times
    slower a player shows them; whole: all frames of the video, none was left out by a time range."""

    times: np.ndarray
    fps: float
    slow_motion: float = 1.0
    whole: bool = True

    def __len__(self) -> int:
        return len(self.times)


def path_for(clip: Clip, poses: CameraPoses, file: Path, notes: list[str]) -> CameraPath:
    """The path through the clip's frames, with the file's intrinsics.

    Poses with times belong to frames by time: each frame needs one within half a frame, between two of which the pose
    is interpolated. Others belong by the frame's number in the video, and missing ones are interpolated across
    `REPAIR_GAP` seconds. notes: gets what the user must know. Raises InputError with one sentence for poses that are
    not the clip's.
    """
    known = poses.times
    if known is None:
        numbers = np.arange(len(poses.path)) if poses.numbers is None else poses.numbers
        return _by_number(clip, poses.path, numbers, file, notes, listed=poses.numbers is not None)
    half = 0.5 / clip.fps
    asked = _on_its_clock(clip, known)
    if known[0] > CLOCK:
        _check_same_steps(known, clip.times, half, file)
        notes.append(f"{file.name} counts its seconds from another moment; its first pose is taken for the first frame")
        return poses.path
    if _whole(known) and np.abs(known[_rows(known, asked)] - asked).max() > half:
        notes.append(f"the times in {file.name} are taken for numbers of frames")
        return _by_number(clip, poses.path, known.astype(int), file, notes, listed=True)
    _check_times(known, asked, half, file)
    return _between(poses.path, known, asked)


def _on_its_clock(clip: Clip, known: np.ndarray) -> np.ndarray:
    """The clip's times (F,) as the file counts them: true seconds, or, of slow motion, those of a player."""
    played = clip.times * clip.slow_motion
    ours, theirs = (float(np.abs(known[_rows(known, each)] - each).mean()) for each in (clip.times, played))
    return played if theirs < ours else clip.times


def _rows(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The row of `known` (T,), increasing, that is nearest to each of `asked` (F,)."""
    after = np.clip(np.searchsorted(known, asked), 1, max(len(known) - 1, 1))
    after = np.minimum(after, len(known) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(known[before] - asked) <= np.abs(known[after] - asked), before, after)


def _whole(times: np.ndarray) -> bool:
    return bool(len(times) > 1 and np.all(times == np.round(times)))


def _check_same_steps(known: np.ndarray, times: np.ndarray, half: float, file: Path) -> None:
    """Raise InputError unless a clock of another beginning ticks once for each frame."""
    if len(known) != len(times):
        raise InputError(
            f"{file} has {len(known)} poses by a clock of its own ({known[0]:.3f} s), but the clip has {len(times)}"
            " frames; write its times as seconds of the video"
        )
    if np.abs((known - known[0]) - (times - times[0])).max() > half:
        raise InputError(f"{file} has a pose for each frame of the clip, but at other times; is it of another video?")


def _check_times(known: np.ndarray, asked: np.ndarray, half: float, file: Path) -> None:
    """Raise InputError unless every time has a pose within half a frame."""
    if asked[0] < known[0] - half or asked[-1] > known[-1] + half:
        raise InputError(
            f"{file} has poses from {known[0]:.2f} to {known[-1]:.2f} s, but the clip goes from {asked[0]:.2f} to"
            f" {asked[-1]:.2f} s; find the path of all of it (`kinema camera`), or choose a `time_range` inside it"
        )
    off = np.abs(known[_rows(known, asked)] - asked)
    if off.max() > half * (1 + 1e-6):
        frame = int(np.argmax(off > half * (1 + 1e-6)))
        raise InputError(
            f"{file} has no pose within half a frame of frame {frame} ({asked[frame]:.3f} s); find the path at the"
            " clip's own frame rate"
        )


def _by_number(
    clip: Clip, path: CameraPath, known: np.ndarray, file: Path, notes: list[str], *, listed: bool
) -> CameraPath:
    """The path through the clip of poses at the frames `known` (T,) of the video; missing ones from their neighbours.

    listed: the file says which frames they are; otherwise there must be one for each.
    """
    count, frames = len(known), len(clip)
    wanted = np.arange(frames)
    if not listed and count != frames and (clip.whole or count < frames):
        raise InputError(f"{file} has {count} poses, but the clip has {frames} frames; they must agree")
    if clip.whole and known[-1] >= frames:
        raise InputError(
            f"{file} has a pose for frame {known[-1]}, but the clip has {frames} frames, from 0; they must agree"
        )
    if not clip.whole and (listed or count != frames):
        first = _first_number(clip)
        wanted = wanted + first
        notes.append(f"the clip is taken to begin with frame {first} of its video, for the poses in {file.name}")
    missing = ~np.isin(wanted, known)
    for first, stop in runs(missing):
        seconds = (stop - first) / clip.fps
        if seconds > REPAIR_GAP:
            where = f"frames {wanted[first]} to {wanted[stop - 1]}" if stop - first > 1 else f"frame {wanted[first]}"
            raise InputError(
                f"{file} has no pose for {where} ({seconds:.2f} s); gaps of up to {REPAIR_GAP:g} s are interpolated"
            )
    if missing.any():
        notes.append(f"{file.name} has no pose for {missing.sum()} of {frames} frames, which are interpolated")
    between = _between(path, known.astype(float), wanted.astype(float))
    assert between.found is not None
    return between.replace(found=between.found & ~missing)


def _first_number(clip: Clip) -> int:
    """The number in the whole video of the clip's first frame, from the times, at an even rate."""
    places = clip.times * clip.slow_motion
    rate = clip.fps / clip.slow_motion
    return max(0, round(float(np.median(places * rate - np.arange(len(clip))))))


def _between(path: CameraPath, known: np.ndarray, asked: np.ndarray) -> CameraPath:
    """The path at `asked` (F,) of poses at `known` (T,): the pose there, or between its neighbours in one piece."""
    rows = _rows(known, asked)
    near = path.part(rows)
    exact = np.abs(known[rows] - asked) <= ON_GRID
    if exact.all():
        return near
    after = np.clip(np.searchsorted(known, asked), 1, len(known) - 1) if len(known) > 1 else np.zeros(len(asked), int)
    before = np.maximum(after - 1, 0)
    kept = exact | (path.piece[before] != path.piece[after])
    rotation = resample_rotations(path.rotation[:, None], known, asked)[:, 0]
    centre = resample_linear(path.centre, known, asked)
    intrinsics = near.intrinsics
    if intrinsics.ndim == 3:
        intrinsics = np.where(kept[:, None, None], intrinsics, resample_linear(path.intrinsics, known, asked))
    return near.replace(
        rotation=np.where(kept[:, None, None], near.rotation, rotation),
        centre=np.where(kept[:, None], near.centre, centre),
        intrinsics=intrinsics,
    )


def with_lens(
    path: CameraPath, poses: CameraPoses, camera: Camera, file: Path, notes: list[str]
) -> tuple[CameraPath, Camera]:
    """The path and the clip's camera with one lens: the user's, else the file's, else the clip's own.

    camera: the clip's, whose source of the focal length tells whether it is certain. Raises InputError for the lens of
    images of another shape.
    """
    own = (camera.width, camera.height)
    if not poses.lens:
        return path.replace(intrinsics=camera.intrinsics), camera
    size = own if poses.size is None else poses.size
    if not same_proportions(own, size, ASPECT):
        raise InputError(
            f"the lens in {file} is for images of {size[0]}x{size[1]}, but the clip has {own[0]}x{own[1]}, which is"
            " another shape; find the path in this clip"
        )
    intrinsics = resized_intrinsics(path.intrinsics, size, own)
    lens = intrinsics if intrinsics.ndim == 2 else np.median(intrinsics, axis=0)
    if not (0 <= lens[0, 2] < own[0] and 0 <= lens[1, 2] < own[1]):
        raise InputError(
            f"the lens in {file} has its middle at ({lens[0, 2]:.0f}, {lens[1, 2]:.0f}), outside the clip's"
            f" {own[0]}x{own[1]} pixels; is it of another image size?"
        )
    given = camera.replace(intrinsics=lens, distortion=poses.distortion, focal_source="file", fov_uncertainty=0.0)
    if camera.focal_source in CERTAIN:
        same = abs(given.fov - camera.fov) < SAME_FOV and poses.distortion is None and intrinsics.ndim == 2
        if not same:
            what = "field of view" if poses.distortion is None else "field of view and the distortion"
            notes.append(
                f"the {camera.fov:.1f} degrees that are known of the lens count, not the {what} in {file.name}"
                f" ({given.fov:.1f} degrees)"
            )
        return path.replace(intrinsics=camera.intrinsics), camera
    if size != own:
        notes.append(f"the lens in {file.name} was scaled from {size[0]}x{size[1]} to {own[0]}x{own[1]} pixels")
    if intrinsics.ndim == 3:
        notes.append("the camera zooms; in the camera's frame distances are right for its average focal length")
    return path.replace(intrinsics=intrinsics), given
