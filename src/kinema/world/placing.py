"""The world stage: from motion in a camera's frame to motion on the ground of a y-up world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.body.sizes import BODY_HEIGHT, GIVEN_HEIGHT, resized_betas, stature
from kinema.errors import UsageError
from kinema.geometry.rotations import continuous_axis_angle, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.stage import Context, given
from kinema.temporal.gaps import uninterrupted
from kinema.world.balance import world_from_camera
from kinema.world.cleanup import clean_feet, levels
from kinema.world.contacts import find_contacts, held
from kinema.world.fitted import FittedTrack
from kinema.world.flight import Flights, size_by_flight
from kinema.world.ground import Ground, estimate_ground
from kinema.world.hiding import hidden_shares
from kinema.world.measures import compare
from kinema.world.moving import journey_along, path_over
from kinema.world.options import WorldOptions
from kinema.world.path_scale import metres_of_path, path_facts, scale_notes
from kinema.world.plumb import Plumb
from kinema.world.posture import lifted, with_carriers
from kinema.world.seen_lines import vertical_of
from kinema.world.sizes import SIZE, TILT
from kinema.world.tracks import Sight, fitted

CAMERA_MOVES = (
    "the camera moves and its path is not known, so the motion is in the camera's frame only, without a world; find the"
    " path (`kinema camera`), or set `static_camera` if the camera in fact stands still"
)

CAMERA_UNKNOWN = (
    "too little background is seen to tell whether the camera moves; it is taken to be static: if it moves, the world's"
    " positions are wrong"
)

RESIZED_SIGMA = 0.1
"""Metres: standard deviation of a height that follows from another person's, whose own is uncertain."""


def place_people(motion: Motion, context: Context, options: WorldOptions) -> Motion:
    """Place every person's body in a gravity-aligned world, with contacts and clean feet.

    Needs the camera and people with pose, betas and transl in its frame (others are left unchanged); fills
    camera.rotation, camera.translation, pose_world, transl_world, joints_world and contacts. The world is
    right-handed, y up, in metres; the ground is y = 0; the camera looks along -z; the origin lies below the first
    pelvis of the first person; a moving camera (`kinema.geometry.camera_path` in the motion's data) has a pose in each
    frame, looks along -z in the first one, and its path is scaled to metres (`kinema.world.path_scale`). The
    camera-frame fields are left as fitted, so that the two differ by the clean-up as well as by the rigid transform,
    except for people whose size the common ground, or how they fall in jumps (`kinema.world.flight`), shows to be
    another (betas, transl and joints; a note says so).

    Without its path a moving camera has no world: the fields stay empty and the provenance says so. The
    provenance also holds the uncertainty and source of gravity and height (`kinema.world.ground.Ground`), and what
    the clean-up changed (`kinema.world.measures.compare`). Raises UsageError without a camera.
    """
    body = given(context.body)
    bodies = [person for person in motion.people if person.pose is not None and len(person)]
    path = None if options.camera == "static" else path_over(motion)
    journey = journey_along(path)
    seen_moving = options.camera == "auto" and motion.camera is not None and motion.camera.moving is True
    # A path knows better than the detector whether the camera moves.
    moving = journey is None and (options.camera == "moving" or (seen_moving and path is None))
    if moving or not bodies:
        return _without_world(motion, context, moving)
    if motion.camera is None:
        raise UsageError("the motion has no camera; run the fit first, or give it one (kinema.geometry.camera)")

    camera = motion.camera
    sight = Sight(motion.times, camera, body, journey)
    scale = metres_of_path(motion, sight, options.scale)
    sight = replace(sight, scale=scale.metres, hidden=hidden_shares(motion, camera))
    motion, ground, sizes, plumb, flights = _on_one_ground(motion, sight)
    bodies = [person for person in motion.people if person.pose is not None and len(person)]
    context.notes.extend([*_flight_notes(bodies, flights), *_height_notes(bodies, ground, sizes)])
    context.notes.extend(scale_notes(sight, scale))
    tracks = {person.id: sight.track(person) for person in bodies}
    up = ground.up if journey is None else journey.rotation[0].T @ ground.up
    turn = world_from_camera(ground.up, None if journey is None else journey.rotation[0, :, 2])
    start = turn @ tracks[bodies[0].id].root[0]
    origin = np.array([start[0], -ground.height, start[2]])  # of the world, in the rotated camera frame
    centre = -origin
    placed, figures = {}, {}
    for row, person in enumerate(bodies):
        drop = np.nan if ground.raised[row] else float(ground.drops[row])
        placed[person.id], measures = _place(person, body, tracks[person.id], turn, centre, drop, options)
        figures[str(person.id)] = measures
        context.progress(row + 1, len(bodies))
    context.facts |= {"placed": True, **_ground_facts(ground, up), "people": figures}
    if plumb is not None:
        context.facts["gravity"]["lines"] = plumb.facts
    if journey is None:
        unknown = options.camera == "auto" and camera.moving is None and path is None
        if unknown and "camera_motion" in motion.data:  # looked for, not merely never asked
            context.notes.append(CAMERA_UNKNOWN)
        camera = camera.replace(rotation=turn.T, translation=-turn.T @ centre, moving=None if unknown else False)
    else:
        rotation, translation = journey.pose_in(turn, centre, scale.metres)
        camera = camera.replace(rotation=rotation, translation=translation, moving=True)
        context.facts["path"] = path_facts(journey, scale)
    if sizes:
        context.facts["resized"] = {str(id): round(size, 3) for id, size in sizes.items()}
    if flights:
        context.facts["flights"] = {
            str(id): {"count": each.count, "factor": round(each.factor, 3)} for id, each in flights.items()
        }
    return motion.replace(people=tuple(placed.get(person.id, person) for person in motion.people), camera=camera)


def _without_world(motion: Motion, context: Context, moving: bool) -> Motion:
    """The motion without the fields of the world: the camera is `moving`, or nobody has a body."""
    why = "the camera moves; only camera-frame results" if moving else "nobody has a fitted body"
    context.facts |= {"placed": False, "reason": why}
    if moving:
        context.notes.append(CAMERA_MOVES)
    people = tuple(person.replace(**dict.fromkeys((*WORLD_FIELDS, "contacts"))) for person in motion.people)
    camera = motion.camera
    if camera is not None:
        camera = camera.replace(rotation=None, translation=None, moving=moving or camera.moving)
    return motion.replace(people=people, camera=camera)


def _on_one_ground(
    motion: Motion, sight: Sight
) -> tuple[Motion, Ground, dict[int, float], Plumb | None, dict[int, Flights]]:
    """The motion with people of such sizes that they stand on one ground, that ground, the new statures by id, the
    vertical that the background shows near that of the people, and whose size flights told, by id."""
    body, sizes, flights = sight.body, dict[int, float](), dict[int, Flights]()
    plumb: Plumb | None = None
    looked = False
    while True:
        bodies = [person for person in motion.people if person.pose is not None and len(person)]
        statures = np.array([stature(body, np.median(fitted(person)[1], axis=0)) for person in bodies])
        known = np.array([person.id in {*sizes, *flights} or GIVEN_HEIGHT in person.data for person in bodies])
        tracks = [sight.track(person) for person in bodies]
        level = sight.journey is not None and sight.journey.level
        ground = estimate_ground(tracks, statures, known, level=level, plumb=plumb)
        if not looked and sight.journey is None:
            looked, plumb = True, vertical_of(motion, sight.camera, ground.up)
            if plumb is not None:
                ground = estimate_ground(tracks, statures, known, plumb=plumb)
        flown = dict[int, Flights]()
        if sight.journey is None and not flights:
            for person, track, drop in zip(bodies, tracks, ground.drops, strict=True):
                found = size_by_flight(person, track, body, sight.camera, ground.up, drop)
                flown |= {} if found is None else {person.id: found}
        flights |= flown
        factors = {person.id: float(each) for person, each in zip(bodies, ground.factors, strict=True) if each != 1}
        # Whose size flights show needs no comparison with others, who are then compared with them.
        if flown:
            factors = {id: each.factor for id, each in flown.items()}
        elif not factors:
            return motion, ground, sizes, plumb, flights
        people = tuple(
            _resized(person, body, factors[person.id], flown.get(person.id)) if person.id in factors else person
            for person in motion.people
        )
        sizes |= {
            person.id: float(each * factors[person.id])
            for person, each in zip(bodies, statures, strict=True)
            if person.id in factors and person.id not in flown
        }
        motion = motion.replace(people=people)


def _resized(person: Person, body: BodyModel, factor: float, flights: Flights | None = None) -> Person:
    """The person `factor` times as large and as far away in the camera's frame: with the same image. flights: that tell
    the factor; None: the common ground does."""
    pose, betas, transl = fitted(person)
    flat = pose.reshape(len(person), -1)
    root = factor * (transl + body.rest_joints(betas)[:, 0])
    shapes, which = np.unique(betas, axis=0, return_inverse=True)
    betas = np.stack([resized_betas(body, shape, factor) for shape in shapes])[which.reshape(-1)]
    transl = root - body.rest_joints(betas)[:, 0]
    metres = stature(body, betas[0])
    sigma = RESIZED_SIGMA if flights is None else round(flights.sigma * metres, 3)
    height = {"metres": round(metres, 4), "source": "estimated", "uncertainty": sigma}
    joints = body.joints(flat, betas, transl)
    return person.replace(betas=betas, transl=transl, joints=joints, data={**person.data, BODY_HEIGHT: height})


def _flight_notes(bodies: list[Person], flights: dict[int, Flights]) -> list[str]:
    """Whose height follows from jumps."""
    notes = []
    for person in bodies:
        if person.id in flights:
            height, count = person.data[BODY_HEIGHT], flights[person.id].count
            notes.append(
                f"person {person.id} is {height['metres']:.2f} +- {height['uncertainty']:.2f} m tall, by how fast they"
                f" fall in {count} {'jump' if count == 1 else 'jumps'}"
            )
    return notes


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


def _onto_ground(root: np.ndarray, centre: np.ndarray, height: float, drop: float) -> np.ndarray:
    """A root's path (F,3) in the world, moved so that feet `drop` metres below `height` lie at height 0.

    centre (3,), or (F,3) in each frame: the camera's position; height: on average. A person whose size was misjudged is
    moved along their own ray; an error in the ground's tilt is corrected by a vertical shift. The correction is divided
    between the two by their variances.
    """
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


def _place(
    person: Person,
    body: BodyModel,
    track: FittedTrack,
    turn: np.ndarray,
    centre: np.ndarray,
    drop: float,
    options: WorldOptions,
) -> tuple[Person, dict[str, float]]:
    betas = fitted(person)[1]
    local = track.local.copy()
    local[:, 0] = turn @ local[:, 0]
    root = track.root @ turn.T + centre
    height = float(centre[1])
    if track.eye is not None:
        centre = track.eye @ turn.T + centre
        track = replace(track, eye=centre)
    placed = with_carriers(track.moved(local=local, root=_onto_ground(root, centre, height, drop)))
    contacts = np.zeros((len(person), 4), dtype=bool)
    pieces = uninterrupted(placed.times, person.frames, options.max_gap)
    before, after, touching, level = [], [], [], []
    for piece in pieces:
        raw = placed.part(piece)
        here = centre[piece] if centre.ndim == 2 else centre
        touch, steadied = find_contacts(raw, here)
        clean = lifted(clean_feet(raw, steadied, touch, here)) if options.clean else raw
        contacts[piece] = held(touch[:, :4], clean.feet, clean.times) if options.clean else touch[:, :4]
        before.append(raw)
        after.append(clean)
        touching.append(contacts[piece])
        level.append(levels(steadied, touch, here)[:, :4])
    local = np.concatenate([piece.local for piece in after])
    root = np.concatenate([piece.root for piece in after])
    pose = continuous_axis_angle(matrix_to_axis_angle(local)).reshape(len(person), -1)
    transl = root - body.rest_joints(betas)[:, 0]
    joints = body.joints(pose, betas, transl)
    changes = {"pose_world": pose, "transl_world": transl, "joints_world": joints, "contacts": contacts}
    return person.replace(**changes), compare(before, after, touching, level)


def _ground_facts(ground: Ground, up: np.ndarray) -> dict[str, Any]:
    """The ground as recorded in the provenance; up (3,): the vertical in the axes of the (first) camera."""
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
