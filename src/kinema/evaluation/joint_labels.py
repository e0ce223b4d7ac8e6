"""Names of joints in other people's files, as Kinema's own: `RHip` becomes `right_hip`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from kinema.formats.point_names import known_points
from kinema.skeleton import JOINT_SETS

_ALIASES = {
    "hip": "mid_hip",
    "midhip": "mid_hip",
    "chip": "mid_hip",
    "pelvis": "pelvis",
    "head": "head_top",
    "toe": "big_toe",
    "toes": "big_toe",
}
_WORDS = {"bigtoe": "big_toe", "smalltoe": "small_toe"}

_KNOWN = frozenset(joint for joint_set in JOINT_SETS.values() for joint in joint_set.joints)


def canonical_joint(name: str) -> str:
    """Kinema's name of a joint: `RHip`, `r_hip`, `hip_r`, and `Right Hip` are all `right_hip`.

    A name of a known joint set is kept ("head" is SMPL's joint in the skull, a marker set's "Head" is
    the top of the head).
    """
    if name in _KNOWN:
        return name
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word]
    side = ""
    for end in (0, -1):
        if len(words) > 1 and words[end] in ("r", "right", "l", "left"):
            side = "right_" if words.pop(end)[0] == "r" else "left_"
            break
    rest = "_".join(words)
    rest = _WORDS.get(rest, rest)
    if side:
        return side + _ALIASES.get(rest, rest) if rest != "hip" else side + "hip"
    return _ALIASES.get(rest, rest)


def known_joints(names: Sequence[str], positions: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names converted to Kinema's own; points at infinity become missing.

    Labels of marker files are interpreted as when such a file is read as a motion (`kinema.formats.point_names`): a
    joint centre (`RHJC`) takes precedence over a skin marker of that name. Of other duplicates the first is kept.
    """
    meant = {place: name for name, place in known_points(names)[1].items() if names[place] not in _KNOWN}
    taken = set(meant.values())
    kept: dict[str, int] = {}
    for place, label in enumerate(names):
        name = meant.get(place) or canonical_joint(label)
        if place in meant or name not in taken:
            kept.setdefault(name, place)
    positions = np.where(np.isfinite(positions), positions, np.nan)
    return tuple(kept), positions[:, list(kept.values())]


def by_subject(names: Sequence[str]) -> dict[str, list[int]]:
    """The indices of each subject's points: "Anna:RHip" is Anna's; a point without a prefix belongs to subject ""."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name.rpartition(":")[0].strip(), []).append(place)
    return found
