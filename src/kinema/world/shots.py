"""The world of a clip of several shots: each has a camera, a ground and an origin of its own, its pieces share them."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person, join_people
from kinema.stage import Context
from kinema.world.moving import path_over
from kinema.world.options import WorldOptions
from kinema.world.path_scale import GIVEN_SCALE
from kinema.world.pieces import bridged, is_placed, joined, seam_note
from kinema.world.placing import place_people

PLACED = (*WORLD_FIELDS, "contacts")


@dataclass(frozen=True)
class Part:
    """Frames that are placed at once: a shot, or a piece of it between two losses of the camera. number: of the shot;
    lost: frames in which the camera was lost, which are placed between their neighbours."""

    frames: slice
    number: int
    lost: bool = False


def place_shots(motion: Motion, context: Context, options: WorldOptions) -> Motion:
    """`place_people` for each shot separately, so that no ground is shared across a camera cut, and for each piece of a
    moving camera's path, which are joined to one world where people go on (`kinema.world.pieces`).

    A clip of several shots in which all cameras stand still has a camera pose for each frame. If some of them move, the
    people of the others have a world all the same, and the camera has no pose; a person who appears in both kinds of
    shot is left without one.
    """
    if options.scale is not None:
        motion = motion.replace(data={**motion.data, GIVEN_SCALE: options.scale})
    parts = _parts(motion, options)
    if len(parts) == 1:
        return place_people(motion, context, options)
    moves = _moving(motion, options)
    placed: list[Motion] = []
    facts: dict[int, dict[str, Any]] = {}
    notes: dict[str, list[float]] = {}
    for number, part in enumerate(parts):
        shot = _shot(motion, part.frames, moves[part.number])
        if part.lost:
            placed.append(shot)
            continue
        inner = dataclasses.replace(context, notes=[], facts={})
        placed.append(place_people(shot, inner, options) if shot.people else shot)
        facts[number] = inner.facts
        for note in inner.notes:
            notes.setdefault(note, []).append(float(shot.times[0]))
    _put_together(placed, parts, facts, context)
    pieces = any(part.lost for part in parts) or len(parts) > len(motion.shots)
    people = sum(bool(shot.people) for shot, part in zip(placed, parts, strict=True) if not part.lost)
    for note, starts in notes.items():
        where = f"in the {'parts' if pieces else 'shots'} from {', '.join(f'{start:.2f}' for start in starts)} s"
        context.notes.append(note if len(starts) == people else f"{where}: {note}")
    if pieces and GIVEN_SCALE in motion.data:
        context.notes.append("the pieces of the camera's path have units of their own; `scale` was taken for each")
    told = list(facts.values())
    context.facts |= {"placed": any(each.get("placed", False) for each in told), "shots": told}
    camera = _camera(motion, placed, parts)
    return motion.replace(people=tuple(_joined(person, parts, placed) for person in motion), camera=camera)


def _parts(motion: Motion, options: WorldOptions) -> list[Part]:
    """The shots, in pieces where their path has them; frames without a camera at the end of a piece are lost ones."""
    path = None if options.camera == "static" else path_over(motion)
    parts = []
    for number, shot in enumerate(motion.shots):
        breaks = [] if path is None else [each for each in path.breaks.tolist() if shot.start < each < shot.stop]
        bounds = [shot.start, *breaks, shot.stop]
        for first, stop in itertools.pairwise(bounds):
            assert path is None or path.found is not None
            found = np.zeros(0) if path is None or path.found is None else np.flatnonzero(path.found[first:stop])
            end = first + int(found[-1]) + 1 if len(found) and stop < shot.stop else stop
            parts.append(Part(slice(first, end), number))
            if end < stop:
                parts.append(Part(slice(end, stop), number, lost=True))
    return parts


def _put_together(placed: list[Motion], parts: list[Part], facts: dict[int, dict[str, Any]], context: Context) -> None:
    """Bring the pieces of each shot to one world, and place the frames between them; `placed` is changed."""
    for shot in dict.fromkeys(part.number for part in parts):
        rows = [row for row, part in enumerate(parts) if part.number == shot and not part.lost]
        together, seams = joined([placed[row] for row in rows])
        for number, (row, piece) in enumerate(zip(rows, together, strict=True)):
            placed[row] = piece
            if number in seams:
                facts[row]["seam"] = seams[number].facts()
                context.notes.append(seam_note(seams[number], float(piece.times[0])))
        for row, part in enumerate(parts):
            if part.lost and part.number == shot:
                before = next((placed[each] for each in reversed(rows) if each < row and is_placed(placed[each])), None)
                after = next((placed[each] for each in rows if each > row and is_placed(placed[each])), None)
                placed[row] = bridged(placed[row], before, after)


def _moving(motion: Motion, options: WorldOptions) -> list[bool | None]:
    """Whether the camera moves in each shot, None if unknown: by the tracker, else as the clip's camera says."""
    whole = None if motion.camera is None else motion.camera.moving
    reports = motion.data.get("camera_motion", {}).get("shots", [])
    if not reports or whole is False:
        return [whole] * len(motion.shots)
    firsts = np.array([report["first"] for report in reports])
    return [reports[max(0, int(np.sum(firsts <= shot.start)) - 1)]["moving"] for shot in motion.shots]


def _shot(motion: Motion, frames: slice, moving: bool | None) -> Motion:
    """The part of the motion in some frames, with a camera of its own."""
    end = motion.times[frames.stop] if frames.stop < motion.num_frames else None
    part = motion.slice(motion.times[frames.start], end)
    camera = motion.camera
    if camera is None:
        return part
    return part.replace(camera=camera.replace(moving=moving, rotation=None, translation=None))


def _camera(motion: Motion, placed: list[Motion], parts: list[Part]) -> Camera | None:
    """The clip's camera with the poses of its parts, if all that have people have one."""
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
    for shot, part in zip(placed, parts, strict=True):  # a part without people keeps the pose before it
        camera = shot.camera
        if camera is not None and camera.rotation is not None and camera.translation is not None:
            rotation[part.frames], translation[part.frames] = camera.rotation, camera.translation
            turn, shift = _at(camera, -1)
        else:
            rotation[part.frames], translation[part.frames] = turn, shift
    return motion.camera.replace(rotation=rotation, translation=translation, moving=state)


def _at(camera: Camera, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A camera's rotation (3,3) and translation (3,) in one frame."""
    assert camera.rotation is not None
    assert camera.translation is not None
    moving = camera.rotation.ndim == 3
    return (camera.rotation[frame], camera.translation[frame]) if moving else (camera.rotation, camera.translation)


def _joined(person: Person, parts: list[Part], placed: list[Motion]) -> Person:
    """The person with the world of every part; without one if a part has none."""
    own = [
        each.replace(frames=each.frames + part.frames.start)
        for shot, part in zip(placed, parts, strict=True)
        for each in shot if each.id == person.id
    ]  # fmt: skip
    if not own:
        return person
    if any(each.filled != own[0].filled for each in own):
        own = [each.replace(**dict.fromkeys(PLACED)) for each in own]
    return join_people(person.id, tuple(own))
