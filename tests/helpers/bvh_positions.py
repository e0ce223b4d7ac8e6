"""Where a BVH file has its joints, computed from its text alone."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

AXES = "XYZ"


def bvh_positions(path, *, frames=None, root_is_relative=False):
    """{joint name: (F,3) positions} in the file's world and unit; ends of chains as "name/end". frames: the first ones.

    root_is_relative: the root's positions are added to its OFFSET instead of replacing it.
    """
    head, rows = path.read_text().split("MOTION")
    rows = rows.split("\n", 3)[3] if rows.startswith("\n") else rows
    values = np.array([line.split() for line in rows.splitlines()[: frames or None] if line.strip()], dtype=float)
    places: dict[str, np.ndarray] = {}
    stack: list[tuple[str, np.ndarray, np.ndarray]] = []
    name, column = "", 0
    count = len(values)
    offset = np.zeros(3)

    def put(local, rotations):
        nonlocal stack
        if len(stack) == 0:
            place, turn = np.broadcast_to(local, (count, 3)), rotations
        else:
            _, above, around = stack[-1]
            place = above + np.einsum("fij,fj->fi", around, np.broadcast_to(local, (count, 3)))
            turn = around @ rotations
        places[name] = place
        stack.append((name, place, turn))

    identity = np.broadcast_to(np.eye(3), (count, 3, 3))
    for line in head.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT"):
            name, ending = words[1], False
        elif words[0] == "End":
            name, ending = stack[-1][0] + "/end", True
        elif words[0] == "OFFSET":
            offset = np.array(words[1:4], dtype=float)
            if ending:
                put(offset, identity)
        elif words[0] == "CHANNELS":
            local, turns = np.tile(offset, (count, 1)), identity
            for channel in words[2:]:
                axis = AXES.index(channel[0].upper())
                if channel.lower().endswith("position"):
                    base = offset[axis] if root_is_relative and not stack else 0.0
                    local[:, axis] = values[:, column] + base
                else:
                    turn = Rotation.from_euler(AXES[axis].lower(), values[:, column, None], degrees=True).as_matrix()
                    turns = turns @ turn.reshape(-1, 3, 3)
                column += 1
            put(local, turns)
        elif words[0] == "}":
            stack.pop()
    return places
