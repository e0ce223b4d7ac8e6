"""OpenSVAI's results, as LightTrack writes them: [{image, candidates: [{det_bbox, pose_keypoints_2d, track_id}]}]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.keypoint_tracks import by_frame, write_json_file
from kinema.models.lighttrack.joints import confidence15, posetrack15
from kinema.motion import Motion
from kinema.skeleton import JointSet

if TYPE_CHECKING:
    from kinema.body import BodyModel


def write(motion: Motion, path: Path, *, body: BodyModel | None = None) -> Path:
    """Write everybody's 15 joints of PoseTrack. Raises UsageError, OutputError."""
    content = [
        {
            "image": {"folder": path.stem, "name": name, "id": frame},
            "candidates": [
                {"det_bbox": each.box, "det_score": each.score, "pose_keypoints_2d": each.points, "track_id": each.id}
                for each in people
            ],
        }
        for frame, (name, people) in enumerate(by_frame(motion, _fifteen))
    ]
    return write_json_file(content, path)


def _fifteen(points: np.ndarray, confidence: np.ndarray, joints: JointSet) -> tuple[np.ndarray, np.ndarray]:
    return posetrack15(points, joints), confidence15(confidence, joints)
