"""AlphaPose's results by image with everybody's number, as PoseFlow writes them: {image: [{keypoints, scores,
idx}]}.

PoseFlow's program reads the same without `idx` from a file whose name contains `forvis`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.keypoint_tracks import by_frame, write_json_file
from kinema.motion import Motion
from kinema.skeleton import COCO17, JointSet

if TYPE_CHECKING:
    from kinema.body import BodyModel


def write(motion: Motion, path: Path, *, body: BodyModel | None = None) -> Path:
    """Write everybody's 17 joints of COCO. Raises UsageError, OutputError."""
    content = {
        name: [{"keypoints": each.points, "scores": each.score, "idx": each.id} for each in people]
        for name, people in by_frame(motion, _coco17)
    }
    return write_json_file(content, path)


def _coco17(points: np.ndarray, confidence: np.ndarray, joints: JointSet) -> tuple[np.ndarray, np.ndarray]:
    places = joints.indices(COCO17.joints)
    return points[:, places], confidence[:, places]
