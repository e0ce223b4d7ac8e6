"""The filter stage: smooth a motion's pose, translation and joints in time.

Rotations are smoothed as unit quaternions with continuous signs and then renormalised: the sign ambiguity of a
quaternion and the 2 pi jumps of an axis-angle make no difference, and rotating the whole motion rotates the result
(`docs/filters.md`). An interrupted track is smoothed in pieces, never across the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError
from kinema.geometry.camera_path import still_turns
from kinema.geometry.rotations import (
    axis_angle_to_quaternion,
    continuous_axis_angle,
    continuous_pose,
    continuous_quaternions,
    quaternion_to_axis_angle,
    turned_root,
)
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.fast_limbs import LIGHT, can_tell, keep_fast_limbs
from kinema.refinement.frames import in_its_frames, shape_of
from kinema.refinement.measures import SMOOTHING, shakiness
from kinema.refinement.options import FilterOptions
from kinema.refinement.people import change_people
from kinema.stage import Context
from kinema.temporal import filters
from kinema.temporal.gaps import fill_missing, uninterrupted

if TYPE_CHECKING:
    from kinema.body import BodyModel

ONE_EURO_BETA = 1.0
"""Speed coefficient of the one-euro filter: Hz per m/s, and per rad/s."""

NEAREST = 0.2
"""Metres: a root closer to the camera than this is smoothed in x, y, z instead of as ray and distance."""


# Method -> smoother of one uninterrupted piece: values (F, ...), times (F,), amount in seconds.
FILTERS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "whittaker": lambda x, t, s: filters.whittaker(x, t, cutoff=filters.cutoff_for(s, 2)),
    "savgol": lambda x, t, s: filters.savgol(x, t, window=filters.window_for(s)),
    "gaussian": lambda x, t, s: filters.gaussian(x, t, sigma=filters.sigma_for(s)),
    "butterworth": lambda x, t, s: filters.butterworth(x, t, cutoff=filters.cutoff_for(s, 2)),
    "oneeuro": lambda x, t, s: filters.one_euro(
        x, t, min_cutoff=filters.min_cutoff_for(s), beta=ONE_EURO_BETA, zero_phase=True
    ),
    "oneeuro-causal": lambda x, t, s: filters.one_euro(x, t, min_cutoff=filters.min_cutoff_for(s), beta=ONE_EURO_BETA),
    "median": lambda x, t, s: filters.median(x, t, window=s),
}


def filter_people(motion: Motion, context: Context, options: FilterOptions) -> Motion:
    """Smooth pose, transl and joints of every person; the evidence is unchanged.

    In the camera's frame, and in the world if the body could not be placed there again (`in_its_frames`); otherwise the
    world fields are cleared: run `kinema.world.place_in_world` afterwards. Joints are recomputed with the body (or
    smoothed themselves without one). Raises UsageError for a person without a body. A person's `data["smoothing"]` has
    jitter (m/s^3) and acceleration (m/s^2) of the joints before and after.
    """
    context.facts["seconds"] = options.amount

    def filtered(person: Person) -> tuple[Person, dict[str, Any]]:
        return in_its_frames(
            motion,
            person,
            lambda part, upright: _filter_person(part, motion, context.body, options, upright=upright),
        )

    return change_people(motion, context, SMOOTHING, filtered)


def _filter_person(
    person: Person, motion: Motion, body: BodyModel | None, options: FilterOptions, *, upright: bool
) -> tuple[Person, dict[str, dict[str, float]]]:
    if person.pose is None and person.joints is None:
        person.require("pose")
    times = motion.times[person.frames]
    before = person.joints
    if body is not None and before is None and person.pose is not None and person.transl is not None and len(person):
        before = body.joints(person.pose, shape_of(person), person.transl)
    turns = None if upright else _camera_turns(motion, person)
    after = _smoothed(person, times, body, options, turns, upright=upright)
    if options.fast_limbs and not upright and body is not None and motion.camera is not None and can_tell(after):
        light = _smoothed(person, times, body, replace(options, seconds=LIGHT * options.amount), turns, upright=False)
        pose, transl = keep_fast_limbs(light, after, motion.camera, times, options.max_gap)
        after = after.replace(pose=pose, transl=transl, joints=body.joints(pose, shape_of(person), transl))
    figures = {}
    if before is not None and after.joints is not None:
        pieces = uninterrupted(times, person.frames, options.max_gap)
        figures = {
            "before": shakiness(before, times, pieces),
            "after": shakiness(after.joints, times, pieces),
        }
    return after, figures


def _camera_turns(motion: Motion, person: Person) -> np.ndarray | None:
    """The rotation of a moving camera in the person's frames (`still_turns`); None if there is none or it is
    unknown."""
    path = motion.camera_path
    return None if path is None else still_turns(path, person.frames)


def _smoothed(
    person: Person,
    times: np.ndarray,
    body: BodyModel | None,
    options: FilterOptions,
    turns: np.ndarray | None,
    *,
    upright: bool,
) -> Person:
    """The person with pose, transl and joints smoothed equally at all times. times (F,): of the person's frames.

    turns (F,3,3): from the camera's axes to axes that do not rotate, in which the body is smoothed: otherwise camera
    shake would be smoothed as noise of the body, and then appear in the world. None: they are the same.
    """
    changes: dict[str, Any] = {}
    if person.pose is not None and len(person):
        pose = person.pose if turns is None else turned_root(person.pose, turns)
        pose = smooth_rotations(pose.reshape(-1, 24, 3), times, options, frames=person.frames, name="pose")
        pose = pose.reshape(-1, 72)
        changes["pose"] = pose if turns is None else continuous_pose(turned_root(pose, np.swapaxes(turns, -1, -2)))
    if person.pose is not None and person.transl is not None and len(person):
        betas = shape_of(person)
        pelvis = np.zeros(3) if body is None else body.rest_joints(betas)[:, 0]
        root = person.transl + pelvis
        if upright:
            root = smooth_positions(root, times, options, frames=person.frames, name="transl_world")
        else:
            root = smooth_root(root, times, options, frames=person.frames, name="transl", turns=turns)
        changes["transl"] = root - pelvis
        if body is not None:
            changes["joints"] = body.joints(changes["pose"], betas, changes["transl"])
    if "joints" not in changes and person.joints is not None and len(person):
        changes["joints"] = smooth_positions(person.joints, times, options, frames=person.frames, name="joints")
    return person.replace(**changes)


def smooth_positions(
    values: np.ndarray,
    times: np.ndarray,
    options: FilterOptions,
    *,
    frames: np.ndarray | None = None,
    name: str = "values",
) -> np.ndarray:
    """Points (F, ..., D) smoothed over their times (F,) seconds. frames (F,): their indices in the clip.

    Raises an InputError that names the frame and the field (`name`) of the first non-finite value, unless
    options.missing is "interpolate".
    """
    return _smooth(_complete(values, times, options, frames, name), times, options, frames, options.amount)


def smooth_root(
    root: np.ndarray,
    times: np.ndarray,
    options: FilterOptions,
    *,
    frames: np.ndarray | None = None,
    name: str = "root",
    turns: np.ndarray | None = None,
) -> np.ndarray:
    """A root trajectory (F, 3), camera frame, metres, smoothed: its ray like points, its depth `depth` times more.

    turns (F,3,3): from the camera's axes to axes that do not rotate, in which the ray is smoothed; None: the camera
    does not rotate.
    """
    root = _complete(root, times, options, frames, name)
    if turns is not None and len(root):
        distance = np.maximum(np.linalg.norm(root, axis=1, keepdims=True), NEAREST)
        ray = _smooth(np.einsum("fij,fj->fi", turns, root / distance), times, options, frames, options.amount)
        ray /= np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-9)
        distance = np.exp(_smooth(np.log(distance), times, options, frames, options.amount * options.depth))
        return np.asarray(distance * np.einsum("fji,fj->fi", turns, ray))
    if not len(root) or root[:, 2].min() < NEAREST:
        return _smooth(root, times, options, frames, options.amount)
    ray = _smooth(root[:, :2] / root[:, 2:], times, options, frames, options.amount)
    depth = np.exp(_smooth(np.log(root[:, 2:]), times, options, frames, options.amount * options.depth))
    return np.concatenate([ray * depth, depth], axis=1)


def smooth_rotations(
    axis_angle: np.ndarray,
    times: np.ndarray,
    options: FilterOptions,
    *,
    frames: np.ndarray | None = None,
    name: str = "rotations",
) -> np.ndarray:
    """Rotations (F, ..., 3) axis-angle smoothed on the manifold and returned as continuous axis-angles.

    Raises InputError like `smooth_positions`; a missing rotation is interpolated as a quaternion.
    """
    axis_angle = np.asarray(axis_angle, dtype=np.float64)
    finite = np.isfinite(axis_angle).all(axis=-1, keepdims=True)
    _refuse_missing(finite, options, frames, name)
    quaternions = axis_angle_to_quaternion(np.where(finite, axis_angle, 0.0))
    if not finite.all():
        quaternions = _fill(np.where(finite, _aligned(quaternions, finite), np.nan), times, name)
        quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    quaternions = continuous_quaternions(quaternions)
    smooth = _smooth(quaternions, times, options, frames, options.amount, rotations=True)
    smooth = smooth / np.linalg.norm(smooth, axis=-1, keepdims=True)
    return continuous_axis_angle(quaternion_to_axis_angle(smooth))


def _smooth(
    values: np.ndarray,
    times: np.ndarray,
    options: FilterOptions,
    frames: np.ndarray | None,
    seconds: float,
    *,
    rotations: bool = False,
) -> np.ndarray:
    out = np.array(values, dtype=np.float64)
    if seconds <= 0:
        return out
    smoother = FILTERS[options.method]
    for piece in uninterrupted(times, frames, options.max_gap):
        if rotations and options.method == "median":
            flat = values[piece].reshape(piece.stop - piece.start, -1, 4)
            nearest = filters.medoid_indices(flat, times[piece], window=seconds)
            out[piece] = np.take_along_axis(flat, nearest[..., None], axis=0).reshape(out[piece].shape)
        else:
            out[piece] = smoother(values[piece], times[piece], seconds)
    return out


def _complete(
    values: np.ndarray, times: np.ndarray, options: FilterOptions, frames: np.ndarray | None, name: str
) -> np.ndarray:
    """`values` without NaN: rejected or interpolated, depending on the options."""
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    _refuse_missing(finite, options, frames, name)
    return values if finite.all() else _fill(np.where(finite, values, np.nan), times, name)


def _refuse_missing(finite: np.ndarray, options: FilterOptions, frames: np.ndarray | None, name: str) -> None:
    if options.missing == "interpolate" or finite.all():
        return
    row = int(np.argwhere(~finite)[0][0])
    frame = row if frames is None else int(frames[row])
    raise InputError(f'{name} holds a value that is not a number in frame {frame}; fix it or set missing="interpolate"')


def _fill(values: np.ndarray, times: np.ndarray, name: str) -> np.ndarray:
    """`fill_missing`, refused if there is nothing to interpolate from."""
    if not np.isfinite(values).any(axis=0).all():
        raise InputError(f"{name} holds no number at all in one of its columns, so nothing can be interpolated")
    return fill_missing(values, times)


def _aligned(quaternions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Quaternions whose signs are continuous over the known ones."""
    last = np.maximum.accumulate(
        np.where(known[..., 0], np.arange(len(known)).reshape(-1, *[1] * (known.ndim - 2)), -1)
    )
    first = np.argmax(known[..., 0], axis=0)
    source = np.where(last < 0, first[None], last)
    held = np.take_along_axis(quaternions, source[..., None], axis=0)
    return continuous_quaternions(held)
