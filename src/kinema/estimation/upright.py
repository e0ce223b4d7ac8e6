"""The vertical before the fit: from lines of the background, near where the pose lifter takes it to be.

To one person's keypoints a camera that looks down and a person who leans are much alike. Where lines of the background
tell the vertical, the lifter lifts everybody again, knowing it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.geometry.camera import Camera
from kinema.models.pose_lifter.lifter import LiftedPose
from kinema.models.pose_lifter.vertical import Vertical
from kinema.motion import Motion
from kinema.world.balance import tangent, unit
from kinema.world.ground_solver import LIFTED_SIGMA
from kinema.world.moving import journey_along, path_over
from kinema.world.seen_lines import vertical_of
from kinema.world.tracks import with_whole_roll


def verticals_of(
    motion: Motion, camera: Camera, people: Sequence[tuple[np.ndarray, LiftedPose]]
) -> list[Vertical | None]:
    """For each of some people, frames (F,) of the clip and what the lifter made of them, the vertical that all of them
    and the lines of the background in their shot show together; None where there are none, or the camera moves.
    """
    found: list[Vertical | None] = [None] * len(people)
    if motion.data.get("camera_motion", {}).get("moving") is True:
        return found
    for shot in motion.shots:
        inside = [row for row, (frames, _) in enumerate(people) if shot.start <= frames[0] < shot.stop]
        if not inside:
            continue
        part = motion.slice(
            motion.times[shot.start], motion.times[shot.stop] if shot.stop < motion.num_frames else None
        )
        if journey_along(path_over(part)) is not None:
            continue
        guess = unit(np.mean([with_whole_roll(people[row][1].up[None])[0] for row in inside], axis=0))
        plumb = vertical_of(part, camera, guess)
        if plumb is None:
            continue
        basis = tangent(guess)
        seen = plumb.precision_along(basis)
        covariance = np.linalg.inv(seen + np.diag(LIFTED_SIGMA**-2))
        up = unit(guess + covariance @ seen @ (basis @ plumb.up / (guess @ plumb.up)) @ basis)
        vertical = Vertical(up, float(np.degrees(np.sqrt(np.trace(covariance) / 2))))
        for row in inside:
            found[row] = vertical
    return found
