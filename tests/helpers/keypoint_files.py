"""Keypoints of a known motion as the files of other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.skeleton import joint_set


def projected(motion: Motion, set_name: str, noise: float = 0.0) -> list[np.ndarray]:
    """(F, K, 3) of each person: x, y in pixels and a confidence of 0.9; 0 for points that the body does not define."""
    body, camera, found = load_body(), motion.camera, []
    rng = np.random.default_rng(5)
    for person in motion:
        places = body.posed_points(set_name, person.pose, person.betas, person.transl)
        pixels = project(places, camera.intrinsics, camera.distortion)
        points = np.zeros((len(person), len(joint_set(set_name)), 3))
        points[:, body.points(set_name).rows, :2] = pixels + noise * rng.normal(size=pixels.shape)
        points[:, body.points(set_name).rows, 2] = 0.9
        found.append(points)
    return found


def alphapose_file(
    path: Path,
    people: Iterable[np.ndarray],
    *,
    picture: Callable[[int], str] = "{}.jpg".format,
    ids: bool = True,
    frames: Iterable[int] | None = None,
) -> Path:
    """AlphaPose's JSON of poses (F, K, 3). picture: a frame's name; frames: only these, in this order."""
    rows = [
        {"image_id": picture(f), "category_id": 1, "keypoints": points[f].ravel().tolist(), "score": 2.5,
         **({"idx": number} if ids else {})}
        for number, points in enumerate(people, start=1) for f in (range(len(points)) if frames is None else frames)
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    return path


def openpose_folder(path: Path, people: Iterable[np.ndarray], first: int = 0) -> Path:
    """OpenPose's folder of poses (F, K, 3), without identities."""
    people = list(people)
    path.mkdir()
    for f in range(len(people[0])):
        rows = [{"person_id": [-1], "pose_keypoints_2d": points[f].ravel().tolist()} for points in people]
        (path / f"clip_{first + f:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": rows}))
    return path
