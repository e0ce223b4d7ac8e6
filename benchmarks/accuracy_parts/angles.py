"""Joint rotations against OpenSim's, by geodesic angle: the squats' bodies, and the balance clip's coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.accuracy_parts.data import DATA
from scipy.spatial.transform import Rotation, Slerp

from kinema.evaluation.angle_scores import evaluate_angles
from kinema.evaluation.opensim_angles import opensim_rotations
from kinema.geometry.rotations import geodesic_angle, nearest_rotation
from kinema.motion import Motion

BODIES = DATA / "gt" / "opencap_squats_marker_truth" / "opensim_bodies.npz"
COORDINATES = DATA / "gt" / "balance_single" / "Pose2Sim_motion.mot"

JOINTS = {
    "lumbar": ("pelvis", "torso"),
    **{
        f"{joint}_{side}": (f"{parent}{'' if parent in ('pelvis', 'torso') else '_' + side}", f"{child}_{side}")
        for side in "rl"
        for joint, parent, child in (
            ("hip", "pelvis", "femur"),
            ("knee", "femur", "tibia"),
            ("ankle", "tibia", "talus"),
            ("arm", "torso", "humerus"),
            ("elbow", "humerus", "ulna"),
        )
    },
}
"""Joint -> OpenSim's bodies on both sides of it."""


def geodesic_errors(motion: Motion, path: Path = BODIES) -> dict[str, tuple[float, float]]:
    """{joint, both sides together: (degrees, degrees without the joint's constant offset)} of the first person.

    The two models' neutral poses differ, above all of the spine and the forearm; one constant turn of each joint, the
    mean of the differences over the clip, is taken out for the second figure.
    """
    person = max(motion.people, key=len)
    with np.load(path, allow_pickle=False) as file:
        names, times = [str(name) for name in file["bodies"]], file["times"]
        ground = file["rotation_xyz_rad"].astype(float)
    at = motion.times[person.frames]
    inside = (at >= times[0]) & (at <= times[-1])
    bodies = {
        name: Slerp(times, Rotation.from_euler("XYZ", ground[:, place]))(at[inside]).as_matrix()
        for place, name in enumerate(names)
    }
    pose = person.pose if person.pose_world is None else person.pose_world
    ours = opensim_rotations(pose[inside])
    found: dict[str, list[tuple[float, float]]] = {}
    for joint, (parent, child) in JOINTS.items():
        true = np.swapaxes(bodies[parent], -1, -2) @ bodies[child]
        between = np.swapaxes(true, -1, -2) @ ours[joint]
        offset = nearest_rotation(between.mean(axis=0))
        errors = tuple(
            float(np.degrees(geodesic_angle(each, true).mean())) for each in (ours[joint], ours[joint] @ offset.T)
        )
        found.setdefault(joint.partition("_")[0], []).append(errors)
    return {joint: tuple(np.mean(sides, axis=0)) for joint, sides in found.items()}


def coordinate_errors(motion: Motion) -> dict[str, float]:
    """Mean over OpenSim's coordinates of the balance clip: the measures of `kinema evaluate motion --truth ik.mot`."""
    return evaluate_angles(motion, COORDINATES).total
