"""Simulated errors of a monocular fit to a known motion, and scores of their correction.

A fit that matches the image well is still wrong where the image carries no information: limbs are rotated in depth, the
body leans towards or away from the camera, and the person's distance is off by several percent. These errors persist
for about half a second. `as_fitted` adds them to a motion whose ground truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.evaluation.feet import foot_scores
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.metrics import foot_sliding, root_trajectory_error
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import filter_motion
from kinema.skeleton import SMPL24
from kinema.synthetic import person_in_view

PARENTS = np.array(SMPL24.parents)
CHILDREN = [np.flatnonzero(j == PARENTS) for j in range(24)]
TRUNK = (0, 3, 6, 9)


@dataclass(frozen=True)
class Noise:
    """Standard deviations. depth: fraction of the distance; pose, bias, lean, jitter: degrees; across: metres.

    pose is correlated over half a second, bias constant over the clip; lean is the whole body's, and slow; jitter is
    nearly independent per frame. A third of pose is visible in the image, the rest is in depth.
    """

    depth: float = 0.03
    pose: float = 4.5
    bias: float = 2.5
    lean: float = 3.0
    jitter: float = 0.7
    across: float = 0.008


def random_camera(joints: np.ndarray, rng: np.random.Generator, *, roll: float = 3.0) -> Camera:
    """A static camera 0.5 to 3 m above the ground with the person, (F,24,3) world joints, in view."""
    low, high = joints.min(axis=(0, 1)), joints.max(axis=(0, 1))
    centre = 0.5 * (low + high)
    yaw, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 3.0)
    half = 0.5 * float(np.linalg.norm((high - low)[[0, 2]]))
    distance = rng.uniform(2.5, 4.0) + half
    position = np.array([centre[0] + distance * np.sin(yaw), height, centre[2] + distance * np.cos(yaw)])
    to = centre + rng.uniform(-0.25, 0.25, 3) - position
    forward = to / np.linalg.norm(to)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    tilt = axis_angle_to_matrix(np.array([0.0, 0.0, np.radians(rng.uniform(-roll, roll))]))
    rotation = tilt @ rotation
    return camera_from_fov(1280, 960, 70.0).replace(rotation=rotation, translation=-rotation @ position, moving=False)


def seen_from(motion: Motion, camera: Camera, body: BodyModel) -> Motion:
    """A motion with world fields, as seen by another camera."""
    people = tuple(
        person_in_view(body, camera, p.id, p.pose_world, p.betas[0], p.transl_world, contacts=p.contacts)
        for p in motion.people
    )
    return motion.replace(people=people, camera=camera, width=camera.width, height=camera.height)


def as_fitted(motion: Motion, body: BodyModel, rng: np.random.Generator, noise: Noise | None = None) -> Motion:
    """The motion with a fit's errors in its camera frame, then smoothed by the default filter.

    The world fields, the contacts and the camera's pose are removed, as after a fit.
    """
    people = tuple(_with_fit_errors(person, motion, body, rng, noise or Noise()) for person in motion.people)
    camera = motion.camera.replace(rotation=None, translation=None)
    return filter_motion(motion.replace(people=people, camera=camera, provenance=()), body)


def mistaken_for_farther(motion: Motion, body: BodyModel, share: float, when: np.ndarray, legs: float = 1.0) -> Motion:
    """The motion with a gross monocular error: for some time the person is mistaken for one further away.

    share: error in distance, as a fraction of it (negative: closer); when (F,) from 0 (no error) to 1, smooth; legs:
    factor on the rotations of hips, knees and ankles meanwhile (in an undetected crouch they are too small).
    """
    person = motion.people[0]
    pose = person.pose.reshape(-1, 24, 3).copy()
    bent = SMPL24.indices([f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle")])
    pose[:, bent] *= 1 + (legs - 1) * when[:, None, None]
    pose = pose.reshape(-1, 72)
    pelvis = body.rest_joints(person.betas)[:, 0]
    transl = (person.transl + pelvis) * (1 + share * when)[:, None] - pelvis
    person = person.replace(pose=pose, transl=transl, joints=body.joints(pose, person.betas, transl))
    return motion.replace(people=(person,))


def bouts(times: np.ndarray, every: float = 2.5, lasting: float = 1.0) -> np.ndarray:
    """(F,) weights that rise from 0 to 1 and fall again, every `every` seconds for `lasting` seconds."""
    centre = np.arange(0.6 * every, times[-1], every)
    return np.exp(-((2 * (times[:, None] - centre) / lasting) ** 4)).max(axis=1)


def blank(motion: Motion) -> Motion:
    """The motion as from a perfect fit: the ground truth in the camera's frame, without the world."""
    nothing = {"pose_world": None, "transl_world": None, "joints_world": None, "contacts": None}
    people = tuple(person.replace(**nothing) for person in motion.people)
    return motion.replace(people=people, camera=motion.camera.replace(rotation=None, translation=None))


def _correlated_noise(rng: np.random.Generator, times: np.ndarray, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """A standard normal process with a correlation time of `memory` seconds: (F, *shape)."""
    keep = np.exp(-np.diff(times) / memory)
    out = rng.normal(size=(len(times), *shape))
    for i in range(1, len(times)):
        out[i] = keep[i - 1] * out[i - 1] + np.sqrt(1 - keep[i - 1] ** 2) * out[i]
    return out


def _with_fit_errors(person: Person, motion: Motion, body: BodyModel, rng: np.random.Generator, noise: Noise) -> Person:
    times = motion.times[person.frames]
    count = len(times)
    rig = Rig.of(body, "contacts", person.betas[0])
    local = axis_angle_to_matrix(person.pose.reshape(-1, 24, 3))
    root = person.transl + body.rest_joints(person.betas)[:, 0]
    rotation, joints, _ = rig.forward(local, root)
    ray = root / np.linalg.norm(root, axis=-1, keepdims=True)
    trunk = joints[:, 12] - joints[:, 0]

    in_depth = _correlated_noise(rng, times, (24,), 0.5) * noise.pose + rng.normal(size=24) * noise.bias
    in_depth += _correlated_noise(rng, times, (24,), 0.05) * noise.jitter
    isotropic = (
        _correlated_noise(rng, times, (24, 3), 0.3) * noise.pose / 3
        + _correlated_noise(rng, times, (24, 3), 0.05) * noise.jitter
    )
    lean = noise.lean * 0.7 * (rng.normal() + _correlated_noise(rng, times, (1,), 1.0))
    turned = rotation.copy()
    for j in range(24):
        bone = trunk
        if j:
            bone = (
                joints[:, CHILDREN[j]].mean(axis=1) - joints[:, j]
                if len(CHILDREN[j])
                else joints[:, j] - joints[:, PARENTS[j]]
            )
        share = 0.6 if j in TRUNK else 1.0
        turn = share * in_depth[:, j, None] * _across(bone, ray) + isotropic[:, j]
        turned[:, j] = axis_angle_to_matrix(np.radians(turn)) @ rotation[:, j]
    turned = axis_angle_to_matrix(np.radians(lean * _across(trunk, ray)))[:, None] @ turned
    local_noisy = turned.copy()
    for j in range(1, 24):
        local_noisy[:, j] = np.swapaxes(turned[:, PARENTS[j]], -1, -2) @ turned[:, j]

    # The distance is wrong; across the ray the body stays where the image shows it.
    depth = root[:, 2] * (1 + noise.depth * (0.5 * rng.normal() + 0.87 * _correlated_noise(rng, times, (), 0.8)))
    relative = rig.forward(local_noisy, np.zeros((count, 3)))[1]
    sight = joints[..., :2] / joints[..., 2:]
    far = relative[..., 2:] + depth[:, None, None]
    across = np.mean(sight * far - relative[..., :2], axis=1) + noise.across * _correlated_noise(rng, times, (2,), 0.1)
    position = np.concatenate([across, depth[:, None]], axis=1)
    pose = matrix_to_axis_angle(local_noisy).reshape(count, 72)
    return Person(
        id=person.id,
        frames=person.frames,
        pose=pose,
        betas=person.betas,
        transl=position - body.rest_joints(person.betas)[:, 0],
        joints=rig.forward(local_noisy, position)[1],
    )


def _across(bone: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Unit axes (F,3) of a bone's rotation in depth: orthogonal to the bone and the ray."""
    axis = np.cross(bone, ray)
    return axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-6)


def score(placed: Motion, truth: Motion, body: BodyModel, row: int = 0) -> dict[str, float]:
    """Errors of a placed person against the ground truth.

    gravity: degrees. ground: height in metres of the true ground under the person above the world's y = 0.
    contact_f1, contact_precision, contact_recall: of the four contact points together. soles, soles_worst: mm between
    the soles and the world's ground in the true contacts. trajectory: percent of the distance travelled, after the
    best shift and rotation about the vertical. sliding_truth: mm/s in the true contacts. legs_before and legs_after:
    mm, knees and ankles relative to the pelvis, in the camera's axes.
    """
    estimate, reference = placed.people[row], truth.people[row]
    reference = reference if len(reference) == len(estimate) else reference.select(estimate.frames)
    judged = foot_scores(placed, estimate.replace(contacts=reference.contacts), body)
    up, true_up = placed.camera.rotation[:, 1], truth.camera.rotation[:, 1]
    under = reference.joints_world[:, 0].mean(axis=0) * [1.0, 0.0, 1.0]
    seen = truth.camera.rotation @ under + truth.camera.translation
    height = (placed.camera.rotation.T @ (seen - placed.camera.translation))[1]
    both = float(np.sum(estimate.contacts & reference.contacts))
    legs = SMPL24.indices(["left_knee", "right_knee", "left_ankle", "right_ankle"])
    after = (estimate.joints_world - estimate.joints_world[:, :1])[:, legs] @ placed.camera.rotation.T
    before = (estimate.joints - estimate.joints[:, :1])[:, legs]
    true_legs = (reference.joints - reference.joints[:, :1])[:, legs]
    feet = body.posed_points("contacts", reference.pose_world, reference.betas, reference.transl_world)
    slides = foot_sliding(feet, reference.contacts, truth.times[reference.frames])
    return {
        "gravity": float(np.degrees(np.arccos(np.clip(up @ true_up, -1, 1)))),
        "ground": float(height),
        "contact_f1": 2 * both / max(1.0, float(estimate.contacts.sum() + reference.contacts.sum())),
        "contact_precision": both / max(1.0, float(estimate.contacts.sum())),
        "contact_recall": both / max(1.0, float(reference.contacts.sum())),
        "soles": judged["foot_height_mm"],
        "soles_worst": judged["foot_height_worst_mm"],
        "trajectory": root_trajectory_error(estimate.joints_world[:, 0], reference.joints_world[:, 0]),
        "sliding_truth": 1000 * float(np.nanmean(slides)) if np.isfinite(slides).any() else 0.0,
        "legs_before": 1000 * float(np.linalg.norm(before - true_legs, axis=-1).mean()),
        "legs_after": 1000 * float(np.linalg.norm(after - true_legs, axis=-1).mean()),
    }
