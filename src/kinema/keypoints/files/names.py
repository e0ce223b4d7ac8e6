"""The joint set of keypoints that a file names: COCO's or Halpe's, as far as the names say it.

Programs write a side and a part in many ways: `left_hip`, `LHip`, `hip_l`, `leftHip`, `Left Hip`, `lefthip`. A number
in place of the side (`hip1`) says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinema.errors import InputError, UsageError, quoted
from kinema.skeleton import COCO17, HALPE26, LIMBS12, JointSet, joint_set

LEAST = 6
"""Joints of the limbs that a file must have, among them hips or shoulders of both sides."""

_PARTS = {
    **{part: part for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "heel", "eye", "ear")},
    "bigtoe": "big_toe", "toe": "big_toe", "toes": "big_toe", "footindex": "big_toe", "hallux": "big_toe",
    "smalltoe": "small_toe", "littletoe": "small_toe",
}  # fmt: skip
_MIDDLE = {
    "nose": "nose", "neck": "neck", "headtop": "head_top", "tophead": "head_top", "topofhead": "head_top",
    "vertex": "head_top", "midhip": "mid_hip", "hipcenter": "mid_hip", "hipcentre": "mid_hip", "pelvis": "mid_hip",
}  # fmt: skip
_HALPES = {"head": "head_top", "hip": "mid_hip"}
"""What words mean in Halpe's own names."""
_SIDE = re.compile(r"^(?P<side>left|right)(?P<part>.+)$|^(?P<part2>.+?)(?P<side2>left|right)$")
_LETTER = re.compile(r"^(?P<side>l|r)[ ](?P<part>.+)$|^(?P<part2>.+)[ ](?P<side2>l|r)$")


def joint_named(label: str, *, halpe: bool = False) -> str | None:
    """The joint that a label names, None for any other. halpe: Halpe's own words count, too (Head, Hip)."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", label.strip())
    words = re.sub(r"[\s_.\-]+", " ", spaced.lower()).strip()
    joined = words.replace(" ", "")
    if joined in _MIDDLE:
        return _MIDDLE[joined]
    if halpe and joined in _HALPES:
        return _HALPES[joined]
    # "learning" is not "l earning": a single letter is a side only if it stands apart, or before the name of a part.
    found = _LETTER.match(words) or _SIDE.match(joined)
    if found is None and joined[:1] in ("l", "r") and joined[1:] in _PARTS and joined != "rear":
        return f"{'left' if joined[0] == 'l' else 'right'}_{_PARTS[joined[1:]]}"
    if found is None:
        return None
    side = (found["side"] or found["side2"])[0]
    part = (found["part"] or found["part2"]).replace(" ", "")
    return f"{'left' if side == 'l' else 'right'}_{_PARTS[part]}" if part in _PARTS else None


def joints_by_name(
    labels: Sequence[str], what: str, layout: str | None, *, halpe: bool = False
) -> tuple[JointSet, tuple[int, ...]]:
    """The set that labels belong to, and the place of each of its joints among them, -1 where there is none.

    It is COCO's 17 if they name no other joint, else Halpe's 26, or the one called `layout`. Raises InputError if they
    name too few joints of a person, UsageError for an unknown `layout`.
    """
    found: dict[str, int] = {}
    for place, label in enumerate(labels):
        name = label if layout is not None and label in joint_set(layout) else joint_named(label, halpe=halpe)
        if name is not None:
            found.setdefault(name, place)
    chosen = joint_set(layout) if layout is not None else COCO17 if set(found) <= set(COCO17.joints) else HALPE26
    if layout is not None and not set(found) & set(chosen.joints):
        raise UsageError(f"{what} names no joint of {chosen.name}; it names {_some(labels)}")
    limbs = [name for name in LIMBS12 if name in found]
    both = any({f"left_{part}", f"right_{part}"} <= set(limbs) for part in ("hip", "shoulder"))
    if layout is None and (len(limbs) < LEAST or not both):
        known = f"of them {', '.join(limbs)} are known" if limbs else "none of which is known"
        raise InputError(
            f"{what} names {_some(labels)}, {known}; it must name hips or shoulders of both sides and at least {LEAST}"
            " of the shoulders, elbows, wrists, hips, knees and ankles, such as left_hip or LHip"
        )
    return chosen, tuple(found.get(name, -1) for name in chosen.joints)


def _some(labels: Sequence[str]) -> str:
    some = ", ".join(quoted(label, 30, mark="") for label in labels[:6])
    return f"{len(labels)} points ({some}{', ...' if len(labels) > 6 else ''})"
