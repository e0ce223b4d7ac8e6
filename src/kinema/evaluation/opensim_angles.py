"""Joint angles as OpenSim's full-body models define them, from SMPL rotations.

The definitions are those of Rajagopal et al. 2016 ("Full-body musculoskeletal model for muscle-driven simulation of
human gait"), which OpenCap's and Pose2Sim's models keep: body frames with x forward, y up and z to the right, upright
with the arms at the sides as the zero pose, and three turns in the order z, x, y, each about an axis of the body that
moves (intrinsic):

    pelvis_tilt, pelvis_list, pelvis_rotation            the pelvis in the ground frame
    hip_flexion, hip_adduction, hip_rotation             the thigh in the pelvis
    knee_angle                                           the shank in the thigh, flexion positive
    ankle_angle                                          the foot in the shank, dorsiflexion positive
    lumbar_extension, lumbar_bending, lumbar_rotation    the chest in the pelvis
    arm_flex, arm_add, arm_rot                           the upper arm in the chest
    elbow_flex, pro_sup                                  the forearm in the upper arm

On the left the turns about x and y have the opposite sign. OpenSim's knees, ankles, elbows and forearms turn about axes
up to 16 degrees off the body's; here the body's axes are used, and the other turns take up the remainder. SMPL's T-pose
has the arms at the height of the shoulders and the palms down: it is OpenSim's zero pose with the arms abducted by 90
degrees and the forearms pronated by 90 degrees.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.formats.markers import OPENSIM_FROM_WORLD
from kinema.geometry.rotations import axis_angle_to_matrix, turn_about
from kinema.skeleton import SMPL24

PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")

TRIPLES: dict[str, tuple[str, str, str]] = {
    "pelvis": PELVIS,
    "lumbar": ("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
    **{
        f"{joint}_{side}": (f"{first}_{side}", f"{second}_{side}", f"{third}_{side}")
        for side in "rl"
        for joint, first, second, third in (
            ("hip", "hip_flexion", "hip_adduction", "hip_rotation"),
            ("arm", "arm_flex", "arm_add", "arm_rot"),
        )
    },
}
"""Joints with three angles that make up one rotation: turns about z, x and y."""

SINGLES = tuple(f"{name}_{side}" for side in "rl" for name in ("knee_angle", "ankle_angle", "elbow_flex", "pro_sup"))
"""Angles of joints that have a single axis in OpenSim."""

ANGLES = (*(name for triple in TRIPLES.values() for name in triple), *SINGLES)

_SIDES = {"r": "right", "l": "left"}


def opensim_rotations(pose: np.ndarray) -> dict[str, np.ndarray]:
    """The rotation (F, 3, 3) of each joint from SMPL's pose (F, 72): those of `TRIPLES`, knees, ankles and elbows.

    pose: in a y-up world; in the camera's frame the pelvis is meaningless, and the others are the same. The names of
    knees, ankles and elbows are `knee_r` and so on; sides are not mirrored yet.
    """
    local = axis_angle_to_matrix(pose.reshape(len(pose), -1, 3))
    turned = OPENSIM_FROM_WORLD @ local @ OPENSIM_FROM_WORLD.T

    def of(*names: str) -> np.ndarray:
        product = turned[:, SMPL24.index(names[0])]
        for name in names[1:]:
            product = product @ turned[:, SMPL24.index(name)]
        return np.asarray(product)

    found = {"pelvis": of("pelvis"), "lumbar": of("spine1", "spine2", "spine3")}
    for side, word in _SIDES.items():
        # From the arm at the side to the T-pose: the right arm is abducted about -x, the left one about x.
        abducted = turn_about("x", np.pi / 2 * (-1 if side == "r" else 1))
        found[f"hip_{side}"] = of(f"{word}_hip")
        found[f"knee_{side}"] = of(f"{word}_knee")
        found[f"ankle_{side}"] = of(f"{word}_ankle")
        found[f"arm_{side}"] = of(f"{word}_collar", f"{word}_shoulder") @ abducted
        found[f"elbow_{side}"] = abducted.T @ of(f"{word}_elbow") @ abducted
    return found


def opensim_angles(pose: np.ndarray) -> dict[str, np.ndarray]:
    """Radians (F,) of every angle of `ANGLES`, from SMPL's pose (F, 72) as in `opensim_rotations`."""
    rotations = opensim_rotations(pose)
    angles: dict[str, np.ndarray] = {}
    for joint, names in TRIPLES.items():
        turns = three_turns(rotations[joint], side=joint[-2:])
        angles.update(zip(names, turns.T, strict=True))
    for side in _SIDES:
        for joint, sign in (("knee", -1.0), ("ankle", 1.0)):
            angles[f"{joint}_angle_{side}"] = sign * three_turns(rotations[f"{joint}_{side}"], side="")[:, 0]
        turns = three_turns(rotations[f"elbow_{side}"], side=f"_{side}")
        angles[f"elbow_flex_{side}"] = turns[:, 0]
        angles[f"pro_sup_{side}"] = turns[:, 2] + np.pi / 2
    return angles


def three_turns(rotations: np.ndarray, side: str) -> np.ndarray:
    """(F, 3, 3) -> (F, 3) radians about z, x and y in turn, continuous in time. side: "_l" mirrors x and y."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gimbal lock")  # the turns still make the rotation
        turns = Rotation.from_matrix(rotations).as_euler("ZXY")
    if side == "_l":
        turns[:, 1:] *= -1
    return np.asarray(np.unwrap(turns, axis=0))


def from_three_turns(turns: np.ndarray, side: str) -> np.ndarray:
    """(F, 3) radians about z, x and y in turn -> (F, 3, 3); the inverse of `three_turns`."""
    turns = np.array(turns, dtype=np.float64)
    if side == "_l":
        turns[:, 1:] *= -1
    return np.asarray(Rotation.from_euler("ZXY", turns).as_matrix())


def nearest_turns(turns: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(F, 3) radians: among all turns about z, x and y that give the rotation of `turns`, those nearest to `wanted`.

    A rotation is reached by (z, x, y) and by (z + 180, 180 - x, y + 180) degrees, and by both plus whole turns.
    """
    second = turns * [1, -1, 1] + np.pi
    near, far = (each + 2 * np.pi * np.round((wanted - each) / (2 * np.pi)) for each in (turns, second))
    nearer = np.abs(near - wanted).sum(axis=-1) <= np.abs(far - wanted).sum(axis=-1)
    return np.where(nearer[:, None], near, far)
