"""Names of SMPL's 24 joints in other programs, for writers: `names="mixamo"` and so on.

Only the names differ; skeleton, rest pose and rotations stay SMPL's. A program that knows a table's names maps the
skeleton by itself. Another system is one more entry of `NAMINGS`; its files are then read back exactly, too.
"""

from __future__ import annotations

import re

from kinema.errors import UsageError
from kinema.skeleton import SMPL24

_MIDLINE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")


def _table(midline: str, limbs: str, left: str, right: str) -> tuple[str, ...]:
    """Names in the order of SMPL's joints, from those of `_MIDLINE` and `_LIMBS`.

    left, right: pattern for a limb's name N on that side, such as "LeftN".
    """
    names = dict(zip(_MIDLINE, midline.split(), strict=True))
    for limb, name in zip(_LIMBS, limbs.split(), strict=True):
        names |= {f"left_{limb}": left.replace("N", name), f"right_{limb}": right.replace("N", name)}
    return tuple(names[joint] for joint in SMPL24.joints)


_HUMANOID = (
    "Hips Spine Chest UpperChest Neck Head",
    "UpperLeg LowerLeg Foot Toes Shoulder UpperArm LowerArm Hand MiddleProximal",
)

NAMINGS: dict[str, tuple[str, ...]] = {
    "smpl": SMPL24.joints,
    "mixamo": _table(
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        "UpLeg Leg Foot ToeBase Shoulder Arm ForeArm Hand HandMiddle1",
        "mixamorig:LeftN",
        "mixamorig:RightN",
    ),
    "unreal": _table(
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh calf foot ball clavicle upperarm lowerarm hand middle_01",
        "N_l",
        "N_r",
    ),
    "unity": _table(*_HUMANOID, "LeftN", "RightN"),
    "vrm": tuple(name[0].lower() + name[1:] for name in _table(*_HUMANOID, "LeftN", "RightN")),
}
"""Names in the order of SMPL's joints, by system: SMPL's own, Mixamo's, the mannequin's of Unreal, the `HumanBodyBones`
of Unity, and the humanoid bones of VRM 0 and 1. The hand joint is the first joint of the middle finger."""


def joint_names(naming: str | None) -> tuple[str, ...]:
    """The names of SMPL's joints in `naming`, SMPL's own by default. Raises UsageError for an unknown one."""
    names = NAMINGS.get("smpl" if naming is None else naming)
    if names is None:
        raise UsageError(f"unknown joint names {naming!r}; use one of {', '.join(NAMINGS)}")
    return names


def identifier(name: str) -> str:
    """A name with `_` for every character but letters, digits and `_`: for formats whose names are identifiers."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)
