"""Joint sets by name, and the mappings between them.

A `JointSet` is an ordered list of joint names, with parents if the set is a tree. A name means the same anatomical
landmark in every set in which it occurs, so a mapping between two sets is a look-up of names. (Datasets place some
landmarks centimetres apart; where that matters, `kinema.body.points` gives each set's definition.) Left and right are
the person's own; every lateral name starts with ``left_`` or ``right_``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinema.errors import UsageError


@dataclass(frozen=True)
class JointSet:
    """An ordered set of joints.

    name: in files and messages. joints: names in order. parents: index of each joint's parent, -1 for the root; None if
    the set is not a tree. links: pairs of joint names that a drawing connects (default: each joint and its parent).
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...] | None = None
    links: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {joint: i for i, joint in enumerate(self.joints)}

    def index(self, joint: str) -> int:
        """Index of `joint` in the set. Raises UsageError for a name that is not in the set."""
        try:
            return self._index[joint]
        except KeyError:
            raise UsageError(f"joint set {self.name} has no joint {joint!r}; it has {', '.join(self.joints)}") from None

    def indices(self, joints: Sequence[str]) -> np.ndarray:
        """Indices of several joints, (len(joints),) int."""
        return np.array([self.index(joint) for joint in joints], dtype=int)

    def __contains__(self, joint: object) -> bool:
        return joint in self._index

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) int: the index of each joint's counterpart when left and right are swapped."""
        return self.indices([mirrored(joint) for joint in self.joints])

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joint indices that a drawing of the skeleton connects."""
        if self.links:
            return tuple((self.index(a), self.index(b)) for a, b in self.links)
        if self.parents is None:
            return ()
        return tuple((p, i) for i, p in enumerate(self.parents) if p >= 0)


def ancestry(parents: Sequence[int] | np.ndarray) -> np.ndarray:
    """(J,J) bool: [j, a] is True where a is j or one of its ancestors. parents (J,): before their children, -1 at the
    root."""
    table = np.eye(len(parents), dtype=bool)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            table[joint] |= table[parent]
    return table


def mirrored(joint: str) -> str:
    """The name of the joint on the other side (itself for a joint on the midline)."""
    if joint.startswith("left_"):
        return "right_" + joint[5:]
    if joint.startswith("right_"):
        return "left_" + joint[6:]
    return joint


NUM_POSE = 72
"""Numbers of an SMPL pose: axis-angle of 24 joints."""

NUM_BETAS = 10
"""Shape components that Kinema uses."""

SMPL24 = JointSet(
    "smpl24",
    (
        "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
        "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
    ),
    (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)  # fmt: skip

COCO17 = JointSet(
    "coco17",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    links=(
        ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"), ("left_hip", "right_hip"), ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
    ),
)  # fmt: skip

HALPE26 = JointSet(
    "halpe26",
    (
        *COCO17.joints, "head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe",
        "right_small_toe", "left_heel", "right_heel",
    ),
    links=(
        ("head_top", "neck"), ("neck", "mid_hip"), ("neck", "left_shoulder"), ("neck", "right_shoulder"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"), ("mid_hip", "left_hip"), ("mid_hip", "right_hip"), ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("left_ankle", "left_heel"), ("left_ankle", "left_big_toe"), ("left_ankle", "left_small_toe"),
        ("right_ankle", "right_heel"), ("right_ankle", "right_big_toe"), ("right_ankle", "right_small_toe"),
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
    ),
)  # fmt: skip
"""The 26 body points of Halpe-FullBody (github.com/Fang-Haoshu/Halpe-FullBody); its "Head" is the top of the head and
its "Hip" the midpoint of the hips."""

H36M17 = JointSet(
    "h36m17",
    (
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "thorax",
        "neck_nose", "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
        "right_wrist",
    ),
    (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)  # fmt: skip

BLAZEPOSE33 = JointSet(
    "blazepose33",
    (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "left_mouth", "right_mouth", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
        "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "left_heel", "right_heel", "left_big_toe", "right_big_toe",
    ),
    links=(
        ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("left_wrist", "left_pinky"), ("left_wrist", "left_index"), ("left_wrist", "left_thumb"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("right_wrist", "right_pinky"),
        ("right_wrist", "right_index"), ("right_wrist", "right_thumb"), ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"), ("left_hip", "right_hip"), ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"), ("left_ankle", "left_heel"), ("left_heel", "left_big_toe"),
        ("left_ankle", "left_big_toe"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("right_ankle", "right_heel"), ("right_heel", "right_big_toe"), ("right_ankle", "right_big_toe"),
        ("left_ear", "left_eye_outer"), ("left_eye_outer", "left_eye"), ("left_eye", "left_eye_inner"),
        ("left_eye_inner", "nose"), ("nose", "right_eye_inner"), ("right_eye_inner", "right_eye"),
        ("right_eye", "right_eye_outer"), ("right_eye_outer", "right_ear"), ("left_mouth", "right_mouth"),
    ),
)  # fmt: skip

OPENPOSE25 = JointSet(
    "openpose25",
    (
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
        "right_small_toe", "right_heel",
    ),
    (-1, 0, 1, 2, 3, 1, 5, 6, 1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11),
)  # fmt: skip

COCO25 = JointSet(
    "coco25",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "neck", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "mid_hip", "left_knee",
        "right_knee", "left_ankle", "right_ankle", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
        "right_small_toe", "right_heel",
    ),
    links=tuple(link for link in HALPE26.links if "head_top" not in link),
)  # fmt: skip
"""The 25 points of easy_ViTPose's networks (github.com/JunkyByte/easy_ViTPose): COCO's, neck, mid-hip and feet."""


FINGERS = ("thumb", "index", "middle", "ring", "pinky")

_FACE_PAIRS = (
    *((point, 16 - point) for point in range(8)), *((point, 43 - point) for point in range(17, 22)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46), (48, 54), (49, 53), (50, 52), (59, 55), (58, 56),
    (60, 64), (61, 63), (67, 65),
)  # fmt: skip
"""The right and the left one of each pair of the 68 points of a face, in iBUG's order (Sagonas et al. 2016)."""


def _face() -> tuple[str, ...]:
    names = [f"face{point}" for point in range(68)]
    for right, left in _FACE_PAIRS:
        names[right], names[left] = f"right_face{right}", f"left_face{right}"
    return tuple(names)


def _hand(side: str) -> tuple[str, ...]:
    fingers = [f"{side}_{finger}{joint}" for finger in FINGERS for joint in "1234"]
    return (f"{side}_hand_root", *fingers)


WHOLEBODY133 = JointSet(
    "wholebody133",
    (
        *COCO17.joints, "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
        *_face(), *_hand("left"), *_hand("right"),
    ),
    links=(
        *COCO17.links, ("left_ankle", "left_heel"), ("left_ankle", "left_big_toe"), ("left_ankle", "left_small_toe"),
        ("right_ankle", "right_heel"), ("right_ankle", "right_big_toe"), ("right_ankle", "right_small_toe"),
        *((f"{side}_hand_root", f"{side}_{finger}1") for side in ("left", "right") for finger in FINGERS),
        *(
            (f"{side}_{finger}{joint}", f"{side}_{finger}{joint + 1}")
            for side in ("left", "right") for finger in FINGERS for joint in (1, 2, 3)
        ),
    ),
)  # fmt: skip
"""COCO-WholeBody (Jin et al., ECCV 2020): COCO's 17, six points of the feet, 68 of the face, 21 of each hand."""

# The 24 dataset joints that follow OpenPose's 25 in SPIN's 49. "hip" and "neck" are LSP's surface annotations, not
# SMPL's joint centres, hence the separate names.
_SPIN_DATASETS24 = (
    "right_ankle_lsp", "right_knee_lsp", "right_hip_lsp", "left_hip_lsp", "left_knee_lsp", "left_ankle_lsp",
    "right_wrist_lsp", "right_elbow_lsp", "right_shoulder_lsp", "left_shoulder_lsp", "left_elbow_lsp",
    "left_wrist_lsp", "neck_lsp", "head_top_lsp", "pelvis_mpii", "thorax_mpii", "spine_h36m", "jaw_h36m", "head_h36m",
    "nose_coco", "left_eye_coco", "right_eye_coco", "left_ear_coco", "right_ear_coco",
)  # fmt: skip

SPIN49 = JointSet("spin49", OPENPOSE25.joints + _SPIN_DATASETS24)

LIMBS12 = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The twelve limb joints that nearly every set has: the common basis for comparisons."""

CONTACT_POINTS = ("left_heel", "left_toe", "right_heel", "right_toe")
"""Order of a person's foot contact columns."""

BLAZEPOSE_OWN = "_blazepose"
"""Ending of the points of FUSED59 that are BlazePose's alone."""

FUSED59 = JointSet(
    "fused59",
    (*HALPE26.joints, *(f"{name}{BLAZEPOSE_OWN}" for name in BLAZEPOSE33.joints)),
    links=HALPE26.links,
)
"""What two networks see together: Halpe's points, then BlazePose's 33 as it sees them itself, for the pose lifter."""

JOINT_SETS = {
    s.name: s for s in (SMPL24, COCO17, HALPE26, H36M17, BLAZEPOSE33, OPENPOSE25, COCO25, WHOLEBODY133, SPIN49, FUSED59)
}
"""Every joint set by name, as in `Person.keypoint_set`."""

OTHER_NAMES = {"body25": OPENPOSE25.name}
"""Alternative name -> name of a joint set."""


def joint_set(name: str) -> JointSet:
    """The joint set called `name`, aliases included. Raises a UsageError that lists the known names."""
    try:
        return JOINT_SETS[OTHER_NAMES.get(name, name)]
    except KeyError:
        raise UsageError(f"unknown joint set {name!r}; known: {', '.join((*JOINT_SETS, *OTHER_NAMES))}") from None


DEFINITIONS = {
    "smpl": "smpl24",
    "opensim": "smpl24",
    "h36m": "h36m17",
    "coco": "coco17",
    "halpe": "halpe26",
}
"""Definitions of joints (`kinema.body.definitions`), and the joint set whose names each has."""
