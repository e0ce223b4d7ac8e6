"""Matching the joints of a foreign skeleton to SMPL's, by the names that capture systems and programs use.

`joint_words` interprets single names; here the names of the whole skeleton and its hierarchy resolve ambiguities.
"Shoulder" is the collarbone if the upper arm has its own name, "leg" the shin if the thigh has one, "foot" the toes if
there is an ankle. The pelvis and the spine are found by the hierarchy, as their names and numbers vary. A skeleton with
exactly the names of one of the tables in `naming` has SMPL's 24 joints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.formats.joint_words import meanings, plain, split_side, undecorated
from kinema.formats.naming import NAMINGS
from kinema.skeleton import SMPL24

REQUIRED = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow")
)
"""Joints that a human skeleton must have."""

_CHAINS = (("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist"))

_Candidates = dict[str, list[tuple[int, int]]]
"""By joint or loose word: rank and index of the joints that may be meant."""


def is_smpl(names: tuple[str, ...]) -> bool:
    """Whether the names are exactly those of SMPL's 24 joints, however decorated. The pelvis may be called root."""
    known = _table(names)
    return known is not None and known[0] == "smpl"


def all_joints(names: tuple[str, ...]) -> dict[str, int] | None:
    """Index of each of SMPL's 24 joints, if the names are exactly those of a table in `naming`, however decorated."""
    known = _table(names)
    return None if known is None else known[1]


def smpl_joints(names: tuple[str, ...], parents: np.ndarray) -> dict[str, int]:
    """Index of the foreign joint for each SMPL joint that the skeleton has. Only SMPL's own have hands after wrists."""
    if (known := _table(names)) is not None and known[0] == "smpl":
        return known[1]
    found: dict[str, int] = {}
    above = [set(_ancestors(joint, parents)) for joint in range(len(names))]
    sides: dict[str, _Candidates] = {"left": {}, "right": {}, "": {}}
    loose: dict[str, _Candidates] = {"left": {}, "right": {}}
    for index, meaning in enumerate(meanings(names)):
        if meaning is not None:
            place = loose if meaning.loose else sides
            place[meaning.side].setdefault(meaning.part, []).append((meaning.rank, index))
    for side in ("left", "right"):
        candidates = _decided(sides[side], loose[side])
        for chain in _CHAINS:
            before: int | None = None
            for part in chain:
                if part in candidates:
                    before = _best(candidates[part], before, above)
                    found[f"{side}_{part}"] = before
    for part, ranked in sides[""].items():
        found[part] = min(ranked)[1]
    found["pelvis"] = _pelvis(found, parents)
    found.update(_spine(found, parents))
    return found


def _decided(known: _Candidates, loose: _Candidates) -> _Candidates:
    """The candidates of one side after its ambiguous words were resolved."""
    known = dict(known)

    def settle(word: str, *parts: str) -> None:
        """A word means the first of these joints without its own name."""
        for part in parts:
            if word in loose and part not in known:
                known[part] = loose[word]
                return

    settle("hip", "hip")
    settle("leg", *(("hip", "knee") if "knee" in known else ("knee",) if "hip" in known else ("hip",)))
    settle("foot", *(("foot",) if "ankle" in known else ("ankle",)))
    if "shoulder" in loose and "collar" in known and "elbow" not in known:
        settle("shoulder", "shoulder")
    settle("arm", "shoulder", "elbow")
    settle("shoulder", *(("collar",) if "shoulder" in known else ("shoulder",)))
    settle("hand", "wrist")
    return known


def _best(ranked: list[tuple[int, int]], before: int | None, above: Sequence[set[int]]) -> int:
    """The intended joint: preferably below the limb's previous joint, then with the plainest name, then the first."""
    return min(ranked, key=lambda each: (before is not None and before not in above[each[1]], each))[1]


def _table(names: Sequence[str]) -> tuple[str, dict[str, int]] | None:
    """The table whose names these are, and the index of each of SMPL's joints."""
    if len(names) != len(SMPL24):
        return None
    bare = undecorated(names)
    sided = ["".join(split_side(name)) for name in bare]
    rooted = ["pelvis" if name == "root" else name for name in sided]
    for spelled in ([plain(name) for name in names], [plain(name) for name in bare], sided, rooted):
        places = {name: index for index, name in enumerate(spelled)}
        for naming, table in NAMINGS.items():
            for wanted in ([plain(name) for name in table], [plain(name) for name in undecorated(table)]):
                if places.keys() == set(wanted):
                    return naming, {joint: places[name] for joint, name in zip(SMPL24.joints, wanted, strict=True)}
    return None


def _ancestors(joint: int, parents: np.ndarray) -> list[int]:
    chain = []
    while parents[joint] >= 0:
        joint = int(parents[joint])
        chain.append(joint)
    return chain


def _shared(joints: list[int], parents: np.ndarray) -> list[int]:
    """The joints above every one of these, from the root down."""
    above = [_ancestors(joint, parents) for joint in joints]
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
