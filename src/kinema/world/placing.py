"""The world stage: from motion in a static camera's frame to motion on the ground of a y-up world."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.geometry.camera import Camera, project
from kinema.geometry.rotations import axis_angle_to_matrix, continuous_axis_angle, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.skeleton import joint_set
from kinema.stage import Context, given
from kinema.temporal.gaps import uninterrupted
from kinema.world.balance import tangent
from kinema.world.cleanup import clean_feet, levels
from kinema.world.contacts import find_contacts
from kinema.world.fitted import FittedTrack
from kinema.world.ground import SIZE, TILT, Ground, estimate_ground
from kinema.world.measures import compare
from kinema.world.options import WorldOptions

CAMERA_MOVES = (
    "the camera moves, so the motion is in the camera's frame only, without a world; if it is in fact static,"
    " set `static_camera`"
)

FOOT_LANDMARKS = ("ankle", "heel", "big_toe")
FOOT_CONFIDENCE = 0.3
"""Mean confidence of a frame's foot landmarks, on the better foot, from which the feet count as seen."""


def place_people(motion: Motion, context: Context, options: WorldOptions) -> Motion:
    """Place every person's body in a gravity-aligned world, with contacts and clean feet.

    Needs the camera and people with pose, betas and transl in its frame (others are left unchanged); fills
    camera.rotation, camera.translation, pose_world, transl_world, joints_world and contacts. The world is
    right-handed, y up, in metres; the ground is y = 0; the camera looks along -z; the origin lies below the first
    pelvis of the first person. The camera-frame fields are left as fitted, so that the two differ by the clean-up as
    well as by the rigid transform.

    The motion of a moving camera is not estimated: the world fields stay empty and the provenance says so. The
    provenance also holds the uncertainty and source of gravity and height (`kinema.world.ground.Ground`), and what
    the clean-up changed (`kinema.world.measures.compare`). Raises UsageError without a camera.
    """
    body = given(context.body)
    bodies = [person for person in motion.people if person.pose is not None and len(person)]
    moving = options.camera == "moving" or (
        options.camera == "auto" and motion.camera is not None and motion.camera.moving is True
    )
    if moving or not bodies:
        why = "the camera moves; only camera-frame results" if moving else "nobody has a fitted body"
        context.facts |= {"placed": False, "reason": why}
        if moving:
            context.notes.append(CAMERA_MOVES)
        people = tuple(person.replace(**dict.fromkeys((*WORLD_FIELDS, "contacts"))) for person in motion.people)
        camera = motion.camera
        if camera is not None:
            camera = camera.replace(rotation=None, translation=None, moving=moving or camera.moving)
        return motion.replace(people=people, camera=camera)
    if motion.camera is None:
        raise UsageError("the motion has no camera; run the fit first, or give it one (kinema.geometry.camera)")

    tracks = {person.id: _track(person, motion.times, motion.camera, body) for person in bodies}
    ground = estimate_ground(list(tracks.values()))
    turn = world_from_camera(ground.up)
    start = turn @ tracks[bodies[0].id].root[0]
    origin = np.array([start[0], -ground.height, start[2]])  # of the world, in the rotated camera frame
    centre = -origin
    people_placed: list[Person] = []
    figures, done = {}, 0
    order = list(tracks)
    for person in motion.people:
        if person.id not in tracks:
            people_placed.append(person)
            continue
        row = order.index(person.id)
        drop = np.nan if ground.raised[row] else float(ground.drops[row])
        placed, measures = _place(person, body, tracks[person.id], turn, centre, drop, options)
        people_placed.append(placed)
        figures[str(person.id)] = measures
        done += 1
        context.progress(done, len(bodies))
    camera = motion.camera.replace(rotation=turn.T, translation=-turn.T @ centre, moving=False)
    context.facts |= {"placed": True, **_ground_facts(ground), "people": figures}
    return motion.replace(people=tuple(people_placed), camera=camera)


def world_from_camera(up: np.ndarray) -> np.ndarray:
    """The rotation (3,3) from the camera's frame to world axes: `up` to +y, the view's horizontal part to -z."""
    right, forward = tangent(up)
    return np.stack([right, up, -forward])


def _onto_ground(root: np.ndarray, centre: np.ndarray, drop: float) -> np.ndarray:
    """A root's path (F,3) in the world, moved so that feet `drop` metres below the camera lie at height 0.

    centre (3,): the camera's position. A person whose size was misjudged is moved along their own ray; an error in the
    ground's tilt is corrected by a vertical shift. The correction is divided between the two by their variances.
    """
    height = float(centre[1])
    if not np.isfinite(drop) or drop * height <= 0:
        return root
    ratio = float(np.clip(height / drop, 0.2, 5.0))
    distance = float(np.median(np.linalg.norm(root - centre, axis=1)))
    by_size = (max(SIZE, abs(ratio - 1)) * height) ** 2
    scale = 1 + (ratio - 1) * by_size / (by_size + (TILT * distance) ** 2)
    below = (root - centre) * [1.0, 0.0, 1.0] - [0.0, drop, 0.0]  # the ground under the root, at the person's own scale
    moved = root + (scale - 1) * below
    moved[:, 1] -= height - scale * drop
    return np.asarray(moved)


def _fitted(person: Person) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The person's pose (F,24,3), betas (F,10) and transl (F,3); UsageError where one is missing."""
    person.require("pose", "betas", "transl")
    fields = (person.pose, person.betas, person.transl)
    pose, betas, transl = (np.zeros(0) if field is None else field for field in fields)
    return pose.reshape(-1, 24, 3), betas, transl


def _track(person: Person, times: np.ndarray, camera: Camera, body: BodyModel) -> FittedTrack:
    """The person in the camera's frame. Betas that vary over the track are replaced by their median."""
    pose, betas, transl = _fitted(person)
    rig = Rig.of(body, "contacts", np.median(betas, axis=0))
    root = transl + body.rest_joints(betas)[:, 0]
    everywhere = np.ones(len(person), dtype=bool)
    track = FittedTrack(rig, times[person.frames], axis_angle_to_matrix(pose), root, everywhere)
    return FittedTrack(rig, track.times, track.local, root, _feet_seen(person, track, camera))


def _feet_seen(person: Person, track: FittedTrack, camera: Camera) -> np.ndarray:
    """(F,) bool: at least one foot lies in the image, with confident landmarks where there are any."""
    pixels = project(track.feet, camera.intrinsics, camera.distortion)
    margin = 0.02 * max(camera.width, camera.height)
    size = np.array([camera.width, camera.height])
    inside = np.all((pixels > -margin) & (pixels < size - 1 + margin), axis=-1) & (track.feet[..., 2] > 0.1)
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


def _place(
    person: Person,
    body: BodyModel,
    track: FittedTrack,
    turn: np.ndarray,
    centre: np.ndarray,
    drop: float,
    options: WorldOptions,
) -> tuple[Person, dict[str, float]]:
    betas = _fitted(person)[1]
    local = track.local.copy()
    local[:, 0] = turn @ local[:, 0]
    root = track.root @ turn.T + centre
    placed = track.moved(local=local, root=_onto_ground(root, centre, drop))
    contacts = np.zeros((len(person), 4), dtype=bool)
    pieces = uninterrupted(placed.times, person.frames, options.max_gap)
    before, after, touching, level = [], [], [], []
    for piece in pieces:
        raw = placed.part(piece)
        contacts[piece], steadied = find_contacts(raw, centre)
        clean = clean_feet(raw, steadied, contacts[piece], centre) if options.clean else raw
        before.append(raw)
        after.append(clean)
        touching.append(contacts[piece])
        level.append(levels(steadied, contacts[piece], centre))
    local = np.concatenate([piece.local for piece in after])
    root = np.concatenate([piece.root for piece in after])
    pose = continuous_axis_angle(matrix_to_axis_angle(local)).reshape(len(person), -1)
    transl = root - body.rest_joints(betas)[:, 0]
    joints = body.joints(pose, betas, transl)
    changes = {"pose_world": pose, "transl_world": transl, "joints_world": joints, "contacts": contacts}
    return person.replace(**changes), compare(before, after, touching, level)


def _ground_facts(ground: Ground) -> dict[str, Any]:
    """The ground as recorded in the provenance."""
    up = ground.up
    return {
        "gravity": {
            "source": ground.source,
            "pitch": round(float(np.degrees(np.arcsin(np.clip(-up[2], -1, 1)))), 3),
            "roll": round(float(np.degrees(np.arctan2(up[0], -up[1]))), 3),
            "sigma_roll": round(ground.tilt_sigma[0], 2),
            "sigma_pitch": round(ground.tilt_sigma[1], 2),
        },
        "raised": int(ground.raised.sum()),
        "camera_height": round(ground.height, 4),
        "sigma_camera_height": round(ground.height_sigma, 4),
        "feet_seen": round(ground.seen, 4),
        "feet_spread": round(ground.spread, 3),
    }
