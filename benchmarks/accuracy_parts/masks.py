"""How much of people's masks their bodies cover in clips, whose masks are BlazePose's, and where they miss.

These masks are no truth: they are coarse, reach a little beyond rendered people, and lose hands and feet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.pictures import overlap, silhouette
from scipy.spatial import cKDTree

from kinema.body import BodyModel, load_body
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.segmentation.sources import KeypointMasks
from kinema.skeleton import SMPL24
from kinema.video import open_video

FRAMES = 12
MOST = 3
"""People of a clip who are judged, those seen longest."""

LEFT_OUT = ("tennis_single_moving_camera_vfr_original",)
"""The same images as another clip's."""

ENDS = SMPL24.indices([name for name in SMPL24.joints if name.endswith(("head", "wrist", "hand", "ankle", "foot"))])
"""Joints whose surface is hidden under hair and shoes, or holds things."""


@dataclass(frozen=True)
class Cover:
    """iou: of the body's visible part with the mask; mask_beside: share of the mask beside the body; body_beside: of
    the body beside the mask; at_ends: of both together, what differs at head, hands and feet."""

    iou: float
    mask_beside: float
    body_beside: float
    at_ends: float


def mean_of(covers: Sequence[Cover]) -> Cover:
    return Cover(*np.mean([astuple(each) for each in covers], axis=0)) if covers else Cover(*[np.nan] * 4)


def cover(body: BodyModel, motion: Motion, person: Person, row: int, mask: np.ndarray, others: np.ndarray) -> Cover:
    """How a person's body covers the mask (H,W) bool in one of the person's frames.

    others (H,W) bool: the masks of everybody else, behind whom the body may be hidden: they are taken out of it.
    """
    own = silhouette(body, motion, person, row) & ~others
    both = np.sum(own & mask)
    return Cover(
        overlap(own, mask),
        1 - float(both / max(mask.sum(), 1)),
        1 - float(both / max(own.sum(), 1)),
        _at_ends(own ^ mask, body, motion, person, row) / max(np.sum(own | mask), 1),
    )


def _at_ends(beside: np.ndarray, body: BodyModel, motion: Motion, person: Person, row: int) -> int:
    """How many of some pixels (H,W) bool are nearest to the body's head, hands or feet."""
    pose, betas, transl = person.require("pose", "betas", "transl")
    vertices = body.vertices(pose[row : row + 1], betas[row], transl[row])[0]
    tree = cKDTree(project(vertices, motion.camera.intrinsics, motion.camera.distortion))
    _, nearest = tree.query(np.argwhere(beside)[:, ::-1])
    return int(np.isin(body.weights.argmax(axis=1)[nearest], ENDS).sum())


def free_masks(path: Path, tracked: Motion) -> Iterator[tuple[int, np.ndarray]]:
    """The masks (P,H,W) bool of the people of a clip as tracked, of `FRAMES` of its frames, each made from that frame
    alone."""
    wanted = set(np.linspace(0, tracked.num_frames - 1, FRAMES + 2).round().astype(int)[1:-1].tolist())
    source = KeypointMasks(tracked, share=0.0)
    with open_video(path) as video:
        for frame in video:
            if frame.index in wanted:
                yield frame.index, source(frame)


def covers(body: BodyModel, path: Path, tracked: Motion, results: Sequence[Motion]) -> list[dict[int, list[Cover]]]:
    """For each of some results of a clip, the covers of its people by id, of those seen longest."""
    ids = [person.id for person in tracked]
    judged = [sorted(motion, key=len, reverse=True)[:MOST] for motion in results]
    found: list[dict[int, list[Cover]]] = [{person.id: [] for person in people} for people in judged]
    for frame, masks in free_masks(path, tracked):
        for motion, people, of_person in zip(results, judged, found, strict=True):
            for person in people:
                row = row_of(person, frame)
                mask = masks[ids.index(person.id)]
                if row is None or not mask.any():
                    continue
                others = masks.any(axis=0) & ~mask
                of_person[person.id].append(cover(body, motion, person, row, mask, others))
    return found


def clip_covers(kept: Kept, how: Chain) -> list[tuple[str, Cover]]:
    """(clip, mean over its people) of every clip in which people were found."""
    body, rows = load_body(), []
    for path in sorted((DATA / "videos").glob("*.mp4")):
        motion = kept.result(path, how) if path.stem not in LEFT_OUT else Motion(np.zeros(0), 0, 0)
        if motion.people:
            (found,) = covers(body, path, kept.tracked(path, how), [motion])
            rows.append((path.stem, mean_of([each for own in found.values() for each in own])))
    return rows
