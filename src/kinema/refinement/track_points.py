"""The known positions of a person's surface and joints, frame by frame, in an array without gaps in time.

Letters in shapes: F the person's frames, D frames with those that are missing in short gaps, n vertices, P = n + 24.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body.landmarks import SMPL_VERTICES
from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.errors import InputError, UsageError
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.refinement.frames import shape_of
from kinema.storage.safe_npz import load_npz
from kinema.storage.scratch import scratch
from kinema.storage.stored import StoredArray

MOST_VERTICES = 1024
"""Number of vertices that are used, spread over the surface."""

_BLOCK = 256


@dataclass(frozen=True, eq=False)
class TrackPoints:
    """points (D,P,3) metres, the vertices then the joints, and uncertainties (D,P) metres, NaN where missing.

    rows (n,): the body's vertices; none if only joints are known. at (F,): indices of the person's frames among the D;
    starts: those that do not continue from the previous one (cuts, long gaps). source: "vertices", "pose" or "joints".
    """

    points: np.ndarray
    uncertainty: np.ndarray
    rows: np.ndarray
    at: np.ndarray
    starts: np.ndarray
    source: str


def spread_out(body: BodyModel) -> np.ndarray:
    """About `MOST_VERTICES` vertices: the same share of each part, and at least some; (n,) increasing."""
    owner = np.asarray(body.weights.argmax(axis=1))
    step = max(1.0, len(owner) / MOST_VERTICES)
    kept = []
    for number in np.unique(owner):
        mine = np.flatnonzero(owner == number)
        count = min(len(mine), max(12, round(len(mine) / step)))
        kept.append(mine[np.unique(np.linspace(0, len(mine) - 1, count).astype(int))])
    return np.sort(np.concatenate(kept))


def read_vertex_numbers(path: Path) -> np.ndarray:
    """The vertex indices (n,) in a `.npy` file, or in an `.npz` with one such array. Raises InputError."""
    arrays = load_npz(path) if zipfile.is_zipfile(path) else {"": StoredArray(path).open()}
    found = [each for each in arrays.values() if each.ndim == 1 and each.dtype.kind in "iu" and each.size]
    if len(found) != 1 or found[0].min() < 0 or len(np.unique(found[0])) != found[0].size:
        raise InputError(f"{path} must hold one list of different vertex numbers, as vertex_subset_1024.npz does")
    return np.asarray(found[0], dtype=int)


def track_points(
    motion: Motion, person: Person, body: BodyModel, max_gap: float, *, wanted: np.ndarray | None = None,
    whole: bool = False,
) -> TrackPoints:  # fmt: skip
    """The points of a person, in the camera's frame.

    The vertices and joints that were located, if the vertices are this body's; else those of the person's own pose;
    else the joints alone. wanted (n,): vertices instead of `spread_out`'s. whole: treat all frames of the clip as one
    piece, regardless of gaps, as in the original. Raises UsageError for a person with none of these, and for vertices
    that the body does not have.
    """
    source = source_of(motion, person, body)
    if wanted is not None and wanted.max() >= body.num_vertices:
        raise UsageError(f"vertex {wanted.max()} is not one of the {body.num_vertices} of the body {body.name}")
    rows = spread_out(body) if wanted is None else wanted
    rows = np.zeros(0, dtype=int) if source == "joints" else rows
    at, starts = _in_time(person.frames, motion.pieces(person, max_gap))
    length = int(at[-1]) + 1 if len(at) else 0
    if whole:
        at, starts, length = person.frames, np.zeros(0, dtype=int), motion.num_frames
    points, spread = scratch((length, len(rows) + NUM_JOINTS, 3)), scratch((length, len(rows) + NUM_JOINTS))
    points[:], spread[:] = np.nan, np.nan
    of_joints = np.ones((len(person), NUM_JOINTS)) if person.joint_uncertainty is None else person.joint_uncertainty
    # Without uncertainties of its own, a vertex takes those of the joints it is skinned to.
    of_vertices = np.asarray(body.weights[rows]).T
    kept = person.vertex_uncertainty.open() if source == "vertices" and person.vertex_uncertainty is not None else None
    for some, vertices, joints in _read(person, body, rows, source):
        points[at[some]] = np.concatenate([vertices, joints], axis=1)
        own = of_joints[some] @ of_vertices if kept is None else kept[some][:, rows]
        spread[at[some]] = np.concatenate([own, of_joints[some]], axis=1)
    return TrackPoints(points, spread, rows, at, starts, source)


def source_of(motion: Motion, person: Person, body: BodyModel) -> str:
    """The source of the points, "vertices", "pose" or "joints". Raises UsageError if there are none."""
    smpl = body.num_vertices == SMPL_VERTICES and body.name != "free"  # for any file name
    own = motion.body_model in (None, body.name) or (motion.body_model == "smpl" and smpl)
    if person.vertices is not None and own and (LOCATED in person.data or person.joints is not None):
        return "vertices"
    if person.pose is not None and person.transl is not None and person.vertices is None:
        return "pose"
    if person.joints is None and LOCATED not in person.data:
        raise UsageError(
            f"person {person.id} has no vertices, no pose with transl and no joints to fit a body to; run the stage"
            f" that fills them first (filled: {', '.join(person.filled) or 'nothing'})"
        )
    return "joints"


def _read(
    person: Person, body: BodyModel, rows: np.ndarray, source: str
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Some of the person's frames, with their vertices (f,n,3) and joints (f,24,3)."""
    located = person.data.get(LOCATED, person.joints)
    surface = person.vertices.open() if source == "vertices" and person.vertices is not None else None
    if surface is not None and surface.shape != (len(person), body.num_vertices, 3):
        raise UsageError(
            f"person {person.id}: the vertices in its file are {surface.shape}, not those of the body {body.name}; run"
            " the stage that found them again"
        )
    for start in range(0, len(person), _BLOCK):
        some = slice(start, start + _BLOCK)
        if surface is not None:
            yield some, np.asarray(surface[some])[:, rows], located[some]
        elif source == "pose":
            assert person.pose is not None
            assert person.transl is not None
            pose, betas, transl = person.pose[some], shape_of(person)[some], person.transl[some]
            yield some, body.vertices(pose, betas, transl)[:, rows], body.joints(pose, betas, transl)
        else:
            found = located[some]
            yield some, np.zeros((len(found), 0, 3)), found


def _in_time(frames: np.ndarray, pieces: list[slice]) -> tuple[np.ndarray, np.ndarray]:
    """The positions of the frames (F,), with frames missing within a piece left free, and the starts of pieces."""
    at, starts, length = np.zeros(len(frames), dtype=int), [], 0
    for piece in pieces:
        own = frames[piece]
        if not len(own):
            continue
        starts.append(length)
        at[piece] = length + own - own[0]
        length = int(at[piece][-1]) + 1
    return at, np.array(starts[1:], dtype=int)
