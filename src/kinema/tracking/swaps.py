"""Left-right swaps between frames, found and undone over a whole track at once.

A keypoint network that sees a person from behind or from the side sometimes labels the left leg as right for
a few frames, or only the shins: ankles and feet change sides below knees that stay. Bodies do not move like that: with
correct labels every point continues its trajectory. Four groups of points may be swapped independently: the trunk with
the face, the arms, the knees and the shins with the feet. Dynamic programming (Viterbi) over the sixteen combinations
finds the labels of all frames with the least total cost:
how far points jump off their trajectories (in the image, and in 3D if available), how much too long a shin is, a small
cost for every swapped frame (the network is right most of the time) and a fixed cost for every change.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from kinema.skeleton import JointSet, mirrored

_TRUNK = ("left_shoulder", "left_hip")
_ARMS = ("left_elbow", "left_wrist")
_KNEES = ("left_knee",)
_SHINS = ("left_ankle", "left_big_toe")
_GROUPS = (_TRUNK, _ARMS, _KNEES, _SHINS)
_WEIGHTS = np.array([1.0, 1.0, 0.35, 0.65])  # of a group's costs: a leg counts as much as an arm
_JOINED = np.array([0, 0, 0, 2])  # the group to which each is joined
_FACE_AND_TRUNK = ("eye", "ear", "mouth", "face", "shoulder", "hip")
_KNEE = ("knee",)
_HANDS_AND_ARMS = ("elbow", "wrist", "pinky", "index", "thumb", "middle", "ring", "hand")

NUM_GROUPS = len(_GROUPS)

STATES = np.array(list(itertools.product((0, 1), repeat=NUM_GROUPS)), dtype=bool)
"""The sixteen ways to label a frame (16, 4): trunk with face, arms, knees, shins with feet swapped or not."""

_BODY = 1.7  # metres: assumed height of a person in the image
_NOISE = (0.02, 0.05)  # metres: bounds of the usual distance from the trajectory, measured on each track
_MOST = 6.0  # the cost of a point off its trajectory is at most this
_CHANGE = 2.0  # cost of a change of labels between two frames
_SPLIT = 0.5  # extra cost, at a change, of each group whose labels differ from those of the group that it is joined to
_AT_ONCE = 64  # frames whose costs are spread over all triples of labels together: 2 MB
_HOLD = 0.1 * _WEIGHTS  # cost of a swapped group, per frame
_APART = 0.15  # cost per frame of shins that do not follow their knees
_LONGER, _LENGTH_NOISE, _LONGEST = 1.1, 0.15, 4.0  # of a shin's usual length: what costs nothing; its spread; most cost
_PAUSE = 0.2  # seconds: no trajectory is continued across a longer interval


def exchange(points: np.ndarray, swapped: np.ndarray, joints: JointSet) -> np.ndarray:
    """Points (F, K, ...) with left and right exchanged in the groups and frames marked in swapped (F, 4)."""
    result = np.array(points)
    for g, members in enumerate(_members(joints)):
        rows = np.flatnonzero(swapped[:, g])
        if len(rows) and len(members):
            result[np.ix_(rows, members)] = points[np.ix_(rows, joints.mirror[members])]
    return result


@lru_cache
def _members(joints: JointSet) -> list[np.ndarray]:
    """The lateral points of each group, indices into the set."""
    groups: list[list[int]] = [[] for _ in _GROUPS]
    for i, joint in enumerate(joints.joints):
        if mirrored(joint) == joint:
            continue
        part = joint.split("_", 1)[1]
        starts = (_FACE_AND_TRUNK, _HANDS_AND_ARMS, _KNEE)
        place = next((g for g, names in enumerate(starts) if part.startswith(names)), len(starts))
        groups[place].append(i)
    return [np.array(group, dtype=int) for group in groups]


def find_swaps(
    points: np.ndarray,
    points3d: np.ndarray | None,
    confidence: np.ndarray,
    times: np.ndarray,
    heights: np.ndarray,
    joints: JointSet,
    joints3d: JointSet | None = None,
) -> np.ndarray:
    """Which groups are swapped in which frames, (F, 4) bool: trunk with face, arms, knees, shins with feet.

    points (F, K, 2) pixels of the set `joints`, points3d (F, L, 3) metres of the set `joints3d`, None without 3D;
    confidence (F, K), times (F,) seconds, heights (F,) pixels of the standing person. A group without joints in the
    set is never swapped.
    """
    count = len(times)
    if count < 3:
        return np.zeros((count, NUM_GROUPS), dtype=bool)
    image = (points - _middle(points, joints)) * (_BODY / np.maximum(heights, 1.0))[:, None, None]
    costs = np.zeros((len(_GROUPS), count, 2, 2, 2))
    for cost, group, share in zip(costs, _GROUPS, _WEIGHTS, strict=True):
        names = tuple(name for name in group if name in joints and mirrored(name) in joints)
        if not names:
            continue
        pair = _pair(joints, names)
        spaces = [image[:, pair]]
        if points3d is not None and joints3d is not None and all(name in joints3d for name in names):
            spaces.append(points3d[:, _pair(joints3d, names)])
        cost[:] = share * _jump_costs(spaces, confidence[:, pair].min(axis=1), times)
    return np.asarray(STATES[_best_path(costs, _frame_costs(image, confidence, joints))])


def _middle(points: np.ndarray, joints: JointSet) -> np.ndarray:
    """(F, 1, 2): the trunk's middle, which no swap moves, while the camera's shake moves everything alike."""
    trunk = [joints.index(each) for name in _TRUNK for each in (name, mirrored(name)) if each in joints]
    return np.asarray(points[:, trunk].mean(axis=1, keepdims=True)) if trunk else np.zeros((len(points), 1, 2))


def _pair(joints: JointSet, names: tuple[str, ...]) -> np.ndarray:
    """(2, n) int: the points of these names, and their counterparts on the other side."""
    side = joints.indices(names)
    return np.stack([side, joints.mirror[side]])


def _jump_costs(spaces: list[np.ndarray], weight: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(F, 2, 2, 2): how unlikely a group's points in frame t are, for its labels (swapped or not) in
    t - 2, t - 1 and t: the negative logarithm of a heavy-tailed density of the distance from the extrapolated
    position, averaged over the points. Zero after a pause.

    spaces: both sides' points, (F, 2, n, 2) in the image and (F, 2, n, 3) in 3D, metres; weight (F, n).
    """
    sides = np.concatenate(spaces, axis=-1)
    columns = [slice(0, 2), slice(2, None)][: len(spaces)]
    count, size = len(times), sides.shape[2]
    cost = np.zeros((count, 2, 2, 2))
    step = np.diff(times)
    usable = (step[1:] < _PAUSE) & (step[:-1] < _PAUSE)
    ahead = (step[1:] / step[:-1])[:, None, None, None]
    share = np.minimum(np.minimum(weight[2:], weight[1:-1]), weight[:-2])
    total = np.maximum(share.sum(axis=1), 0.3 * size)
    distance = np.zeros((2, 2, 2, count - 2, 2, size))
    for a, b, c in itertools.product((0, 1), repeat=3):
        first, second, third = (
            sides[i : count - 2 + i, ::-1] if s else sides[i : count - 2 + i] for i, s in enumerate((a, b, c))
        )
        off = third - second - ahead * (second - first)  # (F - 2, 2, n, 2 or 5)
        distance[a, b, c] = sum(np.linalg.norm(off[..., each], axis=-1) for each in columns) / len(columns)
    noise = np.clip(1.5 * np.median(distance[0, 0, 0]), *_NOISE)
    unlikely = np.minimum(np.log1p((distance / noise) ** 2), _MOST).mean(axis=-2)  # (2, 2, 2, F - 2, n)
    cost[2:] = np.moveaxis(np.where(usable, (unlikely * share).sum(axis=-1) / total, 0.0), -1, 0)
    return cost


def _frame_costs(image: np.ndarray, confidence: np.ndarray, joints: JointSet) -> np.ndarray:
    """(F, 16): the cost of each frame's labels by themselves.

    That of its swapped groups; and if shins and knees are not both swapped, the shins lead from each knee to the other
    leg's ankle, which costs the more the longer they are than this person's shins. image (F, K, 2) metres.
    """
    cost = np.tile(STATES @ _HOLD, (len(image), 1))
    names = ("left_knee", "left_ankle")
    if not all(name in joints and mirrored(name) in joints for name in names):
        return cost
    pair = _pair(joints, names)  # (2, 2): side, knee or ankle
    knees, ankles = image[:, pair[:, 0]], image[:, pair[:, 1]]
    own, crossed = (np.linalg.norm(knees - feet, axis=-1) for feet in (ankles, ankles[:, ::-1]))
    usual = max(float(np.percentile(np.minimum(own, crossed), 90)), 1e-6)
    sure = confidence[:, pair].min(axis=(1, 2))
    costs = [
        sure * np.minimum(np.log1p((np.maximum(lengths / usual - _LONGER, 0.0) / _LENGTH_NOISE) ** 2), _LONGEST).mean(1)
        for lengths in (own, crossed)
    ]
    apart = STATES[:, 2] != STATES[:, 3]
    return np.asarray(cost + np.where(apart, costs[1][:, None] + _APART, costs[0][:, None]))


def _best_path(costs: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """The labels of each frame, (F,) indices into `STATES`. costs (4, F, 2, 2, 2); alone (F, 16)."""
    count, size = costs.shape[1], len(STATES)
    states = STATES.astype(int)
    split = (states != states[:, _JOINED]).sum(axis=1)
    change = np.where(np.eye(size, dtype=bool), 0.0, _CHANGE + _SPLIT * split[None, :])
    total = alone[0][:, None] + alone[1][None, :] + change  # (state at t - 1, state at t)
    back = np.zeros((count, size, size), dtype=np.int8)
    triples = [(slice(None), *np.ix_(bits, bits, bits)) for bits in states.T]
    for first in range(2, count, _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        jumps = sum(cost[rows][triple] for cost, triple in zip(costs, triples, strict=True))
        for t, jump in enumerate(jumps, first):
            whole = total[:, :, None] + jump
            back[t] = whole.argmin(axis=0)
            total = whole.min(axis=0) + change + alone[t][None, :]
    before, last = np.unravel_index(np.argmin(total), total.shape)
    path = [int(last), int(before)]
    for t in range(count - 1, 1, -1):
        path.append(int(back[t, path[-1], path[-2]]))
    return np.array(path[::-1])
