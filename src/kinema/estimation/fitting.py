"""The fit: from tracked keypoints to a body, one person at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, TypeVar

import numpy as np

from kinema.errors import UsageError
from kinema.estimation.girths import fit_girths
from kinema.estimation.options import FitOptions
from kinema.estimation.person_fit import LIFTERS, PersonFit
from kinema.estimation.point_offsets import point_offsets
from kinema.estimation.priors import is_lifted_twice, prior_of
from kinema.estimation.shape import fit_shape, out_of_reach
from kinema.estimation.shown import joints_estimated, parts_of
from kinema.estimation.solver import Evidence, PoseState
from kinema.estimation.upright import verticals_of
from kinema.geometry.camera import DEFAULT_FOV, Camera, camera_from_fov, with_fov
from kinema.geometry.camera_path import still_turns
from kinema.models.pose_lifter.lifter import Lifter
from kinema.motion import Motion
from kinema.person import Person, join_people
from kinema.progress import Progress
from kinema.refinement.landmarks import KeypointRefiner
from kinema.skeleton import BLAZEPOSE33
from kinema.stage import Context, given
from kinema.world.lens import estimate_camera
from kinema.world.vanishing import BACKGROUND_LINES

Values = TypeVar("Values", Evidence, PoseState)


def fit_people(motion: Motion, context: Context, options: FitOptions) -> Motion:
    """Fit the body to every person's keypoints.

    Requires keypoints and keypoint_confidence of a joint set of which the body model defines at least six points,
    limb joints among them; fills pose, betas, transl, joints, joint_seen and reprojection_error in the camera's
    frame, and the camera if the motion has none. keypoints3d, of the same set or another, give the pose prior: the
    pose lifter reads blazepose33, the analytic prior any set with the twelve limb joints. Where another network's 2D
    keypoints are fused with BlazePose's (fused59), the lifter of 2D keypoints reads these and joins in. Without 3D it
    reads any set with these joints; with fewer, the fit starts from a relaxed stance oriented by the torso in the
    image, and the depth of the limbs is little more than a guess. If a prior replaces the one in the options, the
    person's data record it: "fit_prior" is "lifted", "analytic" or "standing". They also say how tall the body is and
    why (`kinema.body.sizes.BODY_HEIGHT`), and on how many outlines the shape rests
    (`kinema.estimation.person_fit.SHAPE_OUTLINES`): those that tracking made (`kinema.person.OUTLINES`), which are used
    up, or masks. Where about every frame has an outline, poses follow them, too.

    People who are never seen well enough keep their fields. Raises UsageError for a person without keypoints, for a set
    with too few points, and if too few points are seen of everyone.
    """
    body = given(context.body)
    camera = _camera_of(motion, options.fov)
    priors = [prior_of(person, options.prior) for person in motion.people]
    twice = [
        options.second_lifter and is_lifted_twice(person, prior)
        for person, prior in zip(motion.people, priors, strict=True)
    ]
    networks = _Networks.needed(motion, priors, twice, options)
    total = sum(len(person) for person in motion.people)
    done = 0
    people = []
    heights = options.heights(len(priors))
    if len(heights) > len(priors):
        known = "1 person" if len(priors) == 1 else f"{len(priors)} people"
        context.notes.append(f"`height` has {len(heights)} values for {known}; the last ones are not used")
    fits = [
        [
            PersonFit(
                part,
                motion.times[part.frames],
                (motion.width, motion.height),
                camera,
                body,
                options,
                prior,
                height,
                networks.lifters.get(prior),
                networks.lifters["lifted"] if again else None,
                networks.refiner,
            )
            for part in motion.parts(person)
        ]
        for person, prior, again, height in zip(motion.people, priors, twice, heights, strict=False)
    ]
    seen = [fit for parts in fits for fit in parts if fit.is_seen]
    if seen and all(fit.lacking for fit in seen):
        raise UsageError(seen[0].lacking or "")
    _know_vertical(motion, camera, seen)
    _know_camera(motion, seen)
    for parts in fits:
        people.append(_fit_parts(parts, partial(_advance, context.progress, done, total)))
        done += sum(len(fit.person) for fit in parts)
        context.progress(done, total)
    context.weights |= networks.weights
    for name in dict.fromkeys(fit.set_name for fit in seen):
        if estimated := joints_estimated(body, name):
            context.notes.append(f"keypoints of {name} do not show the {parts_of(estimated)}, which are estimated")
    if (note := out_of_reach(people, heights)) is not None:
        context.notes.append(note)
    context.facts["focal"] = camera.intrinsics[0, 0]
    return motion.replace(people=tuple(people), camera=camera, body_model=body.name)


@dataclass(frozen=True)
class _Networks:
    """The networks of a motion's fits: lifters by their priors, and the refiner of landmarks, None where unused."""

    lifters: dict[str, Lifter]
    refiner: KeypointRefiner | None

    @classmethod
    def needed(cls, motion: Motion, priors: Sequence[str], twice: Sequence[bool], options: FitOptions) -> _Networks:
        """Those for people with these priors; twice: who is lifted from 2D as well."""
        used = {*(priors or [options.prior]), *(("lifted",) if any(twice) else ())}
        lifters = {prior: lifter(threads=options.threads) for prior, lifter in LIFTERS.items() if prior in used}
        refined = any(
            prior in ("learned", "analytic") and person.keypoint3d_set == BLAZEPOSE33.name
            for person, prior in zip(motion.people, priors, strict=True)
        )
        return cls(lifters, KeypointRefiner() if options.landmarks == "refined" and refined else None)

    @property
    def weights(self) -> dict[str, str]:
        """sha256 by file."""
        weights = {lifter.file: lifter.sha256 for lifter in self.lifters.values()}
        if self.refiner is not None:
            weights[self.refiner.network.name] = self.refiner.network.sha256
        return weights


def _know_vertical(motion: Motion, camera: Camera, fits: Sequence[PersonFit]) -> None:
    """Tell the fits what the background shows of the vertical, where one of them asks."""
    if BACKGROUND_LINES not in motion.data or not any(fit.asks_for_vertical for fit in fits):
        return
    lifted = [(fit, fit.first_lifted) for fit in fits if fit.first_lifted is not None]
    found = verticals_of(motion, camera, [(fit.person.frames, each) for fit, each in lifted])
    for (fit, _), vertical in zip(lifted, found, strict=True):
        fit.vertical = vertical


def _know_camera(motion: Motion, fits: Sequence[PersonFit]) -> None:
    """Tell the fits how the camera turns in their frames, and in which of them that is known.

    Of a camera that zooms it is not known how fast people come nearer; a path begins anew where it was lost.
    """
    path = motion.camera_path
    if path is None:
        if motion.data.get("camera_motion", {}).get("moving") is True:
            for fit in fits:
                fit.bounded = np.zeros(len(fit.times), dtype=bool)
        return
    assert path.found is not None
    known = path.found & (path.intrinsics.ndim == 2)
    known[path.breaks] = False
    for fit in fits:
        frames = fit.person.frames
        fit.still, fit.bounded = still_turns(path, frames), known[frames]


def _camera_of(motion: Motion, fov: float | None) -> Camera:
    """The camera of the clip: with the field of view that was asked for, the motion's own, or the most likely one."""
    if fov is not None:
        return with_fov(motion.camera, motion.width, motion.height, fov)
    if motion.camera is not None:
        return motion.camera
    likely, _ = estimate_camera(motion)
    return likely or camera_from_fov(motion.width, motion.height, DEFAULT_FOV)


def _advance(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _fit_parts(parts: list[PersonFit], progress: Callable[[int], None]) -> Person:
    """The person with the fitted fields filled, or unchanged if too little was seen.

    parts: of a person in each shot. One shape is fitted to all of them; nothing else is shared across a camera cut. A
    part in which too little was seen is left out if there are others.
    """
    usable = [fit for fit in parts if fit.is_seen and not fit.lacking]
    if not usable:
        whole = tuple(fit.person for fit in parts)
        return whole[0] if len(whole) == 1 else join_people(whole[0].id, whole)
    starts = [fit.start() for fit in usable]
    betas, outlines = _shape(usable, starts)
    people, done = [], 0
    for fit, (evidence, state) in zip(usable, starts, strict=True):
        people.append(fit.run(evidence, state, betas, outlines, partial(_further, progress, done)))
        done += len(fit.person)
    return people[0] if len(people) == 1 else join_people(people[0].id, tuple(people))


def _further(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


def _shape(fits: list[PersonFit], starts: list[tuple[Evidence, PoseState]]) -> tuple[np.ndarray, int]:
    """Betas (10,) from the frames of all parts in which the person is seen best, and from how many outlines."""
    options = fits[0].options
    body, make_rig, solver = fits[0].body, fits[0].rig, options.solver
    count = -(-options.shape_frames // len(starts))
    samples = [_well_seen(evidence, count) for evidence, _ in starts]
    evidence, state = _of_rows(starts, samples)
    betas = fit_shape(body, make_rig, evidence, state, solver, height=fits[0].height)
    count = -(-options.shape_outlines // len(fits))
    outlines = [fit.outlines(count) for fit in fits]
    if not any(outlines):
        return betas, 0
    evidence, state = _of_rows(starts, [[outline.row for outline in own] for own in outlines])
    found, camera = [outline for own in outlines for outline in own], fits[0].camera
    betas, state = fit_girths(body, make_rig, evidence, state, found, camera, solver, betas)
    names, set_name = fits[0].names, fits[0].set_name
    offsets = point_offsets(body, make_rig(betas), names, set_name, betas, evidence, state, found, camera, solver)
    for fit in fits:
        fit.offsets = offsets
    return betas, len(found)


def _of_rows(starts: list[tuple[Evidence, PoseState]], samples: Sequence[Any]) -> tuple[Evidence, PoseState]:
    """The evidence and the states of some rows of each part."""
    evidence = _concatenated([each.take(rows) for (each, _), rows in zip(starts, samples, strict=True)])
    return evidence, _concatenated([each.take(rows) for (_, each), rows in zip(starts, samples, strict=True)])


def _concatenated(parts: list[Values]) -> Values:
    """Evidence or states of some frames, one after the other, with the fields that all of them have."""
    if len(parts) == 1:
        return parts[0]
    values = {each.name: [getattr(part, each.name) for part in parts] for each in fields(parts[0])}
    known = {name: own for name, own in values.items() if all(value is not None for value in own)}
    return type(parts[0])(**{name: np.concatenate(own) for name, own in known.items()})


def _well_seen(evidence: Evidence, count: int) -> np.ndarray:
    """Indices of at most `count` frames, spread over the track: the best seen of each section."""
    seen = evidence.weight.sum(1)
    sections = np.array_split(np.arange(len(seen)), min(count, len(seen)))
    best = np.array([section[np.argmax(seen[section])] for section in sections])
    return best[seen[best] > 0.5 * np.median(seen[best])] if len(best) > 1 else best
