"""How much of everybody is hidden: by others, by the image's edge, or by anything else.

A single camera reads a person's distance from the size of what it sees of them: from how far apart the joints are. Of
somebody half hidden that is less, and a keypoint network puts a whole person into the half that shows.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import median_filter, minimum_filter1d, uniform_filter1d

from kinema.geometry.camera import Camera, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import LIMBS12, SMPL24, joint_set
from kinema.stage import given

UNSEEN, SEEN = 0.3, 0.7
"""Confidence up to which a keypoint tells nothing, and from which it tells all that it can."""

THICK = 0.15
"""Metres about the bones of a body that hide what is behind: flesh and clothes."""

ORDER_SECONDS = 2.0
"""Seconds over which it is judged who is in front: distances of people who hide each other are unsure themselves."""

SPREADING = 0.3
"""Seconds before and after what is hidden in which the distance is as unsure: fit and filter spread its errors."""

STEADY_SECONDS = 0.2
"""Seconds over which what is seen of somebody is averaged."""

NEAREST = 0.1
"""Metres before the camera from which a body is in the image."""

_CHUNK = 512  # frames at once, so that memory stays bounded
_JOINTS = SMPL24.indices(LIMBS12)
_BONES = np.array([(parent, joint) for joint, parent in enumerate(given(SMPL24.parents)) if parent >= 0])


def hidden_shares(motion: Motion, camera: Camera) -> dict[int, np.ndarray]:
    """By the ids of those who have a body: how much of what their size tells of their distance is hidden, (F,) in
    [0, 1).

    The information about a body's distance is the sum of squares of how far its limbs' joints are from their middle,
    across the view, as far as each is seen: by its keypoint, and not behind the body of somebody nearer.
    """
    people = [person for person in motion if person.joints is not None and len(person)]
    seen = {person.id: _confident(person) for person in people}
    for one, other in itertools.combinations(people, 2):
        _hide(one, other, motion.times, camera, seen)
    return {person.id: _share(person, seen[person.id], motion.times) for person in people}


def _confident(person: Person) -> np.ndarray:
    """(F,12) how clearly keypoints show each limb's joint; 1 where a set does not have it, or gives no confidence."""
    seen = np.ones((len(person), len(LIMBS12)))
    if person.keypoint_set is None or person.keypoint_confidence is None:
        return seen
    joints = joint_set(person.keypoint_set)
    there = [name in joints for name in LIMBS12]
    columns = joints.indices([name for name in LIMBS12 if name in joints])
    seen[:, there] = np.clip((person.keypoint_confidence[:, columns] - UNSEEN) / (SEEN - UNSEEN), 0.0, 1.0)
    return seen


def _hide(one: Person, other: Person, times: np.ndarray, camera: Camera, seen: dict[int, np.ndarray]) -> None:
    """Take what is behind the nearer one of two people from what is seen of the other, in place."""
    _, first, second = np.intersect1d(one.frames, other.frames, assume_unique=True, return_indices=True)
    if not len(first):
        return
    depths = _usual_depth(one, times)[first], _usual_depth(other, times)[second]
    for front, back, rows, behind, nearer in (
        (one, other, first, second, depths[0] < depths[1]),
        (other, one, second, first, depths[1] < depths[0]),
    ):
        together = np.stack([rows, behind], axis=1)[nearer]
        for start in range(0, len(together), _CHUNK):
            own, others = together[start : start + _CHUNK].T
            seen[back.id][others] *= ~_behind(front, back, own, others, camera)


def _usual_depth(person: Person, times: np.ndarray) -> np.ndarray:
    """(F,) depth of the pelvis, the median over `ORDER_SECONDS`."""
    own = times[person.frames]
    interval = float(np.median(np.diff(own))) if len(own) > 1 else ORDER_SECONDS
    size = _frames(ORDER_SECONDS, interval, len(own))
    return np.asarray(median_filter(given(person.joints)[:, 0, 2], size, mode="nearest"))


def _behind(front: Person, back: Person, rows: np.ndarray, behind: np.ndarray, camera: Camera) -> np.ndarray:
    """(N,12) bool: which limbs' joints of one person lie behind the body of another, in rows (N,) of each."""
    body, joints = given(front.joints)[rows], given(back.joints)[behind][:, _JOINTS]
    hidden = np.zeros(joints.shape[:2], dtype=bool)
    there = (body[..., 2].min(axis=1) > NEAREST) & (joints[..., 2].min(axis=1) > NEAREST)
    reach = camera.intrinsics[0, 0] * THICK / np.maximum(body[:, 0, 2], NEAREST)
    body, joints = (
        project(np.where(there[:, None, None], each, [0.0, 0.0, 1.0]), camera.intrinsics, camera.distortion)
        for each in (body, joints)
    )
    margin = reach[:, None]
    there &= np.all(
        (body.min(axis=1) - margin < joints.max(axis=1)) & (joints.min(axis=1) < body.max(axis=1) + margin), 1
    )
    if not there.any():
        return hidden
    start, end, point = body[there][:, _BONES[:, 0]], body[there][:, _BONES[:, 1]], joints[there][:, :, None]
    along = (end - start)[:, None]
    share = np.sum((point - start[:, None]) * along, axis=-1) / np.maximum(np.sum(along**2, axis=-1), 1e-9)
    nearest = start[:, None] + np.clip(share, 0.0, 1.0)[..., None] * along
    distance = np.linalg.norm(point - nearest, axis=-1).min(axis=-1)
    hidden[there] = distance < reach[there, None]
    return hidden


def _share(person: Person, seen: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(F,) the share of the information that is hidden, seen (F,12) of the joints."""
    if person.observed is not None:
        seen = seen * person.observed[:, None]
    whole = given(person.joints)
    root = whole[:, 0]
    ray = root / np.maximum(np.linalg.norm(root, axis=-1, keepdims=True), 1e-9)
    joints = whole[:, _JOINTS] - root[:, None]
    flat = joints - np.sum(joints * ray[:, None], axis=-1, keepdims=True) * ray[:, None]
    shown = _moment(flat, seen) / np.maximum(_moment(flat, np.ones(seen.shape)), 1e-9)
    own = times[person.frames]
    interval = float(np.median(np.diff(own))) if len(own) > 1 else STEADY_SECONDS
    least = minimum_filter1d(shown, _frames(SPREADING * 2, interval, len(own)), mode="nearest")
    return np.asarray(1.0 - uniform_filter1d(least, _frames(STEADY_SECONDS, interval, len(own)), mode="nearest"))


def _frames(seconds: float, interval: float, most: int) -> int:
    """The odd number of frames, at most 2 * most + 1, that take some seconds."""
    return min(2 * round(seconds / 2 / max(interval, 1e-6)), 2 * most) + 1


def _moment(points: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F,) weighted sum of squares of points (F,K,3) about their weighted middle; weight (F,K)."""
    total = np.maximum(weight.sum(axis=1), 1e-9)
    middle = np.einsum("fk,fkc->fc", weight, points) / total[:, None]
    return np.asarray(np.einsum("fk,fkc->f", weight, (points - middle[:, None]) ** 2))
