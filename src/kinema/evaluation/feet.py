"""Foot contact quality, where the motion reports ground contact: needs no truth, only a body."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kinema.metrics import foot_sliding, nan_mean
from kinema.motion import Motion
from kinema.person import Person

if TYPE_CHECKING:
    from kinema.body import BodyModel

FOOT_MEASURES = {
    "foot_height_mm": "height of the soles in contact, mm",
    "foot_height_worst_mm": "largest height in contact, mm",
    "foot_sliding_mm_s": "sliding in contact, mm/s",
    "contact_share": "share of frames in contact",
}
"""Every measure of the feet: key and short name."""


def foot_scores(motion: Motion, person: Person, body: BodyModel) -> dict[str, float]:
    """Measures of the feet in the world, by the keys of `FOOT_MEASURES`; NaN if no foot is ever in contact.

    Heights are absolute distances of the contact points (heels and toes of the soles) from the ground at y = 0 in
    the frames in which `contacts` marks them; sliding is their horizontal speed between two consecutive such
    frames. Raises UsageError if the person has no world fields yet.
    """
    pose, betas, transl, contacts = person.require("pose_world", "betas", "transl_world", "contacts")
    points = np.asarray(body.posed_points("contacts", pose, betas, transl))
    touching = contacts.astype(bool)
    height = np.abs(points[..., 1])[touching]
    sliding = foot_sliding(points, touching, motion.times[person.frames], frames=person.frames)
    return {
        "foot_height_mm": 1000 * float(nan_mean(height)) if height.size else math.nan,
        "foot_height_worst_mm": 1000 * float(height.max()) if height.size else math.nan,
        "foot_sliding_mm_s": 1000 * float(nan_mean(sliding)),
        "contact_share": float(touching.any(axis=1).mean()) if len(person) else math.nan,
    }
