"""A person for the writers: one skeleton in a y-up frame over time.

All writers use the same conventions, so that a BVH, a GLB and a TRC of one motion have the same joint positions:

- The frame of reference is the world if the motion has one, else the camera's, rotated from (x right, y down,
  z forward) to (x right, y up, z backward). It is upright if the camera was level.
- `transl` is not the pelvis: the pelvis is at `transl` plus its rest position.
- A track has one shape (the median over its frames), because bone lengths are constant in all of these formats.
- An unavailable body (another system's file without its licensed model) is replaced by the free body of average shape,
  with the pelvis at the same position. This is noted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.body.kinematics import bone_offsets
from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import UsageError
from kinema.formats.foreign import YUP_FROM_CAMERA
from kinema.formats.naming import joint_names
from kinema.formats.reader_body import rest_pelvis
from kinema.formats.report import WriteReport
from kinema.formats.timeline import first_rows, held_at_cuts
from kinema.geometry.rotations import turned_root
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.skeleton import NUM_BETAS, SMPL24
from kinema.temporal.gaps import AWAY, near_in_time
from kinema.temporal.rate import frame_rate
from kinema.temporal.resampling import constant_rate_times, is_on_grid, resample_axis_angle, resample_linear

FRAMES = ("world", "camera")

CHUNK = 1024
"""Frames processed at once."""

_SHAPE_CHANGE = 1e-3
"""Metres that a rest joint may move before a changing shape is noted."""


@dataclass(frozen=True, eq=False)
class SkeletonTrack:
    """One person as an upright skeleton over time. Metres, radians, seconds; y up.

    id: of the person. times (F,) seconds of the clip. pose (F,72) axis-angle, the root in the track's frame. pelvis
    (F,3). betas (10,). body: the model of its skeleton and skin. frame: "world" or "camera". first (K,): the rows at
    which a new shot begins. joint_names: the joints' names in a file.
    """

    id: int
    times: np.ndarray
    pose: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray
    body: BodyModel
    frame: str
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    joint_names: tuple[str, ...] = SMPL24.joints

    @property
    def name(self) -> str:
        return f"person_{self.id}"

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def rest(self) -> np.ndarray:
        """(24,3) rest joints in the body's own frame: y up, facing +z, left = +x."""
        return self.body.rest_joints(self.betas)

    @cached_property
    def offsets(self) -> np.ndarray:
        """(24,3) rest position of each joint relative to its parent; zero for the pelvis."""
        return bone_offsets(self.rest, self.body.parents)

    @property
    def rate(self) -> float:
        """The frame rate of the existing frames (30 for a single frame)."""
        return frame_rate(self.times)

    def chunks(self) -> Iterator[slice]:
        """Slices that cover all frames, `CHUNK` at a time."""
        for start in range(0, len(self), CHUNK):
            yield slice(start, min(start + CHUNK, len(self)))

    def joints(self, rows: slice = slice(None)) -> np.ndarray:
        """(n,24,3) joints of some of the frames, by forward kinematics."""
        return self.body.joints(self.pose[rows], self.betas, self.pelvis[rows] - self.rest[0])

    def spans(self) -> list[tuple[int, int]]:
        """Runs of frames (first, last) without a gap of more than `AWAY` seconds between neighbours."""
        return [(piece.start, piece.stop - 1) for piece in near_in_time(self.times, AWAY)]

    def presence(self, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """When the person is present between two times of the clip: moments (K,) seconds, shown (K,) bool from each on.

        Absences of up to `AWAY` seconds are ignored.
        """
        step = 1 / self.rate if len(self) < 2 else float(np.median(np.diff(self.times)))
        switches = [(start, self.times[0] - start <= AWAY)]
        for number, (first, last) in enumerate(self.spans()):
            if number or not switches[0][1]:
                switches.append((float(self.times[first]), True))
            if end - self.times[last] > AWAY:
                switches.append((float(self.times[last]) + step, False))
        return np.array([moment for moment, _ in switches]), np.array([shown for _, shown in switches])


def in_frame(motion: Motion, frame: str) -> Motion:
    """The motion without its world (`frame="camera"`), or unchanged after checking that it has one ("world").

    Raises UsageError if the requested frame is missing.
    """
    if frame not in FRAMES:
        raise UsageError(f"unknown frame {frame!r}; use one of {', '.join(FRAMES)}")
    missing = [p.id for p in motion if (p.pose_world if frame == "world" else p.pose) is None]
    if missing:
        other = "camera" if frame == "world" else "world"
        raise UsageError(f"person {missing[0]} has no pose in the {frame} frame; try `frame` {other}")
    if frame == "world":
        return motion
    return motion.replace(people=tuple(person.replace(**dict.fromkeys(WORLD_FIELDS)) for person in motion))


def exported_frame(motion: Motion) -> str:
    """The frame of a motion's tracks: "world" if everybody who has a pose has one there, else "camera"."""
    posed = (p for p in motion if len(p) and (p.pose is not None or p.pose_world is not None))
    return "world" if all(p.pose_world is not None for p in posed) else "camera"


def skeleton_tracks(
    motion: Motion, body: BodyModel | None = None, report: WriteReport | None = None, names: str | None = None
) -> list[SkeletonTrack]:
    """Everybody who has a pose, as tracks in one common frame.

    body: the model that the poses belong to; by default the free body. names: a key of `naming.NAMINGS`, by default
    SMPL's. Assumptions are noted in the report. Raises UsageError: nobody has a pose, unknown `names`.
    """
    report = WriteReport() if report is None else report
    called = joint_names(names)
    people = [p for p in motion if len(p) and (p.pose is not None or p.pose_world is not None)]
    if not people:
        located = any(person.joints is not None for person in motion)
        fit = "fit a body to their joints (`kinema refine --method track-fit`)" if located else "run the fit"
        if any(person.vertices is not None for person in motion):
            fit += ", or export their surfaces as they are (glb, usd, ply, mesh),"
        raise UsageError(f"nobody in this motion has a pose; {fit} before exporting it")
    world = exported_frame(motion) == "world"
    if not world and any(p.pose is None for p in people):
        raise UsageError(
            "some people have a pose in the world and others only in the camera's frame; export them one by one"
        )
    own = motion.body_model in (None, "free") if body is None else True
    if body is None:
        body = load_body()
        if not own:
            report.notes.add(
                f"the body of this motion ({motion.body_model}) is not available: skeleton and skin are the free body's"
                " of average shape; set `body_model` to use yours"
            )
    if not world:
        level = "upright if the camera was level"
        report.notes.add(f"in the camera's frame, rotated to y-up ({level}); the ground's height is unknown")
    for person in motion:
        if person not in people:
            report.notes.add(f"person {person.id} has no pose and was left out")
    tracks = [_track(motion, person, body, own, world, report) for person in people]
    return [replace(track, joint_names=called) for track in tracks]


def person_paths(path: Path, tracks: list[SkeletonTrack]) -> list[Path]:
    """`path` for one person, `name_<id>.suffix` next to it for several."""
    if len(tracks) == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{track.id}{path.suffix}") for track in tracks]


_MOST_FRAMES = 10_000_000


def constant_rate(
    track: SkeletonTrack, report: WriteReport, fps: float | None = None, *, bridge: bool = True
) -> SkeletonTrack:
    """The track at a constant frame rate, interpolated at true times unless its frames are already on that grid.

    fps: frame rate; by default the track's own. Gaps are interpolated and noted; with `bridge=False` the note says that
    they are left empty, and the writer leaves them empty at the times of `absent`. Raises UsageError for an impossible
    `fps`.
    """
    if fps is not None and not is_rate(fps):
        raise UsageError(f"the frame rate must be {RATE_RANGE}, found {fps:g}; leave it out to take the clip's own")
    if fps is not None and fps * (track.times[-1] - track.times[0]) > _MOST_FRAMES:
        raise UsageError(f"{fps:g} frames a second would make more than {_MOST_FRAMES} frames; choose a lower rate")
    rate = track.rate if fps is None else fps
    grid = constant_rate_times(track.times, rate)
    for first, last in _gaps(track):
        what = "interpolated" if bridge else "left empty"
        report.notes.add(
            f"person {track.id} was away from {track.times[first]:.2f} to {track.times[last]:.2f} s: {what}"
        )
    if is_on_grid(track.times, grid):
        return replace(track, times=grid)
    why = "the frame rate varies or frames are missing" if fps is None else f"as requested: {fps:g} frames a second"
    report.notes.add(f"person {track.id} was resampled to {rate:.6g} frames a second at true times ({why})")
    moments = held_at_cuts(grid, track.times, track.first)
    return replace(
        track,
        times=grid,
        pose=resample_axis_angle(track.pose, track.times, moments),
        pelvis=resample_linear(track.pelvis, track.times, moments),
        first=np.searchsorted(moments, track.times[track.first]),
    )


def absent(track: SkeletonTrack, moments: np.ndarray) -> np.ndarray:
    """(K,) bool: whether the person was absent at `moments` (K,) seconds, in a gap of more than `AWAY` seconds."""
    away = np.zeros(len(moments), dtype=bool)
    half = 0.5 / track.rate
    for last, first in _gaps(track):
        away |= (moments > track.times[last] + half) & (moments < track.times[first] - half)
    return away


def _gaps(track: SkeletonTrack) -> list[tuple[int, int]]:
    spans = track.spans()
    return [(a[1], b[0]) for a, b in itertools.pairwise(spans)]


def _largest_change(body: BodyModel, betas: np.ndarray, typical: np.ndarray) -> float:
    """Largest displacement of a rest joint, metres, between betas (F,10) and the typical ones (10,)."""
    rest, largest = body.rest_joints(typical), 0.0
    for start in range(0, len(betas), CHUNK):
        moved = body.rest_joints(betas[start : start + CHUNK]) - rest
        largest = max(largest, float(np.max(np.linalg.norm(moved, axis=-1))))
    return largest


def _track(
    motion: Motion, person: Person, body: BodyModel, own: bool, world: bool, report: WriteReport
) -> SkeletonTrack:
    pose = person.pose_world if world else person.pose
    transl = person.transl_world if world else person.transl
    joints = person.joints_world if world else person.joints
    if pose is None:
        raise UsageError(f"person {person.id} has no pose; run the fit before exporting it")
    betas = np.zeros(NUM_BETAS)
    if own and person.betas is not None:
        betas = np.median(person.betas, axis=0)
        change = _largest_change(body, person.betas, betas)
        if change > _SHAPE_CHANGE:
            report.notes.add(
                f"the shape of person {person.id} changes from frame to frame (joints at rest by up to"
                f" {1000 * change:.0f} mm); the median shape was used"
            )
    if transl is None:
        report.notes.add(f"person {person.id} has no translation and stays at the origin")
        pelvis = np.broadcast_to(body.rest_joints(betas)[0], (len(person), 3))
    elif own:
        shape = betas if person.betas is None else person.betas
        pelvis = transl + body.J_template[0] + shape @ body.J_shapedirs[0].T
    else:
        pelvis = joints[:, 0] if joints is not None else transl + rest_pelvis(motion, person, None)
    if not world:
        pose = turned_root(pose, YUP_FROM_CAMERA)
        pelvis = pelvis @ YUP_FROM_CAMERA
    return SkeletonTrack(
        id=person.id,
        times=motion.times[person.frames],
        pose=pose,
        pelvis=np.asarray(pelvis),
        betas=betas,
        body=body,
        frame="world" if world else "camera",
        first=first_rows(person, motion),
    )
