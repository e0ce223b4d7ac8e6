"""Everybody's surface over time: as located by a network, without a body fitted to it, or of the fitted body.

Surfaces are in the y-up frame of `kinema.formats.skeletal`: the world if the camera's pose in it is known, else the
camera's frame, rotated upright. A located surface is where the network saw it: the world's clean-up of a fitted body
(no foot sliding, the ground at 0) is not applied to it.

Letters in shapes: F the person's frames, V vertices, N triangles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.free import free_body
from kinema.errors import InputError, UsageError
from kinema.formats.foreign import YUP_FROM_CAMERA
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack, exported_frame, skeleton_tracks
from kinema.geometry.camera import Camera, to_world
from kinema.motion import Motion
from kinema.person import LOCATED, WORLD_FIELDS, Person

SURFACES = ("located", "fitted")

CHUNK = 64
"""Number of frames whose surfaces are in memory at once: 5 MB of SMPL's."""

Rows = Callable[[slice], np.ndarray]


@dataclass(frozen=True, eq=False)
class SurfaceTrack:
    """One person's surface. Metres, seconds; y up.

    times (F,) of the clip, frames (F,) of it. count: V. source: one of `SURFACES`. frame: "world" or "camera".
    vertices: rows -> (n,V,3) float32; uncertainty: rows -> (n,V) float32 metres, None if unknown; joints (F,24,3), None
    likewise. faces (N,3), none if the body of these vertices is not available.
    """

    id: int
    times: np.ndarray
    frames: np.ndarray
    count: int
    source: str
    frame: str
    vertices: Rows
    uncertainty: Rows | None
    joints: np.ndarray | None
    faces: np.ndarray

    @property
    def name(self) -> str:
        return f"person_{self.id}"

    def __len__(self) -> int:
        return len(self.times)

    def chunks(self) -> Iterator[slice]:
        """Slices that cover all frames, `CHUNK` at a time."""
        for start in range(0, len(self), CHUNK):
            yield slice(start, min(start + CHUNK, len(self)))


def only_located(motion: Motion) -> bool:
    """Whether there are located surfaces, and nobody has a pose."""
    return any(p.vertices is not None for p in motion) and not any(map(_is_posed, motion))


def meshes_or_skeletons(
    motion: Motion, body: BodyModel | None, report: WriteReport, surface: str | None, names: str | None
) -> tuple[list[SurfaceTrack], list[SkeletonTrack]]:
    """For formats that hold both: meshes if a surface is requested or nobody has a pose, else skinned skeletons.

    surface: as in `surface_tracks`; names: of the joints (`naming`). Raises the errors of both.
    """
    if surface is not None or only_located(motion):
        return surface_tracks(motion, body, report, surface), []
    return [], skeleton_tracks(motion, body, report, names)


def surface_tracks(
    motion: Motion, body: BodyModel | None, report: WriteReport, surface: str | None = None
) -> list[SurfaceTrack]:
    """Everybody who has a surface, in one common frame.

    body: the body of the triangles and poses; by default the free body. surface: one of `SURFACES`, None for the
    located surfaces of everybody who has one. Raises UsageError if nobody has one, InputError for a missing file.
    """
    if surface not in (None, *SURFACES):
        raise UsageError(f"`surface` must be one of {', '.join(SURFACES)}, found {surface!r}")
    located = [p for p in motion if len(p) and p.vertices is not None and (surface != "fitted" or not _is_posed(p))]
    rest = motion.replace(people=tuple(p for p in motion if len(p) and p not in located and _is_posed(p)))
    if surface == "located":
        rest = rest.replace(people=())
    if not located and not rest.people:
        what = (
            "a surface that a network located; leave out `surface`" if surface == "located" else "a surface or a pose"
        )
        raise UsageError(f"nobody in this motion has {what}; run the fit, or NLF, before exporting it")
    world = _is_placed(motion.camera)
    if rest.people:
        world = exported_frame(rest) == "world" and (world or not located)
        if not world:
            rest = rest.replace(people=tuple(p.replace(**dict.fromkeys(WORLD_FIELDS)) for p in rest))
    tracks = _fitted(rest, body, report) if rest.people else []
    if located and not world:
        report.notes.add("in the camera's frame, rotated to y-up (upright if the camera was level)")
    tracks += [_located(motion, person, body, report, world=world) for person in located]
    return sorted(tracks, key=lambda track: track.id)


def _is_posed(person: Person) -> bool:
    return person.pose is not None or person.pose_world is not None


def _is_placed(camera: Camera | None) -> bool:
    return camera is not None and camera.rotation is not None and camera.translation is not None


def _fitted(motion: Motion, body: BodyModel | None, report: WriteReport) -> list[SurfaceTrack]:
    tracks = []
    for each in skeleton_tracks(motion, body, report):

        def vertices(rows: slice, track: SkeletonTrack = each) -> np.ndarray:
            transl = track.pelvis[rows] - track.rest[0]
            betas = np.tile(track.betas, (len(transl), 1))
            return track.body.vertices(track.pose[rows], betas, transl)

        joints = np.concatenate([each.joints(rows) for rows in each.chunks()])
        tracks.append(
            SurfaceTrack(
                each.id, each.times, motion.person(each.id).frames, each.body.num_vertices, "fitted", each.frame,
                vertices, None, joints, each.body.faces,
            )
        )  # fmt: skip
    return tracks


def _located(
    motion: Motion, person: Person, body: BodyModel | None, report: WriteReport, *, world: bool
) -> SurfaceTrack:
    assert person.vertices is not None
    surface = person.vertices.open()
    if surface.ndim != 3 or surface.shape[::2] != (len(person), 3):
        raise InputError(
            f"person {person.id}: {person.vertices.path} has {surface.shape}, not the vertices of {len(person)} frames"
        )
    spread = None if person.vertex_uncertainty is None else person.vertex_uncertainty.open()
    to_yup = _to_world(motion.camera, person.frames) if world else _upright
    known = free_body() if body is None and motion.body_model in (None, "free") else body
    faces = np.zeros((0, 3), np.int32)
    if known is not None and known.num_vertices == surface.shape[1]:
        faces = known.faces
    else:
        report.notes.add(
            f"the located surfaces have {surface.shape[1]} vertices and no triangles: those of their body"
            f" ({motion.body_model or 'unknown'}) are not at hand; give its file with `body_model`"
        )
    joints = person.data.get(LOCATED, person.joints)
    return SurfaceTrack(
        person.id,
        motion.times[person.frames],
        person.frames,
        surface.shape[1],
        "located",
        "world" if world else "camera",
        lambda rows: to_yup(np.asarray(surface[rows], np.float64), rows).astype(np.float32),
        None if spread is None else lambda rows: np.asarray(spread[rows], np.float32),
        None if joints is None else to_yup(np.asarray(joints, np.float64), slice(None)),
        faces,
    )


def _upright(points: np.ndarray, rows: slice) -> np.ndarray:
    del rows
    return np.asarray(points @ YUP_FROM_CAMERA)


def _to_world(camera: Camera | None, frames: np.ndarray) -> Callable[[np.ndarray, slice], np.ndarray]:
    """From points (n,P,3) in the camera's frame to the world."""
    assert camera is not None
    return lambda points, rows: to_world(points, camera.at(frames[rows]))
