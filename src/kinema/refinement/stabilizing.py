"""`stabilize_motion`: repair only what the validator finds; every step is reported, and none makes things worse.

Steps, in order, in the camera's frame and in the world, if the motion has them:

    ends      frames at the ends that do not belong to the movement (a T-pose) are removed; the others keep their times
    replace   joints and a root that jump away and return are interpolated between the good frames around them
    lead      a permanent jump of the root is bridged, no faster than a person runs; foot contacts are cleared meanwhile
    smooth    rotations and root are smoothed where they jitter, by no more than the noise measured there

After each step the person is validated again. If a measure got worse, the surrounding frames are restored; if that does
not help, the whole step is undone. A person who passes before any repair is clean: only jumps in frames beyond a limit
are replaced, and smoothing moves and turns by no more than `stabilizer_view.CLEAN_MOVES` and `CLEAN_TURNS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.ends import foreign_ends
from kinema.quality.judging import judge_quality
from kinema.quality.limits import Limits, default_limits
from kinema.quality.skeletons import Skeleton, skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.refinement import video2pkl_stabilizer
from kinema.refinement.options import StabilizeOptions
from kinema.refinement.people import change_people
from kinema.refinement.stabilizer_view import VIEWS, View, figures, repaired_joints
from kinema.stage import Context

if TYPE_CHECKING:
    from kinema.body import BodyModel

STABILIZED = "stabilize"
"""Key in a person's `data` of the stabilizer's report: by view, the steps and their outcome."""


def stabilize_people(motion: Motion, context: Context, options: StabilizeOptions) -> Motion:
    """Repair pose, translation and joints of every person; a person's `data["stabilize"]` lists every step.

    Reads pose and transl, pose_world and transl_world, whichever exist; a person with neither is unchanged. Joints are
    recomputed on the person's own skeleton.
    """
    limits = default_limits()

    def stabilized(person: Person) -> tuple[Person, dict[str, Any]]:
        return _stabilize_person(motion, person, options, limits, context.body)

    return change_people(motion, context, STABILIZED, stabilized)


def _stabilize_person(
    motion: Motion, person: Person, options: StabilizeOptions, limits: Limits, body: BodyModel | None
) -> tuple[Person, dict[str, Any]]:
    changes: dict[str, Any] = {}
    report: dict[str, Any] = {}
    given = person
    if "ends" in options.steps and options.profile != "video2pkl" and len(person):
        ends = foreign_ends(trajectory_of(motion, person, body))
        person = person if ends is None else person.select(np.arange(len(person))[ends.rows])
    touched = np.zeros(len(person), dtype=bool)
    skeleton: Skeleton | None = None
    for name, (pose_field, transl_field, joints_field) in VIEWS.items():
        pose, transl = getattr(person, pose_field), getattr(person, transl_field)
        if pose is None or transl is None or not len(person):
            continue
        skeleton = skeleton_of(motion, person, body) if skeleton is None else skeleton
        if options.profile == "video2pkl":
            pose, transl, rows, report[name] = _as_video2pkl(motion, pose, transl)
        else:
            view = View(motion, _single_view(person, name), name, skeleton, limits)
            report[name] = view.run(options.steps)
            if len(person) < len(given):
                before = judge_quality(motion, _single_view(given, name), limits, body)
                removed = {"step": "ends", "frames": len(given) - len(person)}
                report[name] |= {"steps": [removed, *report[name]["steps"]], "before": figures(before)}
            pose, transl, rows = view.pose, view.transl, view.touched
            if name == "world" and view.contacts is not None:
                changes["contacts"] = view.contacts
        if rows.any():
            changes |= {pose_field: pose, transl_field: transl}
            own = getattr(person, joints_field)
            if own is not None:
                unrepaired = getattr(person, pose_field), getattr(person, transl_field)
                changes[joints_field] = repaired_joints(skeleton, own, unrepaired, (pose, transl), rows)
            touched |= rows
    if person.reprojection_error is not None and touched.any():
        changes["reprojection_error"] = np.where(touched, np.nan, person.reprojection_error)
    return person.replace(**changes), report


def _single_view(person: Person, view: str) -> Person:
    """The person with the fields of one view only, for the validator to judge that view."""
    others = [field for name, fields in VIEWS.items() if name != view for field in fields]
    if view == "camera":
        others.append("contacts")
    return person.replace(**dict.fromkeys(others), reprojection_error=None)


def _as_video2pkl(
    motion: Motion, pose: np.ndarray, transl: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    pose, transl, _, report = video2pkl_stabilizer.stabilize(pose, transl, pose[:, :3], motion.fps, motion.source or "")
    return pose, transl, np.ones(len(pose), dtype=bool), report
