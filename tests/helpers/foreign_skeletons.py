"""BVH files as other systems write them, derived from one of Kinema's motions: other names, units, axes, rest poses.

A skeleton whose rest pose has joints rotated by Q_j in the world has the bones Q_parent @ offset_j; a pose with joints
rotated by R_j from SMPL's rest is G_j = R_j Q_j^T from its own. So the ground truth is known exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.skeleton import SMPL24


def mixamo():
    parts = {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
        **_sides("Left", "Right", hip="UpLeg", knee="Leg", ankle="Foot", foot="ToeBase", collar="Shoulder",
                 shoulder="Arm", elbow="ForeArm", wrist="Hand", hand="HandMiddle1"),
    }  # fmt: skip
    return {joint: f"mixamorig:{name}" for joint, name in parts.items()}


def cmu():
    return {
        "pelvis": "Hips", "spine1": "LowerBack", "spine2": "Spine", "spine3": "Spine1", "neck": "Neck", "head": "Head",
        **_sides("Left", "Right", hip="UpLeg", knee="Leg", ankle="Foot", foot="ToeBase", collar="Shoulder",
                 shoulder="Arm", elbow="ForeArm", wrist="Hand", hand="FingerBase"),
    }  # fmt: skip


def daz():
    return {
        "pelvis": "hip", "spine1": "abdomen", "spine2": "waist", "spine3": "chest", "neck": "neck", "head": "head",
        **_sides("l", "r", hip="Thigh", knee="Shin", ankle="Foot", foot="Toe", collar="Collar", shoulder="Shldr",
                 elbow="ForeArm", wrist="Hand", hand="Mid1"),
    }  # fmt: skip


def unreal():
    return {
        "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
        "head": "head",
        **{joint: f"{name}_{joint[0]}" for joint, name in _sides(
            "", "", hip="thigh", knee="calf", ankle="foot", foot="ball", collar="clavicle", shoulder="upperarm",
            elbow="lowerarm", wrist="hand", hand="middle_01").items()},
    }  # fmt: skip


def motionbuilder():
    """Collars have names of their own, so "shoulder" is the upper arm."""
    return {
        "pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "spine3": "Chest3", "neck": "Neck", "head": "Head",
        **_sides("Left", "Right", hip="Hip", knee="Knee", ankle="Ankle", foot="Toe", collar="Collar",
                 shoulder="Shoulder", elbow="Elbow", wrist="Wrist", hand="Finger"),
    }  # fmt: skip


def _sides(left, right, **parts):
    return {
        f"{side}_{p}": mark + name for side, mark in (("left", left), ("right", right)) for p, name in parts.items()
    }


def astride(arms=45.0, legs=15.0):
    """(24,3,3) a rest pose with the arms `arms` degrees down and the legs `legs` degrees apart."""
    turns = np.tile(np.eye(3), (24, 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for part in ("shoulder", "elbow", "wrist", "hand"):
            turns[SMPL24.index(f"{side}_{part}")] = Rotation.from_euler("z", -sign * arms, degrees=True).as_matrix()
        for part in ("hip", "knee", "ankle", "foot"):
            turns[SMPL24.index(f"{side}_{part}")] = Rotation.from_euler("z", sign * legs, degrees=True).as_matrix()
    return turns


def lying_along_x():
    """(24,3,3) a rest pose rotated as a whole: up is x, left is z, as in some studios' files."""
    return np.tile(np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]), (24, 1, 1))


def anywhere(rng):
    """(24,3,3) a rest pose in which every bone rests along an axis of its own, as in LAFAN1: nobody stands in it."""
    return Rotation.random(24, random_state=rng).as_matrix()


def sitting():
    """(24,3,3) a rest pose on a chair."""
    turns = np.tile(np.eye(3), (24, 1, 1))
    for side in ("left", "right"):
        turns[SMPL24.index(f"{side}_hip")] = Rotation.from_euler("x", -90, degrees=True).as_matrix()
    return turns


def other_proportions(body, betas, rng, spread=0.06):
    """(24,3) rest joints of somebody whose bones are each up to `spread` longer or shorter, both sides alike."""
    joints = np.array(body.rest_joints(betas))
    factors = dict.fromkeys(("pelvis", "hip", "knee", "ankle", "foot", "spine1", "spine2", "spine3", "neck", "head",
                             "collar", "shoulder", "elbow", "wrist", "hand"))  # fmt: skip
    factors = {part: 1 + rng.uniform(-spread, spread) for part in factors}
    longer = np.array(joints)
    for joint, name in enumerate(SMPL24.joints[1:], 1):
        above = SMPL24.parents[joint]
        longer[joint] = longer[above] + factors[name.rpartition("_")[2]] * (joints[joint] - joints[above])
    return longer


def posed(body, person, joints):
    """(F,24,3) world positions of a skeleton with rest joints (24,3) in the person's poses, the pelvis at hers."""
    rotations, places = body.chain(person.pose_world, person.betas[0], person.transl_world)
    out = np.array(places)
    for joint in range(1, 24):
        above = SMPL24.parents[joint]
        out[:, joint] = out[:, above] + rotations[:, above] @ (joints[joint] - joints[above])
    return out


def foreign_bvh(
    path, body, person, names, *, rest=None, scale=100.0, order="ZYX", world=None, fps=30, drop=(), nodes=(),
    offset=None, positions=False, joints=None,
):  # fmt: skip
    """Write the person's world motion as a foreign BVH. world (3,3): rotation from the y-up world to the file's.

    drop: SMPL joints that the file does not have (leaves, or joints whose children are attached to the parent).
    nodes: joints above the pelvis, (name, rotations (F,3,3), positions (F,3) metres) each relative to the one before.
    offset (3,): OFFSET of the pelvis, metres, which its positions are relative to. positions: every joint has position
    channels, which repeat its offset. joints (24,3): the skeleton in SMPL's rest pose, metres, if not the person's own.
    """
    rest = np.tile(np.eye(3), (24, 1, 1)) if rest is None else np.array(rest)
    world = np.eye(3) if world is None else world
    kept = [j for j, joint in enumerate(SMPL24.joints) if joint not in drop]
    for joint in sorted(set(range(24)) - set(kept)):
        rest[joint] = rest[SMPL24.parents[joint]]
    parents = {joint: _above(joint, kept) for joint in kept}
    own = body.rest_joints(person.betas[0]) if joints is None else joints
    offsets = {j: scale * _resting(own, rest, parents[j], j) for j in kept if j}
    offsets[0] = np.zeros(3) if offset is None else scale * np.asarray(offset)
    lines, sequence = ["HIERARCHY"], []
    turns = " ".join(f"{axis}rotation" for axis in order)
    places = f"CHANNELS 6 Xposition Yposition Zposition {turns}"
    for depth, (name, _, _) in enumerate(nodes):
        lines += [f"{'JOINT' if depth else 'ROOT'} {name}", "{", "OFFSET 0 0 0", places]

    def node(joint, depth):
        sequence.append(joint)
        channels = places if positions or not joint else f"CHANNELS 3 {turns}"
        lines.append(f"{'JOINT' if depth else 'ROOT'} {names[SMPL24.joints[joint]]}")
        lines.extend(["{", f"OFFSET {_text(offsets[joint])}", channels])
        below = [k for k in kept if parents[k] == joint]
        for child in below:
            node(child, depth + 1)
        if not below:
            lines.extend(["End Site", "{", f"OFFSET {_text(scale * rest[joint] @ _tip(own, joint))}", "}"])
        lines.append("}")

    node(0, len(nodes))
    lines += ["}"] * len(nodes) + ["MOTION", f"Frames: {len(person)}", f"Frame Time: {1 / fps:.8f}"]
    rotation, position = body.chain(person.pose_world, person.betas[0], person.transl_world)
    turned = world @ rotation @ np.swapaxes(rest, -1, -2)
    pelvis = position[:, 0] @ world.T
    columns, reference = [], np.tile(np.eye(3), (len(person), 1, 1))
    for _, turn, place in nodes:
        columns += [scale * place, _euler(turn, order)]
        pelvis = np.einsum("fji,fj->fi", turn, pelvis - place)
        reference = reference @ turn
    for joint in sequence:
        if joint == 0:
            columns.append(scale * pelvis - (0 if offset is None else offsets[0]))
        elif positions:
            columns.append(np.tile(offsets[joint], (len(person), 1)))
        before = turned[:, parents[joint]] if joint else reference
        columns.append(_euler(np.swapaxes(before, -1, -2) @ turned[:, joint], order))
    lines += [_text(row) for row in np.hstack(columns)]
    path.write_text("\n".join(lines) + "\n")
    return path


def _euler(rotations, order):
    return Rotation.from_matrix(rotations).as_euler(order, degrees=True)


def _above(joint, kept):
    """The parent of a joint among those that the file has, -1 for the pelvis."""
    above = SMPL24.parents[joint]
    while above >= 0 and above not in kept:
        above = SMPL24.parents[above]
    return above


def _resting(own, rest, above, joint):
    """Offset from one joint to a descendant, in the foreign rest pose."""
    total = np.zeros(3)
    while joint != above:
        parent = SMPL24.parents[joint]
        total = total + rest[parent] @ (own[joint] - own[parent])
        joint = parent
    return total


def _tip(own, joint):
    """(3,) from a joint at the end of a limb to the next one of SMPL's, or on along the limb."""
    below = [child for child, parent in enumerate(SMPL24.parents) if parent == joint]
    return own[below[0]] - own[joint] if below else 0.5 * (own[joint] - own[SMPL24.parents[joint]])


def _text(values):
    return " ".join(f"{value:.6f}" for value in values)
