"""Motions of known truth that are not on their feet: lying, sitting, on hands and knees, upside down, turning over."""

from __future__ import annotations

import numpy as np

from kinema.body import BodyModel
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.synthetic import person_in_view, studio_camera

FPS = 15.0
HANDS = (20, 21, 22, 23)
FEET = (7, 8, 10, 11)
SHINS = (4, 5)

BESIDE = {"left_shoulder": (0.0, 0.0, -1.25), "right_shoulder": (0.0, 0.0, 1.25)}
OVERHEAD = {"left_shoulder": (0.0, 0.0, 1.35), "right_shoulder": (0.0, 0.0, -1.35)}
IN_FRONT = {"left_shoulder": (0.0, -1.5, 0.0), "right_shoulder": (0.0, 1.5, 0.0)}

POSTURES = ("supine", "prone", "on the side", "push-up", "hands and knees", "sitting", "handstand", "cartwheel")


def off_their_feet(body: BodyModel, posture: str, *, heading: float = 0.0, seconds: float = 4.0) -> Motion:
    """One person in a posture, moving a little (push-ups, a cartwheel: much), on the world's ground before a camera.

    heading: radians about the vertical. The lowest vertex of every frame is at height 0. The camera is 1.3 m high, 4 m
    away, pitched down by 9 degrees.
    """
    times = np.arange(round(FPS * seconds)) / FPS
    pose = np.zeros((len(times), 24, 3))
    root = np.tile(np.eye(3), (len(times), 1, 1))
    wave = np.sin(2 * np.pi * 0.4 * times)

    def put(name: str, value: tuple[float, float, float]) -> None:
        pose[:, SMPL24.index(name)] = value

    def turned(axis: str, angle: np.ndarray | float) -> None:
        vector = np.zeros((len(times), 3))
        vector[:, "xyz".index(axis)] = angle
        root[:] = axis_angle_to_matrix(vector) @ root

    arms = {"push-up": IN_FRONT, "hands and knees": IN_FRONT, "handstand": OVERHEAD, "cartwheel": OVERHEAD}
    for name, value in arms.get(posture, BESIDE).items():
        put(name, value)
    pose[:, SMPL24.index("spine2"), 1] = 0.05 * wave
    if posture == "supine":
        turned("x", -np.pi / 2)
    elif posture == "prone":
        turned("x", np.pi / 2)
    elif posture == "on the side":
        turned("z", np.pi / 2)
    elif posture == "push-up":
        bend = 0.6 * (1 - np.cos(2 * np.pi * 0.4 * times))
        for side, sign in (("left", 1.0), ("right", -1.0)):
            pose[:, SMPL24.index(f"{side}_shoulder"), 1] += sign * bend / 2
            pose[:, SMPL24.index(f"{side}_elbow"), 1] = -sign * bend
        turned("x", np.pi / 2)
        _level(body, pose, root, FEET)
    elif posture == "hands and knees":
        for side in ("left", "right"):
            put(f"{side}_hip", (-1.5, 0.0, 0.0))
            put(f"{side}_knee", (1.5, 0.0, 0.0))
            put(f"{side}_ankle", (0.9, 0.0, 0.0))
        turned("x", np.pi / 2)
        _level(body, pose, root, SHINS)
    elif posture == "sitting":
        for side in ("left", "right"):
            put(f"{side}_hip", (-1.45, 0.0, 0.0))
            put(f"{side}_knee", (0.15, 0.0, 0.0))
        turned("x", 0.05 * wave)
    elif posture == "handstand":
        turned("x", np.pi + 0.04 * wave)
    elif posture == "cartwheel":
        for side, sign in (("left", 1.0), ("right", -1.0)):
            put(f"{side}_hip", (0.0, 0.0, sign * 0.6))
        turned("z", -2 * np.pi * np.clip((times - 0.7) / 2.0, 0, 1))
    turned("y", heading)
    flat = np.concatenate([matrix_to_axis_angle(root)[:, None], pose[:, 1:]], axis=1).reshape(len(times), 72)
    transl = np.zeros((len(times), 3))
    vertices = body.vertices(flat, np.zeros(10), transl)
    middle = vertices.mean(axis=1)
    transl[:, 0], transl[:, 2] = -middle[:, 0], -4.0 - middle[:, 2]
    transl[:, 1] = -vertices[..., 1].min(axis=1)
    return seen_by(body, times, flat, transl, studio_camera(position=(0.0, 1.3, 0.0), pitch=0.16))


def seen_by(body: BodyModel, times: np.ndarray, pose: np.ndarray, transl: np.ndarray, camera: Camera) -> Motion:
    """One person of average shape in the world (pose (F,72), transl (F,3)) before a camera of known pose."""
    nothing = np.zeros((len(times), 4), dtype=bool)
    person = person_in_view(body, camera, 1, pose, np.zeros(10), transl, contacts=nothing)
    return Motion(times, camera.width, camera.height, (person,), camera=camera, body_model=body.name)


def lowest(body: BodyModel, motion: Motion, joints: tuple[int, ...] | None = None, row: int = 0) -> np.ndarray:
    """Height (F,) in metres of the lowest vertex of a person in the world, of the skin of some joints or of all."""
    person = motion.people[row]
    vertices = body.vertices(person.pose_world, person.betas, person.transl_world)[..., 1]
    if joints is not None:
        vertices = vertices[:, np.isin(body.weights.argmax(axis=1), joints)]
    return np.asarray(vertices.min(axis=1))


def _level(body: BodyModel, pose: np.ndarray, root: np.ndarray, others: tuple[int, ...]) -> None:
    """Tilt the body about x until its hands and the skin of other joints are equally low, in place."""
    skin = body.weights.argmax(axis=1)
    low, high = np.full(len(pose), -0.7), np.full(len(pose), 0.7)
    for _ in range(20):
        tilt = 0.5 * (low + high)
        turn = axis_angle_to_matrix(np.stack([tilt, 0 * tilt, 0 * tilt], axis=-1)) @ root
        flat = np.concatenate([matrix_to_axis_angle(turn)[:, None], pose[:, 1:]], axis=1).reshape(len(pose), 72)
        height = body.vertices(flat, np.zeros(10), np.zeros((len(pose), 3)))[..., 1]
        hands_lower = height[:, np.isin(skin, HANDS)].min(axis=1) < height[:, np.isin(skin, others)].min(axis=1)
        # Tilting forward about x lowers the head.
        low, high = np.where(hands_lower, low, tilt), np.where(hands_lower, tilt, high)
    root[:] = turn
