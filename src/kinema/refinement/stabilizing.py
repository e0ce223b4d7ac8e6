"""`stabilize_motion`: repair what the validator finds, and only that; every step is told, none makes anything worse.

Steps, in order, in the camera's frame and in the world, each where the motion has it:

    replace   joints and a root that leap away and come back are interpolated between the good frames around them
    lead      a root that leaps and stays is led over the leap, no faster than anybody runs; no foot stands meanwhile
    smooth    rotations and root are smoothed where they shake, by no more than the noise measured there

After each step the person is validated again. Where a measure got worse, the frames around are put back; if that
does not help, the whole step is. A person who passes as given is clean: only what leaps in frames beyond a limit is
replaced, and all is smoothed by no more than `CLEAN_MOVES` and `CLEAN_TURNS` on average.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.rotations import axis_angle_to_quaternion, continuous_quaternions, quaternion_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import measures
from kinema.quality.judging import PersonReport, judge_quality
from kinema.quality.limits import Limits, default_limits
from kinema.quality.problems import CLEANUP, PASS
from kinema.quality.skeletons import Skeleton, skeleton_of
from kinema.quality.trajectory import BodyTrajectory
from kinema.refinement import repair
from kinema.refinement import video2pkl_stabilizer as fork_stabilizer
from kinema.refinement.options import StabilizeOptions
from kinema.stage import Context
from kinema.temporal.gaps import REPAIR_GAP, uninterrupted

if TYPE_CHECKING:
    from kinema.body import BodyModel

STABILIZED = "stabilize"
"""Where the stabilizer says in a person's `data` what it did: by view, the steps and what became of them."""

AROUND = 0.25
"""Seconds around a frame that got worse in which a step is put back."""

CLEAN_MOVES, CLEAN_TURNS = 0.95, 0.45
"""Millimetres and degrees that people who pass may be moved and turned on average: less than 1 and 0.5."""

TRIES = 3
"""How often frames are put back before the whole step is."""

_VIEWS = {
    "camera": ("pose", "transl", "joints"),
    "world": ("pose_world", "transl_world", "joints_world"),
}
_RANK = {PASS: 0, CLEANUP: 1}


def stabilize_people(motion: Motion, context: Context, options: StabilizeOptions) -> Motion:
    """Repair pose, translation and joints of every person; `data["stabilize"]` of a person tells every step.

    Reads pose and transl, pose_world and transl_world, whichever there are; a person with neither stays as it is.
    Joints are posed again on the person's own skeleton.
    """
    limits = default_limits()
    people, told = [], {}
    for done, person in enumerate(motion.people):
        context.progress(done, len(motion.people))
        repaired, steps = _stabilize_person(motion, person, options, limits, context.body)
        people.append(repaired.replace(data={**repaired.data, STABILIZED: steps}))
        told[str(person.id)] = steps
    context.progress(len(motion.people), len(motion.people))
    context.facts["people"] = told
    return motion.replace(people=tuple(people))


def _stabilize_person(
    motion: Motion, person: Person, options: StabilizeOptions, limits: Limits, body: BodyModel | None
) -> tuple[Person, dict[str, Any]]:
    changes: dict[str, Any] = {}
    told: dict[str, Any] = {}
    touched = np.zeros(len(person), dtype=bool)
    skeleton: Skeleton | None = None
    for name, (pose_field, transl_field, joints_field) in _VIEWS.items():
        pose, transl = getattr(person, pose_field), getattr(person, transl_field)
        if pose is None or transl is None or not len(person):
            continue
        skeleton = skeleton_of(motion, person, body) if skeleton is None else skeleton
        if options.profile == "video2pkl":
            pose, transl, rows, told[name] = _as_fork(motion, pose, transl)
        else:
            view = _View(motion, _only(person, name), name, skeleton, limits)
            told[name] = view.run(options.steps)
            pose, transl, rows = view.pose, view.transl, view.touched
            if name == "world" and view.contacts is not None:
                changes["contacts"] = view.contacts
        if rows.any():
            changes |= {pose_field: pose, transl_field: transl}
            own = getattr(person, joints_field)
            if own is not None:
                before = getattr(person, pose_field), getattr(person, transl_field)
                changes[joints_field] = _joints(skeleton, own, before, (pose, transl), rows)
            touched |= rows
    if person.reprojection_error is not None and touched.any():
        changes["reprojection_error"] = np.where(touched, np.nan, person.reprojection_error)
    return person.replace(**changes), told


def _joints(
    skeleton: Skeleton,
    own: np.ndarray,
    before: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> np.ndarray:
    """Joints of (pose, transl) after a repair: posed anew in the rows that changed, the file's own in the others.

    Where no skeleton is known that poses the file's joints, they move by what a stand-in's move.
    """
    posed = skeleton.joints(*after)
    if not skeleton.own:
        posed = own + posed - skeleton.joints(*before)
    return np.where(rows[:, None, None], posed, own)


def _only(person: Person, view: str) -> Person:
    """The person with one view's fields alone, so that the validator judges that one."""
    others = [field for name, fields in _VIEWS.items() if name != view for field in fields]
    if view == "camera":
        others.append("contacts")
    return person.replace(**dict.fromkeys(others), reprojection_error=None)


def _as_fork(
    motion: Motion, pose: np.ndarray, transl: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    pose, transl, _, report = fork_stabilizer.stabilize(pose, transl, pose[:, :3], motion.fps, motion.source or "")
    return pose, transl, np.ones(len(pose), dtype=bool), report


class _View:
    """One person in one frame of reference, step by step."""

    def __init__(self, motion: Motion, person: Person, name: str, skeleton: Skeleton, limits: Limits) -> None:
        self.motion, self.person, self.limits, self.skeleton = motion, person, limits, skeleton
        self.world = name == "world"
        self.fields = _VIEWS[name]
        pose, transl = getattr(person, self.fields[0]), getattr(person, self.fields[1])
        self.given, self.transl = pose, np.array(transl)
        self.times = motion.times[person.frames]
        self.pieces = uninterrupted(self.times, person.frames, REPAIR_GAP)
        self.touched = np.zeros(len(person), dtype=bool)
        self.turned = np.zeros((len(person), 24), dtype=bool)
        self.axis_angle: np.ndarray = np.array(pose).reshape(-1, 24, 3)
        self.contacts = person.contacts
        self.clean = False

    @property
    def pose(self) -> np.ndarray:
        """(F,72): the input's own numbers where no rotation was touched."""
        return self.axis_angle.reshape(-1, 72)

    def run(self, steps: tuple[str, ...]) -> dict[str, Any]:
        """Make the steps; returns what they did."""
        course = self._course()
        report = self._judge(course)
        told: list[dict[str, Any]] = []
        before = report
        self.clean = report.verdict == PASS
        for step in steps:
            course, report = self._step(step, course, report, told)
        return {"steps": told, "before": _figures(before), "after": _figures(report)}

    def _course(self) -> BodyTrajectory:
        moving = self.motion.camera is not None and self.motion.camera.moving is True
        own = getattr(self.person, self.fields[2])
        joints: np.ndarray
        if own is None:
            joints = self.skeleton.joints(self.pose, self.transl)
        else:
            before = getattr(self.person, self.fields[0]), getattr(self.person, self.fields[1])
            joints = _joints(self.skeleton, own, before, (self.pose, self.transl), self.touched)
        return BodyTrajectory(
            person=self.person.id,
            frames=self.person.frames,
            times=self.times,
            joints=joints,
            quaternions=continuous_quaternions(axis_angle_to_quaternion(self.axis_angle)),
            world=self.world,
            rooted=True,
            steady=self.world or not moving,
        )

    def _judge(self, course: BodyTrajectory) -> PersonReport:
        pose_field, transl_field, _ = self.fields
        now = self.person.replace(**{pose_field: self.pose, transl_field: self.transl}, contacts=self.contacts)
        return judge_quality(self.motion, now, self.limits, trajectory=course)

    def _step(
        self, step: str, course: BodyTrajectory, report: PersonReport, told: list[dict[str, Any]]
    ) -> tuple[BodyTrajectory, PersonReport]:
        """One step, kept as far as nothing got worse by it: all of it, or without the root, or the root alone."""
        quaternions, root, turned, moved = _STEPS[step](self, course)
        if self.clean:
            if step == "smooth":
                quaternions, root = self._gently(course, quaternions, root, turned, moved, told)
            else:
                faulty = self._near(report.bad_rows, repair.AWAY)
                turned, moved = turned & faulty[:, None], moved & faulty
        parts = [(turned, moved)]
        if turned.any() and moved.any():
            parts += [(turned, np.zeros_like(moved)), (np.zeros_like(turned), moved)]
        if not turned.any() and not moved.any():
            told.append({"step": step, "frames": 0})
            return course, report
        worse: list[str] = []
        for part in parts:
            done = self._try(step, course, report, quaternions, root, *part)
            if not isinstance(done, list):
                after_course, after, turn, move = done
                told.append(self._tell(step, course, after_course, turn, move))
                return after_course, after
            worse = worse or done
        told.append({"step": step, "frames": 0, "undone": f"it would have made {', '.join(worse)} worse"})
        return course, report

    def _near(self, rows: np.ndarray, reach: float) -> np.ndarray:
        """(F,) bool: frames within `reach` seconds of some rows."""
        near = np.zeros(len(self.times), dtype=bool)
        for row in rows.tolist():
            near |= np.abs(self.times - self.times[row]) <= reach
        return near

    def _gently(
        self,
        course: BodyTrajectory,
        quaternions: np.ndarray,
        root: np.ndarray,
        turned: np.ndarray,
        moved: np.ndarray,
        told: list[dict[str, Any]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """A share of the way to smoothed rotations (F,24,4) and root (F,3), so that clean movement stays what it is."""
        joints, given = _known(course)
        aim = np.where(turned[..., None], quaternions, given)
        aim *= np.where(np.sum(aim * given, axis=-1, keepdims=True) < 0, -1.0, 1.0)
        way = np.where(moved[:, None], root - joints[:, 0], 0.0)
        pose = quaternion_to_axis_angle(aim).reshape(-1, 72)
        posed = self.skeleton.joints(pose, self.transl + way) - self.skeleton.joints(self.pose, self.transl)
        moves = 1000 * float(np.linalg.norm(posed, axis=-1).mean())
        turns = float(np.degrees(2 * np.arccos(np.sum(aim * given, axis=-1).clip(max=1))).mean())
        share = 1.0
        for size, most, key in ((moves, CLEAN_MOVES, "moved_mm"), (turns, CLEAN_TURNS, "turned_deg")):
            left = most - sum(step.get(key, 0.0) for step in told)
            share = min(share, max(0.0, left) / size) if size > 0 else share
        # Between near rotations the chord is as good as the arc.
        part = (1 - share) * given + share * aim
        return part / np.linalg.norm(part, axis=-1, keepdims=True), joints[:, 0] + share * way

    def _try(
        self,
        step: str,
        course: BodyTrajectory,
        report: PersonReport,
        quaternions: np.ndarray,
        root: np.ndarray,
        turned: np.ndarray,
        moved: np.ndarray,
    ) -> tuple[BodyTrajectory, PersonReport, np.ndarray, np.ndarray] | list[str]:
        """Take over what a step made, except around frames that it makes worse; or undo it, and tell why."""
        axis_angle, transl, touched, contacts = self.axis_angle, self.transl, self.touched, self.contacts
        given = _known(course)[0][:, 0]
        keep = np.ones(len(self.times), dtype=bool)
        worse: list[str] = []
        for _ in range(TRIES):
            turn, move = turned & keep[:, None], moved & keep
            self.axis_angle = np.where(turn[..., None], quaternion_to_axis_angle(quaternions), axis_angle)
            self.transl = np.where(move[:, None], transl + (root - given), transl)
            self.touched = touched | turn.any(axis=1) | move
            if step == "lead" and contacts is not None:
                self.contacts = contacts & ~move[:, None]
            after_course = self._course()
            after = self._judge(after_course)
            worse, rows = _worse(report, after)
            if not worse:
                return after_course, after, turn, move
            back = self._near(rows, AROUND)
            if step == "lead" or not (back & keep).any():
                break
            keep &= ~back
        self.axis_angle, self.transl, self.touched, self.contacts = axis_angle, transl, touched, contacts
        return worse

    def _tell(
        self, step: str, before: BodyTrajectory, after: BodyTrajectory, turned: np.ndarray, moved: np.ndarray
    ) -> dict[str, Any]:
        (joints, turns), (old_joints, old_turns) = _known(after), _known(before)
        apart = np.linalg.norm(joints - old_joints, axis=-1)
        dots = np.abs(np.sum(turns * old_turns, axis=-1)).clip(max=1)
        return {
            "step": step,
            "frames": int(np.sum(turned.any(axis=1) | moved)),
            "root_frames": int(moved.sum()),
            "rotations": int(turned.sum()),
            "moved_mm": round(1000 * float(apart.mean()), 3),
            "turned_deg": round(float(np.degrees(2 * np.arccos(dots)).mean()), 4),
        }


def _known(course: BodyTrajectory) -> tuple[np.ndarray, np.ndarray]:
    """Joints and quaternions of a course that has both."""
    if course.joints is None or course.quaternions is None:
        raise UsageError(f"person {course.person} has no pose and place to repair")
    return course.joints, course.quaternions


_Result = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _replace(view: _View, course: BodyTrajectory) -> _Result:
    scale = repair.steps_of(course.interval)
    joints, quaternions = _known(course)
    quaternions, turned = repair.replace_turns(quaternions, view.times, scale)
    root, moved = joints[:, 0], np.zeros(len(view.times), dtype=bool)
    if course.steady:
        root, moved = repair.replace_places(root, view.times, scale)
    return quaternions, root, turned, moved


def _lead(view: _View, course: BodyTrajectory) -> _Result:
    none = np.zeros((len(view.times), 24), dtype=bool)
    joints, quaternions = _known(course)
    root, moved = joints[:, 0], none[:, 0]
    if course.steady:
        fastest = float(view.limits.frames["speed"].usual[0])
        root, moved = repair.lead_over(root, view.times, fastest)
    return quaternions, root, none, moved


def _smooth(view: _View, course: BodyTrajectory) -> _Result:
    joints, quaternions = _known(course)
    tremor, shake = measures.tremor(course), measures.shake(course)
    noise = np.zeros(quaternions.shape[:2]) if tremor is None else np.radians(np.nan_to_num(tremor))
    quaternions, turned = repair.smooth_turns(quaternions, view.times, noise, view.pieces)
    noise = np.zeros(len(joints)) if shake is None else np.nan_to_num(shake[:, 0]) / 1000
    root, moved = repair.smooth_places(joints[:, 0], view.times, noise, view.pieces)
    return quaternions, root, turned, moved


_STEPS: dict[str, Callable[[_View, BodyTrajectory], _Result]] = {"replace": _replace, "lead": _lead, "smooth": _smooth}


def _worse(before: PersonReport, after: PersonReport) -> tuple[list[str], np.ndarray]:
    """The measures that got worse, and the rows in which: more frames beyond a limit, or further beyond it."""
    worse, rows = [], []
    old = {finding.measure: finding for finding in before.findings}
    for finding in after.findings:
        known = old.get(finding.measure)
        new = finding.rows if known is None else np.setdiff1d(finding.rows, known.rows)
        count, severe, worst = (0, 0, 0.0) if known is None else _extent(known)
        if len(finding.rows) > count or finding.severe.sum() > severe or _extent(finding)[2] > worst * (1 + 1e-6):
            worse.append(finding.measure)
            top = finding.rows[(finding.values / finding.limits) >= _extent(finding)[2] * (1 - 1e-9)]
            rows += [new, top, finding.rows[finding.severe] if finding.severe.sum() > severe else top]
    known_problems = {problem.measure: problem for problem in before.problems}
    for problem in after.problems:
        then = known_problems.get(problem.measure)
        if then is None or (problem.value or 0.0) > (then.value or 0.0) * (1 + 1e-6):
            worse.append(problem.measure)
    if len(after.bad_rows) > len(before.bad_rows):
        rows.append(np.setdiff1d(after.bad_rows, before.bad_rows))
        worse = worse or ["the number of bad frames"]
    if _RANK.get(after.verdict, 2) > _RANK.get(before.verdict, 2):
        worse = worse or ["the verdict"]
    return worse, np.unique(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)


def _extent(finding: Any) -> tuple[int, int, float]:
    """Frames, severe frames, and how many times the limit the worst is."""
    return len(finding.rows), int(finding.severe.sum()), float((finding.values / finding.limits).max())


def _figures(report: PersonReport) -> dict[str, Any]:
    return {"verdict": report.verdict, "bad_frames": report.bad_frames}
