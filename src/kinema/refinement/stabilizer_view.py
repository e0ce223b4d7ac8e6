"""The stabilizer's work on one person in one frame of reference: apply a step, validate, keep or undo it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.rotations import axis_angle_to_quaternion, continuous_quaternions, quaternion_to_axis_angle
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS, Person
from kinema.quality import measures
from kinema.quality.judging import PersonReport, judge_quality
from kinema.quality.limits import Limits
from kinema.quality.problems import PASS
from kinema.quality.skeletons import Skeleton
from kinema.quality.trajectory import BodyTrajectory
from kinema.refinement import repair
from kinema.refinement.stabilizer_comparison import worse_measures
from kinema.temporal.gaps import REPAIR_GAP, uninterrupted

AROUND = 0.25
"""Seconds around a worsened frame within which a step is undone."""

CLEAN_MOVES, CLEAN_TURNS = 0.95, 0.45
"""Millimetres and degrees that people who pass may be moved and turned on average: less than 1 and 0.5."""

TRIES = 3
"""How often frames are restored before the whole step is undone."""

VIEWS = {
    "camera": ("pose", "transl", "joints"),
    "world": WORLD_FIELDS,
}
"""Pose, translation and joint fields of each frame of reference."""


def repaired_joints(
    skeleton: Skeleton,
    own: np.ndarray,
    before: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> np.ndarray:
    """Joints of (pose, transl) after a repair: recomputed in the rows that changed, the file's own in the others.

    If no known skeleton reproduces the file's joints, they are displaced like those of a substitute.
    """
    posed = skeleton.joints(*after)
    if not skeleton.own:
        posed = own + posed - skeleton.joints(*before)
    return np.where(rows[:, None, None], posed, own)


class View:
    """One person in one frame of reference, step by step."""

    def __init__(self, motion: Motion, person: Person, name: str, skeleton: Skeleton, limits: Limits) -> None:
        self.motion, self.person, self.limits, self.skeleton = motion, person, limits, skeleton
        self.world = name == "world"
        self.fields = VIEWS[name]
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
        """(F,72): the input's own numbers where no rotation changed."""
        return self.axis_angle.reshape(-1, 72)

    def run(self, steps: tuple[str, ...]) -> dict[str, Any]:
        """Apply the steps; returns what they did."""
        trajectory = self._trajectory()
        report = self._judge(trajectory)
        log: list[dict[str, Any]] = []
        before = report
        self.clean = report.verdict == PASS
        for step in steps:
            if step not in _STEPS:
                continue  # done before, for both frames of reference
            trajectory, report = self._step(step, trajectory, report, log)
        return {"steps": log, "before": figures(before), "after": figures(report)}

    def _trajectory(self) -> BodyTrajectory:
        moving = self.motion.camera is not None and self.motion.camera.moving is True
        own = getattr(self.person, self.fields[2])
        joints: np.ndarray
        if own is None:
            joints = self.skeleton.joints(self.pose, self.transl)
        else:
            before = getattr(self.person, self.fields[0]), getattr(self.person, self.fields[1])
            joints = repaired_joints(self.skeleton, own, before, (self.pose, self.transl), self.touched)
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

    def _judge(self, trajectory: BodyTrajectory) -> PersonReport:
        pose_field, transl_field, _ = self.fields
        now = self.person.replace(**{pose_field: self.pose, transl_field: self.transl}, contacts=self.contacts)
        return judge_quality(self.motion, now, self.limits, trajectory=trajectory)

    def _step(
        self, step: str, trajectory: BodyTrajectory, report: PersonReport, log: list[dict[str, Any]]
    ) -> tuple[BodyTrajectory, PersonReport]:
        """One step, kept as far as it makes nothing worse: whole, without the root, or the root alone."""
        quaternions, root, turned, moved = _STEPS[step](self, trajectory)
        if self.clean:
            if step == "smooth":
                quaternions, root = self._attenuated(trajectory, quaternions, root, turned, moved, log)
            else:
                faulty = self._near(report.bad_rows, repair.LONGEST_EXCURSION)
                turned, moved = turned & faulty[:, None], moved & faulty
        parts = [(turned, moved)]
        if turned.any() and moved.any():
            parts += [(turned, np.zeros_like(moved)), (np.zeros_like(turned), moved)]
        if not turned.any() and not moved.any():
            log.append({"step": step, "frames": 0})
            return trajectory, report
        worse: list[str] = []
        for part in parts:
            done = self._try(step, trajectory, report, quaternions, root, *part)
            if not isinstance(done, list):
                after_trajectory, after, turn, move = done
                log.append(self._summary(step, trajectory, after_trajectory, turn, move))
                return after_trajectory, after
            worse = worse or done
        log.append({"step": step, "frames": 0, "undone": f"it would have made {', '.join(worse)} worse"})
        return trajectory, report

    def _near(self, rows: np.ndarray, reach: float) -> np.ndarray:
        """(F,) bool: frames within `reach` seconds of the given rows."""
        near = np.zeros(len(self.times), dtype=bool)
        for row in rows.tolist():
            near |= np.abs(self.times - self.times[row]) <= reach
        return near

    def _attenuated(
        self,
        trajectory: BodyTrajectory,
        quaternions: np.ndarray,
        root: np.ndarray,
        turned: np.ndarray,
        moved: np.ndarray,
        log: list[dict[str, Any]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Part of the change to smoothed rotations (F,24,4) and root (F,3), so that clean motion is preserved."""
        joints, given = _joints_and_rotations(trajectory)
        aim = np.where(turned[..., None], quaternions, given)
        aim *= np.where(np.sum(aim * given, axis=-1, keepdims=True) < 0, -1.0, 1.0)
        shift = np.where(moved[:, None], root - joints[:, 0], 0.0)
        pose = quaternion_to_axis_angle(aim).reshape(-1, 72)
        posed = self.skeleton.joints(pose, self.transl + shift) - self.skeleton.joints(self.pose, self.transl)
        moves = 1000 * float(np.linalg.norm(posed, axis=-1).mean())
        turns = float(np.degrees(2 * np.arccos(np.sum(aim * given, axis=-1).clip(max=1))).mean())
        share = 1.0
        for size, most, key in ((moves, CLEAN_MOVES, "moved_mm"), (turns, CLEAN_TURNS, "turned_deg")):
            left = most - sum(step.get(key, 0.0) for step in log)
            share = min(share, max(0.0, left) / size) if size > 0 else share
        # Between close rotations, linear interpolation is as good as spherical.
        part = (1 - share) * given + share * aim
        return part / np.linalg.norm(part, axis=-1, keepdims=True), joints[:, 0] + share * shift

    def _try(
        self,
        step: str,
        trajectory: BodyTrajectory,
        report: PersonReport,
        quaternions: np.ndarray,
        root: np.ndarray,
        turned: np.ndarray,
        moved: np.ndarray,
    ) -> tuple[BodyTrajectory, PersonReport, np.ndarray, np.ndarray] | list[str]:
        """Apply the result of a step, except around frames that it makes worse; or undo it and return the reasons."""
        axis_angle, transl, touched, contacts = self.axis_angle, self.transl, self.touched, self.contacts
        given = _joints_and_rotations(trajectory)[0][:, 0]
        keep = np.ones(len(self.times), dtype=bool)
        worse: list[str] = []
        for _ in range(TRIES):
            turn, move = turned & keep[:, None], moved & keep
            self.axis_angle = np.where(turn[..., None], quaternion_to_axis_angle(quaternions), axis_angle)
            self.transl = np.where(move[:, None], transl + (root - given), transl)
            self.touched = touched | turn.any(axis=1) | move
            if step == "lead" and contacts is not None:
                self.contacts = contacts & ~move[:, None]
            after_trajectory = self._trajectory()
            after = self._judge(after_trajectory)
            worse, rows = worse_measures(report, after)
            if not worse:
                return after_trajectory, after, turn, move
            back = self._near(rows, AROUND)
            if step == "lead" or not (back & keep).any():
                break
            keep &= ~back
        self.axis_angle, self.transl, self.touched, self.contacts = axis_angle, transl, touched, contacts
        return worse

    def _summary(
        self, step: str, before: BodyTrajectory, after: BodyTrajectory, turned: np.ndarray, moved: np.ndarray
    ) -> dict[str, Any]:
        (joints, turns), (old_joints, old_turns) = _joints_and_rotations(after), _joints_and_rotations(before)
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


def _joints_and_rotations(trajectory: BodyTrajectory) -> tuple[np.ndarray, np.ndarray]:
    """Joints and quaternions of a trajectory that has both."""
    if trajectory.joints is None or trajectory.quaternions is None:
        raise UsageError(f"person {trajectory.person} has no pose and translation to repair; fit a body first")
    return trajectory.joints, trajectory.quaternions


_Result = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _replace(view: View, trajectory: BodyTrajectory) -> _Result:
    scale = repair.jump_scale(trajectory.interval)
    joints, quaternions = _joints_and_rotations(trajectory)
    quaternions, turned = repair.replace_rotation_excursions(quaternions, view.times, scale)
    root, moved = joints[:, 0], np.zeros(len(view.times), dtype=bool)
    if trajectory.steady:
        root, moved = repair.replace_root_excursions(root, view.times, scale)
    return quaternions, root, turned, moved


def _bridge(view: View, trajectory: BodyTrajectory) -> _Result:
    none = np.zeros((len(view.times), 24), dtype=bool)
    joints, quaternions = _joints_and_rotations(trajectory)
    root, moved = joints[:, 0], none[:, 0]
    if trajectory.steady:
        fastest = float(view.limits.frames["speed"].usual[0])
        root, moved = repair.bridge_jumps(root, view.times, fastest)
    return quaternions, root, none, moved


def _smooth(view: View, trajectory: BodyTrajectory) -> _Result:
    joints, quaternions = _joints_and_rotations(trajectory)
    # Where a person jitters and moves at the same time, what may be noise is smoothed.
    tremor, shake = measures.tremor(trajectory, surely=False), measures.shake(trajectory, surely=False)
    noise = np.zeros(quaternions.shape[:2]) if tremor is None else np.radians(np.nan_to_num(tremor))
    quaternions, turned = repair.smooth_jittery_rotations(quaternions, view.times, noise, view.pieces)
    noise = np.zeros(len(joints)) if shake is None else np.nan_to_num(shake[:, 0]) / 1000
    root, moved = repair.smooth_jittery_root(joints[:, 0], view.times, noise, view.pieces)
    return quaternions, root, turned, moved


_STEPS: dict[str, Callable[[View, BodyTrajectory], _Result]] = {"replace": _replace, "lead": _bridge, "smooth": _smooth}


def figures(report: PersonReport) -> dict[str, Any]:
    return {"verdict": report.verdict, "bad_frames": report.bad_frames}
