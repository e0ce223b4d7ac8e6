"""The stage that fits a body of one shape to the points of every track, from any source."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.formats.marker_fitting import fit_points, shape_of_points
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import continuous_pose, turned_root
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.frames import in_its_frames
from kinema.refinement.measures import SMOOTHING, what_changed
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.track_fitting import fit_track, smooth_joints, weights_of
from kinema.refinement.track_points import TrackPoints, read_vertex_numbers, track_points
from kinema.skeleton import SMPL24
from kinema.stage import Context, given

_STANDS_IN = (
    "the body {body} stands in for {theirs}, whose vertices it does not have, and is fitted to the joints alone; give"
    " the file of {theirs} with `body_model`"
)


def fit_tracks(motion: Motion, context: Context, options: TrackFitOptions) -> Motion:
    """The stage's code: pose, betas, transl and joints of everyone, by `fit_track`; ids and frames are unchanged.

    People without any points are unchanged. People known only in the world are fitted there, without a camera. Raises
    InputError and UsageError for vertices that cannot be read.
    """
    body = given(context.body)
    people, report = [], {}
    errors: list[np.ndarray] = []
    total = sum(len(person) for person in motion)
    done = 0
    for person in motion:
        done += len(person)
        if not len(person) or not _has_points(person):
            people.append(person)
            continue
        one = _Fit(motion, body, context, options, errors)
        changed, figures = in_its_frames(motion, person, one)
        people.append(changed.replace(data={**changed.data, SMOOTHING: figures}))
        report[str(person.id)] = figures
        context.progress(done, total)
    context.facts["people"] = report
    if errors:
        context.facts["distance_left"] = float(np.concatenate(errors).mean())
    foreign = motion.body_model not in (None, body.name)
    if foreign and any(person.vertices is not None for person in motion):
        context.notes.append(_STANDS_IN.format(body=body.name, theirs=motion.body_model))
    return motion.replace(people=tuple(people), body_model=body.name)


def _has_points(person: Person) -> bool:
    own = person.vertices is not None or person.joints is not None or person.pose is not None
    return own or person.joints_world is not None or person.pose_world is not None


@dataclasses.dataclass(frozen=True, eq=False)
class _Fit:
    """Fits one person, in the camera's frame or the world's. errors: receives the residual distances, metres."""

    motion: Motion
    body: BodyModel
    context: Context
    options: TrackFitOptions
    errors: list[np.ndarray]

    def __call__(self, person: Person, upright: bool) -> tuple[Person, dict[str, Any]]:
        motion, options = self.motion, self.options
        if upright:
            person = person.replace(vertices=None, vertex_uncertainty=None)
        wanted = None if options.vertices is None else read_vertex_numbers(options.vertices)
        known = track_points(motion, person, self.body, options.max_gap, wanted=wanted, whole=options.parity)
        before = known.points[known.at, -NUM_JOINTS:].astype(np.float64)
        path = None if upright else _path(motion, person)
        starts = known.starts
        if path is not None and not options.parity:  # the camera's motion between its pieces is unknown
            starts = np.union1d(starts, known.at[1:][np.diff(path.piece) != 0])
        how: dict[str, Any] = {
            "fps": motion.fps, "options": options, "starts": starts, "seen": not upright,
            "camera": None if path is None else _steady(known, path),
        }  # fmt: skip
        found = (self._of_joints if known.source == "joints" else self._of_surface)(known, how).at(known.at)
        if path is not None:
            found = _as_seen(self.body, found, path)
        self.errors.append(found.error)
        pose = continuous_pose(found.pose)
        betas = np.tile(found.betas, (len(person), 1))
        changed = person.replace(pose=pose, betas=betas, transl=found.transl, joints=found.joints)
        pieces = motion.pieces(person, options.max_gap)
        return changed, what_changed(before, found.joints, motion.times[person.frames], pieces)

    def _of_surface(self, known: TrackPoints, how: dict[str, Any]) -> _Found:
        fit = fit_track(self.body, known.rows, known.points, weights_of(known.uncertainty), **how)
        return _Found(fit.pose, fit.betas, fit.transl, fit.joints, fit.error)

    def _of_joints(self, known: TrackPoints, how: dict[str, Any]) -> _Found:
        """The fit to joints only: bone lengths determine the shape, and the joints' movement the twist of the limbs."""
        smooth = smooth_joints(known.points, weights_of(known.uncertainty), **how)
        there = np.isfinite(smooth).all(axis=(1, 2))
        joints, names = smooth[there].astype(np.float64), SMPL24.joints
        betas, _ = shape_of_points(self.body, names, joints)
        clock = np.arange(len(smooth))[there] / self.motion.fps
        counted = np.ones(joints.shape[:2], dtype=bool)
        pose, transl, left = fit_points(self.body, SMPL24.name, names, joints, counted, betas, clock)
        whole = [np.zeros((len(smooth), *each.shape[1:])) for each in (pose, transl, left[:, 0])]
        for each, part in zip(whole, (pose, transl, left.mean(axis=1)), strict=True):
            each[there] = part
        return _Found(whole[0], betas, whole[1], self.body.joints(whole[0], betas, whole[1]), whole[2])


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """pose (D,72), betas (10,), transl (D,3), joints (D,24,3), and the mean residual distance, error (D,)."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    error: np.ndarray

    def at(self, rows: np.ndarray) -> _Found:
        return _Found(self.pose[rows], self.betas, self.transl[rows], self.joints[rows], self.error[rows])


def _path(motion: Motion, person: Person) -> CameraPath | None:
    """The path of a moving camera in the person's frames, if it is known."""
    path = motion.camera_path
    if path is None or path.kind == "static":
        return None
    return path.part(person.frames)


def _steady(known: TrackPoints, path: CameraPath) -> np.ndarray:
    """The camera's positions (D,3) in the shot's frame, into which the points are turned, in place.

    If the path's unit is unknown, the camera is assumed to rotate in place, like a hand-held one.
    """
    camera = np.zeros((len(known.points), 3))
    if path.metric:
        camera[known.at] = path.centre
    for rotation, place in zip(path.rotation, known.at, strict=True):
        known.points[place] = known.points[place] @ rotation + camera[place]
    return camera


def _as_seen(body: BodyModel, found: _Found, path: CameraPath) -> _Found:
    """A body in the shot's frame, (F, ...), in the camera's."""
    turn, centre = path.rotation, path.centre if path.metric else np.zeros(3)
    rest = body.rest_joints(found.betas)[0]
    pose = turned_root(found.pose, turn)
    # The root turns about the pelvis.
    pelvis = np.squeeze(turn @ (found.transl + rest - centre)[..., None], -1)
    joints = (found.joints - np.reshape(centre, (-1, 1, 3))) @ np.swapaxes(turn, 1, 2)
    return _Found(pose, found.betas, pelvis - rest, joints, found.error)
