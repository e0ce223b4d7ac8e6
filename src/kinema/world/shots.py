"""The world of a clip of several shots: each has a camera, a ground and an origin of its own."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person, join_people
from kinema.stage import Context
from kinema.world.options import WorldOptions
from kinema.world.path_scale import GIVEN_SCALE
from kinema.world.placing import place_people

PLACED = (*WORLD_FIELDS, "contacts")


def place_shots(motion: Motion, context: Context, options: WorldOptions) -> Motion:
    """`place_people` for each shot by itself, so that no ground is shared across a camera cut.

    A clip of several shots in which all cameras stand still has a camera pose for each frame. If some of them move, the
    people of the others have a world all the same, and the camera has no pose; a person who appears in both kinds of
    shot is left without one.
    """
    if options.scale is not None:
        motion = motion.replace(data={**motion.data, GIVEN_SCALE: options.scale})
    if not len(motion.cuts):
        return place_people(motion, context, options)
    moves = _moving(motion, options)
    placed: list[Motion] = []
    facts: list[dict[str, Any]] = []
    notes: dict[str, list[int]] = {}
    for number, frames in enumerate(motion.shots):
        shot = _shot(motion, frames, moves[number])
        inner = dataclasses.replace(context, notes=[], facts={})
        placed.append(place_people(shot, inner, options) if shot.people else shot)
        facts.append(inner.facts)
        for note in inner.notes:
            notes.setdefault(note, []).append(number)
    for note, shots in notes.items():
        starts = [f"{motion.times[motion.shots[number].start]:.2f}" for number in shots]
        whole = len(shots) == sum(bool(shot.people) for shot in placed)
        context.notes.append(note if whole else f"in the shots from {', '.join(starts)} s: {note}")
    context.facts |= {"placed": any(each.get("placed", False) for each in facts), "shots": facts}
    camera = _camera(motion, placed)
    return motion.replace(people=tuple(_joined(person, motion, placed) for person in motion), camera=camera)


def _moving(motion: Motion, options: WorldOptions) -> list[bool | None]:
    """Whether the camera moves in each shot, None if unknown: by the tracker, else as the clip's camera says."""
    whole = None if motion.camera is None else motion.camera.moving
    reports = motion.data.get("camera_motion", {}).get("shots", [])
    if not reports or whole is False:
        return [whole] * len(motion.shots)
    firsts = np.array([report["first"] for report in reports])
    return [reports[max(0, int(np.sum(firsts <= shot.start)) - 1)]["moving"] for shot in motion.shots]


def _shot(motion: Motion, frames: slice, moving: bool | None) -> Motion:
    """The part of the motion in one shot, with a camera of its own."""
    end = motion.times[frames.stop] if frames.stop < motion.num_frames else None
    part = motion.slice(motion.times[frames.start], end)
    camera = motion.camera
    if camera is None:
        return part
    return part.replace(camera=camera.replace(moving=moving, rotation=None, translation=None))


def _camera(motion: Motion, placed: list[Motion]) -> Camera | None:
    """The clip's camera with the poses of its shots, if all that have people have one."""
    if motion.camera is None:
        return None
    cameras = [shot.camera for shot in placed if shot.people]
    moving = [camera.moving for camera in cameras if camera is not None]
    state = True if True in moving else False if moving and all(each is False for each in moving) else None
    known = [camera for camera in cameras if camera is not None and camera.rotation is not None]
    if not known or len(known) < len(cameras):
        return motion.camera.replace(rotation=None, translation=None, moving=state)
    rotation, translation = np.empty((motion.num_frames, 3, 3)), np.empty((motion.num_frames, 3))
    turn, shift = _at(known[0], 0)
    for shot, frames in zip(placed, motion.shots, strict=True):  # a shot without people keeps the pose before it
        camera = shot.camera if shot.people else None
        if camera is not None and camera.rotation is not None and camera.translation is not None:
            rotation[frames], translation[frames] = camera.rotation, camera.translation
            turn, shift = _at(camera, -1)
        else:
            rotation[frames], translation[frames] = turn, shift
    return motion.camera.replace(rotation=rotation, translation=translation, moving=state)


def _at(camera: Camera, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A camera's rotation (3,3) and translation (3,) in one frame."""
    assert camera.rotation is not None
    assert camera.translation is not None
    moving = camera.rotation.ndim == 3
    return (camera.rotation[frame], camera.translation[frame]) if moving else (camera.rotation, camera.translation)


def _joined(person: Person, motion: Motion, placed: list[Motion]) -> Person:
    """The person with the world of every shot; without one if a shot has none."""
    parts = [
        part.replace(frames=part.frames + frames.start)
        for shot, frames in zip(placed, motion.shots, strict=True)
        for part in shot if part.id == person.id
    ]  # fmt: skip
    if not parts:
        return person
    if any(part.filled != parts[0].filled for part in parts):
        parts = [part.replace(**dict.fromkeys(PLACED)) for part in parts]
    return join_people(person.id, tuple(parts))
