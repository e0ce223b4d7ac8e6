"""Cameras that move through a known motion, the paths that a camera-motion method would find, and scores."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kinema.body import BodyModel
from kinema.body.sizes import resized_betas
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.metrics import foot_sliding, root_trajectory_error
from kinema.motion import Motion
from tests.helpers.monocular import seen_from

KINDS = ("pan", "handheld", "dolly", "orbit", "follow", "drone")


def slow_noise(rng: np.random.Generator, times: np.ndarray, seconds: float, *shape: int) -> np.ndarray:
    """Smooth noise (T, *shape) of unit variance that changes within `seconds`."""
    rate = len(times) / max(times[-1] - times[0], 1e-9)
    pad = int(4 * seconds * rate) + 1
    noise = gaussian_filter1d(rng.normal(size=(len(times) + 2 * pad, *shape)), seconds * rate, axis=0)
    return noise[pad : pad + len(times)] / (noise.std() + 1e-12)


def moving_camera(kind: str, joints: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> Camera:
    """A camera (T,3,3) that keeps a person, (T,24,3) world joints, in view, moving as `kind` says.

    pan: it turns in one place. handheld: somebody stands and sways by 5 cm. dolly: a straight line at 0.4-0.8 m/s.
    orbit: an arc of 60-120 degrees around the person's place. follow: somebody walks along with the person. drone: it
    rises by 2-4 m while it flies sideways.
    """
    root = joints[:, 0]
    low, high = root.min(axis=0), root.max(axis=0)
    centre = 0.5 * (low + high)
    yaw, height = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 2.0)
    distance = rng.uniform(2.5, 4.0) + 0.5 * float(np.linalg.norm((high - low)[[0, 2]]))
    share = ((times - times[0]) / max(times[-1] - times[0], 1e-9))[:, None]

    def around(angle: np.ndarray | float, far: np.ndarray | float = distance) -> np.ndarray:
        angle = np.broadcast_to(angle, len(times))
        return far * np.stack([np.sin(angle), np.zeros(len(times)), np.cos(angle)], axis=1)

    ground = centre * [1.0, 0.0, 1.0] + [0.0, height, 0.0]
    place = ground + around(yaw)
    watched = gaussian_filter1d(root, 0.3 * len(times) / max(times[-1] - times[0], 1e-9), axis=0, mode="nearest")
    if kind == "dolly":
        direction = around(yaw + rng.uniform(0.6, 2.5), 1.0)
        place = place + (share - 0.5) * direction * rng.uniform(0.4, 0.8) * (times[-1] - times[0])
    elif kind == "orbit":
        place = ground + around(yaw + (share[:, 0] - 0.5) * np.radians(rng.uniform(60, 120)) * rng.choice([-1, 1]))
    elif kind == "follow":
        place = watched * [1.0, 0.0, 1.0] + [0.0, height, 0.0] + around(yaw, rng.uniform(2.5, 4.0))
    elif kind == "drone":
        place = place + share * [0.0, rng.uniform(2, 4), 0.0] + (share - 0.5) * around(yaw + 1.57, rng.uniform(1, 3))
    if kind in ("handheld", "follow"):
        place = place + 0.05 * slow_noise(rng, times, 0.6, 3)
    forward = watched * [1.0, 0.3, 1.0] + centre * [0.0, 0.7, 0.0] + 0.05 * slow_noise(rng, times, 0.5, 3) - place
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    roll = np.radians(rng.uniform(-3, 3)) + np.radians(0.5) * slow_noise(rng, times, 0.5)
    rotation = axis_angle_to_matrix(roll[:, None] * [0.0, 0.0, 1.0]) @ rotation
    translation = -np.einsum("tij,tj->ti", rotation, place)
    return camera_from_fov(1280, 960, 70.0).replace(rotation=rotation, translation=translation, moving=True)


def path_of_camera(
    camera: Camera, times: np.ndarray, *, unit: float = 1.0, rng: np.random.Generator | None = None, kind: str = "full"
) -> CameraPath:
    """The path that a camera-motion method finds: in the first camera's frame, `unit` metres a unit.

    rng: with a method's errors: a rotation that wanders by 0.2 degrees and places off by 0.5 % of the way.
    """
    place = -np.einsum("tji,tj->ti", camera.rotation, camera.translation)
    first = camera.rotation[0]
    rotation, centre = camera.rotation @ first.T, (place - place[0]) @ first.T / unit
    if rng is not None:
        wander = np.radians(0.2) * slow_noise(rng, times, 1.0, 3)
        rotation = axis_angle_to_matrix(wander) @ rotation
        way = np.linalg.norm(np.diff(centre, axis=0), axis=1).sum()
        centre = centre + 0.005 * way * slow_noise(rng, times, 1.0, 3) if kind == "full" else centre
    if kind == "rotation":
        centre = np.zeros_like(centre)
    return CameraPath(rotation, centre, camera.intrinsics, kind=kind)


def with_places(
    path: CameraPath, camera: Camera, unit: float, rng: np.random.Generator, ground: np.ndarray, noise: float = 0.02
) -> CameraPath:
    """The path with places of the background: those of the ground, (P,3) in the world, and as many at any height up to
    3 m near them, whose distances from the first camera are off by a fraction `noise`."""
    rest = ground + np.stack(
        [rng.uniform(-2, 2, len(ground)), rng.uniform(0, 3, len(ground)), np.zeros(len(ground))], 1
    )
    seen = np.concatenate([ground, rest]) @ camera.rotation[0].T + camera.translation[0]
    seen *= 1 + noise * rng.normal(size=(len(seen), 1))
    piece = np.zeros(len(seen), dtype=np.int64)
    return path.replace(points=seen / unit, points_sigma=np.full(len(seen), noise), points_piece=piece)


def lost_between(path: CameraPath, first: int, stop: int, ratio: float) -> CameraPath:
    """The path as it is found if the camera is lost from `first` to `stop`: it stays, and what follows begins with the
    pose that was left, in a unit `ratio` times as long."""
    rotation, centre, found = path.rotation.copy(), path.centre.copy(), np.ones(len(path), bool)
    rotation[first:stop], centre[first:stop], found[first:stop] = rotation[first - 1], centre[first - 1], False
    back = path.rotation[stop].T @ rotation[first - 1]
    rotation[stop:] = path.rotation[stop:] @ back
    centre[stop:] = centre[first - 1] + (path.centre[stop:] - path.centre[stop]) @ back / ratio
    return path.replace(rotation=rotation, centre=centre, found=found, breaks=np.array([stop]))


def of_other_size(motion: Motion, body: BodyModel, factors: float | np.ndarray) -> Motion:
    """A fitted motion whose people are so many times as tall as they are, and as far away: with the same image.

    factors: one for all, or (P,) for each."""
    people = []
    for person, factor in zip(motion, np.broadcast_to(factors, len(motion.people)).tolist(), strict=True):
        pelvis = body.rest_joints(person.betas)[:, 0]
        betas = np.broadcast_to(resized_betas(body, person.betas[0], factor), person.betas.shape)
        transl = factor * (person.transl + pelvis) - body.rest_joints(betas)[:, 0]
        joints = body.joints(person.pose, betas, transl)
        people.append(person.replace(betas=betas, transl=transl, joints=joints))
    return motion.replace(people=tuple(people))


def filmed(motion: Motion, camera: Camera, path: CameraPath, body: BodyModel) -> Motion:
    """A motion with world fields as seen by a moving camera whose path was found."""
    seen = seen_from(motion, camera, body)
    return seen.replace(data={**seen.data, **path_data(path)})


def score_moving(placed: Motion, truth: Motion, body: BodyModel) -> dict[str, float]:
    """Errors of a placed clip against the truth, for its first person.

    gravity: degrees, mean over the frames. person: percent of the distance walked, camera: percent of the way of the
    camera, after the best shift and rotation about the vertical. sliding: mm/s in the contacts found. ground: metres
    between the true ground and y = 0 under the person. f1 of contacts.
    """
    estimate, reference = placed.people[0], truth.people[0].select(placed.people[0].frames)
    up, true_up = placed.camera.rotation[..., 1], truth.camera.rotation[..., 1]
    feet = body.posed_points("contacts", estimate.pose_world, estimate.betas, estimate.transl_world)
    slides = foot_sliding(feet, estimate.contacts, placed.times[estimate.frames])
    places = [-np.einsum("tji,tj->ti", c.rotation, c.translation) for c in (placed.camera, truth.camera)]
    both = float(np.sum(estimate.contacts & reference.contacts))
    walked = np.linalg.norm(np.diff(reference.joints_world[:, 0], axis=0), axis=1).sum()
    under = reference.joints_world[:, 0] * [1.0, 0.0, 1.0]
    seen = np.einsum("tij,tj->ti", truth.camera.rotation[estimate.frames], under)
    seen = seen + truth.camera.translation[estimate.frames] - placed.camera.translation[estimate.frames]
    ground = np.einsum("tji,tj->ti", placed.camera.rotation[estimate.frames], seen)[:, 1]
    return {
        "gravity": float(np.degrees(np.arccos(np.clip(np.sum(up * true_up, axis=-1), -1, 1))).mean()),
        "person": root_trajectory_error(estimate.joints_world[:, 0], reference.joints_world[:, 0]),
        "walked": float(walked),
        "camera": root_trajectory_error(*places) if np.ptp(places[1], axis=0).max() > 1e-6 else float("nan"),
        "sliding": 1000 * float(np.nanmean(slides)) if np.isfinite(slides).any() else 0.0,
        "ground": float(np.median(ground)),
        "f1": 2 * both / max(1.0, float(estimate.contacts.sum() + reference.contacts.sum())),
    }
