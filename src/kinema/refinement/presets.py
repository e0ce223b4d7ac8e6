"""Named recipes of refinement."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.refinement.networks import NetworkOptions, refine_with_network
from kinema.refinement.stabilizing import stabilize_motion

if TYPE_CHECKING:
    from kinema.body import BodyModel

WINDOW = 8
"""Frames of the checkpoint that the video-to-PKL pipeline smooths with by default."""


@dataclass(frozen=True)
class Video2PklOptions:
    """The video-to-PKL pipeline's smoothing: a SmoothNet of 8 frames on the body's joints in the camera's frame, step
    1, overlaps averaged, translation and pose brought into agreement with the joints, then the stabiliser.

    checkpoint, window, lag, missing: as in `NetworkOptions`. stabilize: whether the stabiliser runs. Unlike the
    pipeline, all 24 joints are SMPL's (it takes OpenPose's for them), all rotations follow, global_orient and
    pose[:3] stay one, and everybody is refined.
    """

    method: str = "video2pkl"
    checkpoint: str | Path | None = None
    window: int | None = None
    representation: str | None = None
    lag: int | None = None
    missing: str = "error"
    stabilize: bool = True

    def __post_init__(self) -> None:
        if self.representation not in (None, "3d"):
            raise UsageError(
                f"video2pkl refines the joints; leave --representation {self.representation} out, "
                "or set --method smoothnet"
            )

    def network(self) -> NetworkOptions:
        """The same for the network stage. A checkpoint brings its own window."""
        window = self.window if self.checkpoint is not None else self.window or WINDOW
        return NetworkOptions(
            "smoothnet", self.checkpoint, window=window, representation="3d", lag=self.lag, missing=self.missing
        )


def refine_as_video2pkl(
    motion: Motion, body: BodyModel | None, options: Video2PklOptions | None = None, *, progress: Progress = silent
) -> Motion:
    """Refine as the video-to-PKL pipeline does, without its faults. Raises what `refine_with_network` raises."""
    if body is None:
        raise UsageError("video2pkl brings the pose into agreement with the joints and needs a body model")
    options = options or Video2PklOptions()
    refined = refine_with_network(motion, body, options.network(), progress=progress)
    last = refined.provenance[-1]
    record = dataclasses.replace(last, arguments={**last.arguments, "preset": options.method})
    refined = refined.replace(provenance=(*refined.provenance[:-1], record))
    if not options.stabilize:
        return refined
    return stabilize_motion(refined, body=body)
