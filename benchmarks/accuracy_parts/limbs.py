"""What a result keeps of fast limbs, against the 2D keypoints that it was fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.body import BodyModel
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set

CLIPS = (
    "taiji_single_static",
    "basketball_two_people_static",
    "tennis_single_moving_camera",
    "breakdance_crowd_moving_camera",
    "street_crowd_moving_camera",
    "one_leg_stand_single_static",
)
WRISTS = ("left_wrist", "right_wrist")
LIMBS = [f"{side}_{part}" for side in ("left", "right") for part in ("elbow", "wrist", "knee", "ankle")]
SURE, FEW, MOST = 0.6, 30, 200.0

OFF = 0.1
"""Of a person's height: a limb farther than this from where it is seen is off."""

QUICK = 0.5
"""Heights of a person per second from which a wrist moves fast: less than arms that swing in a walk."""


def centred(limbs: np.ndarray) -> np.ndarray:
    """Joints (F,12,3) of LIMBS12, relative to the mid-hip."""
    return limbs - 0.5 * (limbs[:, 6:7] + limbs[:, 7:8])


def shown(motion: Motion, person: Person, body: BodyModel, names: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Pixels of the body's points (F,K,2), of the keypoints (F,K,2), and these' confidence (F,K)."""
    pose, betas, transl = person.require("pose", "betas", "transl")
    keypoints, confidence = person.require("keypoints", "keypoint_confidence")
    rows = [list(body.points(person.keypoint_set).names).index(name) for name in names]
    columns = joint_set(person.keypoint_set).indices(names)
    points = body.posed_points(person.keypoint_set, pose, betas, transl)[:, rows]
    pixels = project(points, motion.camera.intrinsics, motion.camera.distortion)
    return pixels, keypoints[:, columns], confidence[:, columns]


def is_quick(speed: np.ndarray, person: Person) -> bool:
    """Whether a wrist moves fast at all. speed (n,): pixels per second, of its fastest frames; of somebody who stands
    these are mostly the trembling of the keypoints."""
    (boxes,) = person.require("boxes")
    return bool(speed.mean() > QUICK * np.median(boxes[:, 3] - boxes[:, 1]))


def speed_kept(motion: Motion, body: BodyModel) -> float:
    """Mean over people and quick wrists, percent; NaN if none is seen for long enough."""
    kept = []
    for person in motion:
        pixels, seen, sure = shown(motion, person, body, WRISTS)
        follows = np.diff(person.frames) == 1
        interval = np.diff(motion.times[person.frames])
        for wrist in range(len(WRISTS)):
            use = follows & (np.minimum(sure[1:, wrist], sure[:-1, wrist]) > SURE)
            if use.sum() < FEW:
                continue
            own, theirs = (
                np.linalg.norm(np.diff(path[:, wrist], axis=0), axis=1)[use] / interval[use] for path in (pixels, seen)
            )
            fast = theirs >= np.percentile(theirs, 90)
            if is_quick(theirs[fast], person):
                kept.append(own[fast].mean() / theirs[fast].mean())
    return 100 * float(np.mean(kept)) if kept else np.nan


def limbs_off(motion: Motion, body: BodyModel) -> float:
    """Per mille of surely seen limb joints."""
    seen = wrong = 0
    for person in motion:
        pixels, keypoints, confidence = shown(motion, person, body, LIMBS)
        height = (person.boxes[:, 3] - person.boxes[:, 1])[:, None]
        sure = confidence > 0.8
        seen += int(sure.sum())
        wrong += int((sure & (np.linalg.norm(pixels - keypoints, axis=-1) > OFF * height)).sum())
    return 1000 * wrong / max(seen, 1)


def acceleration(motion: Motion) -> float:
    """Mean over people, frames and joints, m/s2."""
    found = []
    for person in motion:
        if len(person) >= FEW:
            second = np.linalg.norm(np.diff(person.require("joints")[0], 2, axis=0), axis=-1) * motion.fps**2
            found.append(np.minimum(second, MOST).mean())
    return float(np.mean(found))
