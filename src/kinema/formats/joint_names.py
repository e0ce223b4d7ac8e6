"""Matching the joints of a foreign skeleton to SMPL's, by the names that capture systems and programs use.

It recognises SMPL's own names, Mixamo's (`mixamorig:LeftUpLeg`), CMU's in its common conversions (`LHipJoint`,
`LeftUpLeg`; `lThigh`, `lShin`), 3ds Max's and Maya's (`LeftCollar`, `LeftShoulder`; `L_Calf`), Blender's (`thigh.L`)
and Unreal's (`thigh_l`, `lowerarm_r`). Spine joints are found by the hierarchy, as their numbering varies.
"""

from __future__ import annotations

import re

import numpy as np

from kinema.skeleton import SMPL24

_PARTS = {
    "hip": ("upleg", "thigh", "hip", "upperleg", "leg1"),
    "knee": ("leg", "knee", "shin", "calf", "lowleg", "lowerleg"),
    "ankle": ("foot", "ankle"),
    "foot": ("toebase", "toe", "toes", "ball"),
    "collar": ("collar", "clavicle", "collarbone"),
    "shoulder": ("arm", "uparm", "upperarm", "shldr"),
    "elbow": ("forearm", "elbow", "lowarm", "lowerarm"),
    "wrist": ("hand", "wrist"),
}
_BY_PART = {name: joint for joint, names in _PARTS.items() for name in names}

REQUIRED = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow")
)
"""Joints that a human skeleton must have."""


def is_smpl(names: tuple[str, ...]) -> bool:
    """Whether the names are exactly SMPL's 24, ignoring case and separators."""
    return {_plain(name) for name in names} == {_plain(name) for name in SMPL24.joints}


def smpl_joints(names: tuple[str, ...], parents: np.ndarray) -> dict[str, int]:
    """Index of the foreign joint for each SMPL joint that the skeleton has."""
    if is_smpl(names):
        plain = [_plain(name) for name in names]
        return {joint: plain.index(_plain(joint)) for joint in SMPL24.joints}
    found: dict[str, int] = {}
    undecided: dict[str, int] = {}
    for index, name in enumerate(names):
        side, part = split_side(name)
        if side and part in _BY_PART:
            found.setdefault(f"{side}_{_BY_PART[part]}", index)
        elif side and part == "shoulder":
            undecided[side] = index
        elif not side and part in ("neck", "head"):
            found.setdefault(part, index)
    for side, index in undecided.items():
        # If the upper arm has its own name, "shoulder" is the collarbone; otherwise it is the upper arm.
        found.setdefault(f"{side}_collar" if f"{side}_shoulder" in found else f"{side}_shoulder", index)
    found["pelvis"] = _pelvis(found, parents)
    found.update(_spine(found, parents))
    return found


def split_side(name: str) -> tuple[str, str]:
    """("left", "upleg") of "mixamorig:LeftUpLeg"; the side is empty for joints on the midline."""
    name = re.sub(r"^(mixamorig\d*|character\d*|bip\d*)[:_\s]*", "", name.rsplit(":", 1)[-1], flags=re.IGNORECASE)
    for side, letter in (("left", "l"), ("right", "r")):
        forms = (
            rf"^{side}[\s_.-]*(.+)$",
            rf"^(.+?)[\s_.-]*{side}$",
            rf"^{letter}[\s_.-]+(.+)$",
            rf"^(.+?)[\s_.-]+{letter}$",
        )
        for form in forms:
            match = re.match(form, name, flags=re.IGNORECASE)
            if match:
                return side, _plain(match.group(1))
        match = re.match(rf"^[{letter}{letter.upper()}]([A-Z].*)$", name)
        if match:
            return side, _plain(match.group(1))
    return "", _plain(name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _shared(joints: list[int], parents: np.ndarray) -> list[int]:
    """The joints above every one of these, from the root down."""

    def ancestors(joint: int) -> list[int]:
        chain = []
        while parents[joint] >= 0:
            joint = int(parents[joint])
            chain.append(joint)
        return chain

    above = [ancestors(joint) for joint in joints]
    return [joint for joint in reversed(above[0]) if all(joint in chain for chain in above)] if above else []


def _pelvis(found: dict[str, int], parents: np.ndarray) -> int:
    """The lowest joint above both thighs and the upper body: nodes that carry the whole body may lie above it."""
    below = ("left_hip", "right_hip", "left_shoulder", "right_shoulder", "neck", "head")
    shared = _shared([found[joint] for joint in below if joint in found], parents)
    return shared[-1] if shared else 0


def _spine(found: dict[str, int], parents: np.ndarray) -> dict[str, int]:
    """Spine joints: those between the pelvis and the joint where the arms branch off."""
    arms = [found[joint] for joint in ("left_shoulder", "right_shoulder") if joint in found]
    if len(arms) < 2:
        return {}
    shared = _shared(arms, parents)
    if found["pelvis"] not in shared:
        return {}
    below = shared[shared.index(found["pelvis"]) + 1 :]
    chain = [joint for joint in below if joint not in found.values()]
    if not chain:
        return {}
    spine = {"spine3": chain[-1]}
    if len(chain) > 1:
        spine["spine1"] = chain[0]
    if len(chain) > 2:
        spine["spine2"] = chain[len(chain) // 2]
    return spine
