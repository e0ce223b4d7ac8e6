"""The world stage: from motion in a static camera's frame to motion on the ground of a y-up world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.body.sizes import BODY_HEIGHT, GIVEN_HEIGHT, resized_betas, stature
from kinema.errors import UsageError
from kinema.geometry.camera import Camera, project
from kinema.geometry.rotations import axis_angle_to_matrix, continuous_axis_angle, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.skeleton import joint_set
from kinema.stage import Context, given
from kinema.temporal.gaps import uninterrupted
from kinema.world.balance import tangent, unit
from kinema.world.cleanup import clean_feet, levels
from kinema.world.contacts import find_contacts
from kinema.world.fitted import LIFTED_UP, FittedTrack
from kinema.world.ground import Ground, estimate_ground
from kinema.world.measures import compare
from kinema.world.options import WorldOptions
from kinema.world.posture import lifted, with_carriers
from kinema.world.sizes import SIZE, TILT
from kinema.world.surface import Surface

CAMERA_MOVES = (
    "the camera moves, so the motion is in the camera's frame only, without a world; if it is in fact static,"
    " set `static_camera`"
)

FOOT_LANDMARKS = ("ankle", "heel", "big_toe")
FOOT_CONFIDENCE = 0.3
"""Mean confidence of a frame's foot landmarks, on the better foot, from which the feet count as seen."""

RESIZED_SIGMA = 0.1
"""Metres: standard deviation of a height that follows from another person's, whose own is uncertain."""

MOSTLY = 0.7
"""Share of the joints in the image from which a body off its feet tells where the ground is."""


def place_people(motion: Motion, context: Context, options: WorldOptions) -> Motion:
    """Place every person's body in a gravity-aligned world, with contacts and clean feet.

    Needs the camera and people with pose, betas and transl in its frame (others are left unchanged); fills
    camera.rotation, camera.translation, pose_world, transl_world, joints_world and contacts. The world is
    right-handed, y up, in metres; the ground is y = 0; the camera looks along -z; the origin lies below the first
    pelvis of the first person. The camera-frame fields are left as fitted, so that the two differ by the clean-up as
    well as by the rigid transform, except for people whose size the common ground shows to be another (betas, transl
    and joints; a note says so).

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

    camera = motion.camera
    motion, ground, sizes = _on_one_ground(motion, camera, body)
    bodies = [person for person in motion.people if person.pose is not None and len(person)]
    context.notes.extend(_height_notes(bodies, ground, sizes))
    tracks = {person.id: _track(person, motion.times, camera, body) for person in bodies}
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
    unknown = options.camera == "auto" and camera.moving is None
    camera = camera.replace(rotation=turn.T, translation=-turn.T @ centre, moving=None if unknown else False)
    context.facts |= {"placed": True, **_ground_facts(ground), "people": figures}
    if sizes:
        context.facts["resized"] = {str(id): round(size, 3) for id, size in sizes.items()}
    return motion.replace(people=tuple(people_placed), camera=camera)


def _on_one_ground(motion: Motion, camera: Camera, body: BodyModel) -> tuple[Motion, Ground, dict[int, float]]:
    """The motion with people of such sizes that they stand on one ground, that ground, and the new statures by id."""
    sizes: dict[int, float] = {}
    while True:
        bodies = [person for person in motion.people if person.pose is not None and len(person)]
        statures = np.array([stature(body, np.median(_fitted(person)[1], axis=0)) for person in bodies])
        known = np.array([person.id in sizes or GIVEN_HEIGHT in person.data for person in bodies])
        tracks = [_track(person, motion.times, camera, body) for person in bodies]
        ground = estimate_ground(tracks, statures, known)
        factors = {person.id: float(each) for person, each in zip(bodies, ground.factors, strict=True) if each != 1}
        if not factors:
            return motion, ground, sizes
        people = tuple(
            _resized(person, body, factors[person.id]) if person.id in factors else person for person in motion.people
        )
        sizes |= {
            person.id: float(each * factors[person.id])
            for person, each in zip(bodies, statures, strict=True)
            if person.id in factors
        }
        motion = motion.replace(people=people)


def _resized(person: Person, body: BodyModel, factor: float) -> Person:
    """The person `factor` times as large and as far away in the camera's frame: with the same image."""
    pose, betas, transl = _fitted(person)
    flat = pose.reshape(len(person), -1)
    root = factor * (transl + body.rest_joints(betas)[:, 0])
    shapes, which = np.unique(betas, axis=0, return_inverse=True)
    betas = np.stack([resized_betas(body, shape, factor) for shape in shapes])[which.reshape(-1)]
    transl = root - body.rest_joints(betas)[:, 0]
    height = {
        "metres": round(stature(body, betas[0]), 4),
        "source": "estimated",
        "uncertainty": RESIZED_SIGMA,
    }
    joints = body.joints(flat, betas, transl)
    return person.replace(betas=betas, transl=transl, joints=joints, data={**person.data, BODY_HEIGHT: height})


def _height_notes(bodies: list[Person], ground: Ground, sizes: dict[int, float]) -> list[str]:
    """What the user must know about people's sizes, and about who does not stand on the ground."""
    notes = []
    if sizes:
        who = "both stand" if len(bodies) == 2 else "all stand"
        scaled = " and ".join(f"person {id} was scaled to {size:.2f} m" for id, size in sizes.items())
        notes.append(f"{scaled} so that {who} on one ground; `height` takes a height for each person")
    for person, drop, raised in zip(bodies, ground.drops, ground.raised, strict=True):
        if raised and len(bodies) > 1:
            notes.append(
                f"person {person.id} stands {ground.height - drop:.2f} m above the ground of the others; if that is not"
                " so, their sizes are wrong: give `height` for each person"
            )
    return notes


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
    surface = Surface.of(body, np.median(betas, axis=0))
    lifted = person.data.get(LIFTED_UP)
    return replace(
        track,
        feet_seen=_feet_seen(person, track, camera),
        surface=surface,
        seen=_seen(person, track, camera),
        lifted_up=None if lifted is None else unit(np.mean(lifted, axis=0)),
    )


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
    placed = with_carriers(track.moved(local=local, root=_onto_ground(root, centre, drop)))
    contacts = np.zeros((len(person), 4), dtype=bool)
    pieces = uninterrupted(placed.times, person.frames, options.max_gap)
    before, after, touching, level = [], [], [], []
    for piece in pieces:
        raw = placed.part(piece)
        touch, steadied = find_contacts(raw, centre)
        clean = lifted(clean_feet(raw, steadied, touch, centre)) if options.clean else raw
        contacts[piece] = touch[:, :4]
        before.append(raw)
        after.append(clean)
        touching.append(contacts[piece])
        level.append(levels(steadied, touch, centre)[:, :4])
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
