"""From a person's fitted body to the track that the world stage works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.geometry.camera import Camera, project
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.person import Person
from kinema.skeleton import joint_set
from kinema.world.balance import unit
from kinema.world.distance import with_sure_distance
from kinema.world.fitted import LIFTED_UP, FittedTrack
from kinema.world.moving import Journey
from kinema.world.surface import Surface

FOOT_LANDMARKS = ("ankle", "heel", "big_toe")
FOOT_CONFIDENCE = 0.3
"""Mean confidence of a frame's foot landmarks, on the better foot, from which the feet count as seen."""

MOSTLY = 0.7
"""Share of the joints in the image from which a body off its feet tells where the ground is."""

ROLL_SHOWN = 0.73
"""Share of a camera's roll that the pose lifter's vertical shows: it learned from cameras most of which are level, so
what it infers lies between the truth and a level camera (`benchmarks/lifted_vertical.py`). Of the pitch, too, but there
the share depends on the movement, and on real views other errors are larger."""

MOST_ROLL = np.radians(20.0)
"""Up to here the share was measured. Of more, no more is made up for."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a clip's people were seen with. times (T,) of the clip; journey: the way of a moving camera, and scale,
    metres of a unit of its path; without one the camera stands still. hidden: how much of people is hidden, by their
    ids (`kinema.world.hiding`)."""

    times: np.ndarray
    camera: Camera
    body: BodyModel
    journey: Journey | None = None
    scale: float = 1.0
    hidden: Mapping[int, np.ndarray] = field(default_factory=dict)

    def track(self, person: Person) -> FittedTrack:
        """The person in the camera's frame; of a moving camera, in the working frame of its journey.

        Betas that vary over the track are replaced by their median.
        """
        pose, betas, transl = fitted(person)
        rig = Rig.of(self.body, "contacts", np.median(betas, axis=0))
        root = transl + self.body.rest_joints(betas)[:, 0]
        if self.journey is not None:
            root[:, 2] *= self.journey.zoom(self.camera)[person.frames]
        everywhere = np.ones(len(person), dtype=bool)
        track = FittedTrack(rig, self.times[person.frames], axis_angle_to_matrix(pose), root, everywhere)
        surface = Surface.of(self.body, np.median(betas, axis=0))
        lifted = person.data.get(LIFTED_UP)
        lifted = None if lifted is None else with_whole_roll(np.asarray(lifted))
        if lifted is not None and self.journey is not None:
            lifted = np.einsum("fij,fj->fi", self.journey.rotation[person.frames], lifted)
        track = replace(
            track,
            feet_seen=_feet_seen(person, track, self.camera),
            surface=surface,
            seen=_seen(person, track, self.camera),
            lifted_up=None if lifted is None else unit(np.mean(lifted, axis=0)),
        )
        if self.journey is not None:
            track = self.journey.bring(track, person.frames, self.scale)
        return with_sure_distance(track, self.hidden[person.id]) if person.id in self.hidden else track


def with_whole_roll(up: np.ndarray) -> np.ndarray:
    """The lifter's verticals (F,3) in the camera's axes, with the roll that it leaves out (`ROLL_SHOWN`)."""
    roll = np.arctan2(up[:, 0], -up[:, 1])
    whole = roll + (1 / ROLL_SHOWN - 1) * np.clip(roll, -MOST_ROLL, MOST_ROLL)
    flat = np.hypot(up[:, 0], up[:, 1])
    return np.stack([flat * np.sin(whole), -flat * np.cos(whole), up[:, 2]], axis=1)


def fitted(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The person's pose (F,24,3), betas (F,10) and transl (F,3); UsageError where one is missing."""
    person.require("pose", "betas", "transl")
    fields = (person.pose, person.betas, person.transl)
    pose, betas, transl = (np.zeros(0) if field is None else field for field in fields)
    return pose.reshape(-1, 24, 3), betas, transl


def _inside(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Which points (F,K,3) in front of the camera lie in the image or hardly outside, (F,K) bool."""
    pixels = project(points, camera.intrinsics, camera.distortion)
    margin = 0.02 * max(camera.width, camera.height)
    size = np.array([camera.width, camera.height])
    return np.asarray(np.all((pixels > -margin) & (pixels < size - 1 + margin), axis=-1) & (points[..., 2] > 0.1))


def _seen(person: Person, track: FittedTrack, camera: Camera) -> np.ndarray:
    """(F,) bool: most of the body lies in the image."""
    seen = _inside(track.joints, camera).mean(axis=1) > MOSTLY
    return np.asarray(seen if person.observed is None else seen & person.observed)


def _feet_seen(person: Person, track: FittedTrack, camera: Camera) -> np.ndarray:
    """(F,) bool: at least one foot lies in the image, with confident landmarks where there are any."""
    inside = _inside(track.feet, camera)
    foot = np.all(inside.reshape(-1, 2, 2), axis=-1)  # (F, left and right)
    if person.keypoint_set is not None and person.keypoint_confidence is not None:
        joints = joint_set(person.keypoint_set)
        for column, side in enumerate(("left", "right")):
            names = [f"{side}_{part}" for part in FOOT_LANDMARKS if f"{side}_{part}" in joints]
            if names:
                confidence = person.keypoint_confidence[:, joints.indices(names)].mean(axis=1)
                foot[:, column] &= confidence >= FOOT_CONFIDENCE
    seen = np.asarray(foot.any(axis=1))
    return seen if person.observed is None else seen & person.observed
