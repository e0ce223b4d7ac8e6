"""Association in files of poses, by the names of the trackers of `kinema run`. There is no video: PoseFlow compares
boxes and joints without points of the images, and every frame is one of LightTrack's keyframes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.errors import UsageError
from kinema.keypoints.association.lighttrack import LightTrack
from kinema.keypoints.association.poseflow import PoseFlow
from kinema.keypoints.files.linking import linked
from kinema.keypoints.files.poses import Poses
from kinema.models.lighttrack.numpy_run import SGCN
from kinema.registry import Registry

BOXES_ONLY = (
    "LightTrack compares boxes only, because its network that compares poses has no weights; name the authors'"
    " epoch210_model.pt (github.com/Guanghan/lighttrack) with `tracker_checkpoint`"
)

Link = Callable[[Poses, float, "Path | None"], np.ndarray]
"""(poses, frames per second, checkpoint) -> identities (N,), from 1."""


@dataclass(frozen=True)
class Linker:
    """One way to give poses their identities. checkpoint: whether it takes one; without: a note if none is given."""

    name: str
    link: Link
    checkpoint: bool = False
    without: str | None = None

    def __call__(self, poses: Poses, rate: float, checkpoint: Path | None) -> tuple[np.ndarray, tuple[str, ...]]:
        """Identities (N,), from 1, of poses sorted by frame, and notes. Raises InputError for an unsuitable checkpoint,
        UsageError for a checkpoint that the linker does not take."""
        if checkpoint is not None and not self.checkpoint:
            raise UsageError(
                "only the tracker lighttrack has a checkpoint; leave out `tracker_checkpoint`, or choose it"
            )
        notes = () if checkpoint is not None or self.without is None else (self.without,)
        return self.link(poses, rate, checkpoint), notes


def _linked(poses: Poses, rate: float, checkpoint: Path | None) -> np.ndarray:
    return linked(poses.frames, poses.points, rate)


def _by_poseflow(poses: Poses, rate: float, checkpoint: Path | None) -> np.ndarray:
    tracker = PoseFlow((poses.width, poses.height))
    return _by_frame(poses, lambda frame, points: tracker.step(frame, points)[0])


def _by_lighttrack(poses: Poses, rate: float, checkpoint: Path | None) -> np.ndarray:
    tracker = LightTrack(poses.joints, None if checkpoint is None else SGCN.open(checkpoint))
    return _by_frame(poses, tracker.step)


def _by_frame(poses: Poses, step: Callable[[int, np.ndarray], np.ndarray]) -> np.ndarray:
    ids = np.zeros(len(poses.frames), dtype=np.int64)
    frames, firsts = np.unique(poses.frames, return_index=True)
    for frame, rows in zip(frames, np.split(np.arange(len(ids)), firsts[1:]), strict=True):
        ids[rows] = step(int(frame), poses.points[rows, :, :2])
    return ids


LINKERS: Registry[Linker] = Registry(
    "tracker for files of keypoints",
    group="kinema.linkers",
    rows=(
        Linker("kinema", _linked),
        Linker("poseflow", _by_poseflow),
        Linker("lighttrack", _by_lighttrack, checkpoint=True, without=BOXES_ONLY),
    ),
)
"""Every linker."""
