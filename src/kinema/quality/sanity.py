"""A first sanity report: is there a body in every person, does it move, does any joint move impossibly fast.

It looks for results that cannot be true; a motion that passes may still be inaccurate. Verdicts:
PASS; PASS_WITH_CLEANUP, where single frames are doubtful; FAIL, where the whole cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kinema.errors import UsageError
from kinema.motion import Motion, Person
from kinema.skeleton import SMPL24

PASS, CLEANUP, FAIL = "PASS", "PASS_WITH_CLEANUP", "FAIL"

# Metres per second relative to the pelvis that people hardly exceed: a fast punch or tennis swing moves the
# hand at 10-15 m/s, a hard football kick the foot at 20, the trunk's own joints stay far below.
_FAST = {"wrist": 16.0, "hand": 20.0, "elbow": 12.0, "ankle": 20.0, "foot": 24.0, "knee": 14.0, "head": 8.0}
_TRUNK = 6.0


def _speed_limits() -> np.ndarray:
    limits = np.array([_FAST.get(joint.split("_")[-1], _TRUNK) for joint in SMPL24.joints])
    limits.flags.writeable = False
    return limits


@dataclass(frozen=True)
class Limits:
    """What is still believed.

    joint_speeds (24,): metres per second of each SMPL joint relative to the pelvis. root_speed: metres per
    second of the pelvis (the fastest sprinters reach 12.5). reprojection: mean pixel error as a share of the
    person's box height. frozen: metres; a person all of whose joints stay within it is no motion.
    failing_share: share of a person's frames that may be bad before the verdict is FAIL.
    """

    joint_speeds: np.ndarray = field(default_factory=_speed_limits)
    root_speed: float = 13.0
    reprojection: float = 0.10
    frozen: float = 1e-4
    failing_share: float = 0.25

    def __post_init__(self) -> None:
        if np.shape(self.joint_speeds) != (24,) or not np.all(np.asarray(self.joint_speeds) > 0):
            raise UsageError("joint_speeds must be 24 positive numbers, metres per second")
        for name in ("root_speed", "reprojection", "frozen", "failing_share"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be positive, found {getattr(self, name)}")


@dataclass(frozen=True)
class Problem:
    """One finding. frame, time: None where it concerns the whole track; value and limit in `unit`."""

    person: int
    kind: str
    frame: int | None = None
    time: float | None = None
    joint: str | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class SanityReport:
    """What was found: the verdict, the problems, and one line of numbers for each person.

    people: dicts of id, verdict, frames, bad_frames, motion_range (metres: the largest extent of any joint's
    path), top_speed (m/s, of any joint relative to the pelvis), top_root_speed (m/s).
    """

    verdict: str
    problems: tuple[Problem, ...]
    people: tuple[dict[str, object], ...]
    limits: Limits


def check_motion(motion: Motion, limits: Limits | None = None) -> SanityReport:
    """Check every person's joints in the camera's frame. Nobody in the motion is a FAIL."""
    limits = limits or Limits()
    problems: list[Problem] = []
    people = []
    for person in motion:
        found, about = _check_person(person, motion.times, limits)
        problems += found
        people.append(about)
    verdicts = [str(about["verdict"]) for about in people] or [FAIL]
    verdict = next(v for v in (FAIL, CLEANUP, PASS) if v in verdicts)
    return SanityReport(verdict, tuple(problems), tuple(people), limits)


def _check_person(person: Person, times: np.ndarray, limits: Limits) -> tuple[list[Problem], dict[str, object]]:
    about: dict[str, object] = {"id": person.id, "verdict": FAIL, "frames": len(person), "bad_frames": 0}
    missing = [name for name in ("pose", "betas", "transl", "joints") if getattr(person, name) is None]
    if missing or person.joints is None or not len(person):
        return [Problem(person.id, f"no {', '.join(missing) or 'frames'}")], about
    when = times[person.frames]
    problems = [*_too_fast(person, person.joints, when, limits), *_far_from_evidence(person, when, limits)]
    extent = float(np.ptp(person.joints, axis=0).max())
    frozen = len(person) > 1 and extent < limits.frozen
    if frozen:
        problems.append(Problem(person.id, "frozen", value=extent, limit=limits.frozen, unit="m"))
    bad = len({problem.frame for problem in problems if problem.frame is not None})
    verdict = FAIL if frozen or bad > limits.failing_share * len(person) else CLEANUP if bad else PASS
    root, relative = _speeds(person.joints, when)
    about |= {
        "verdict": verdict,
        "bad_frames": bad,
        "motion_range": round(extent, 4),
        "top_speed": round(float(relative.max(initial=0.0)), 3),
        "top_root_speed": round(float(root.max(initial=0.0)), 3),
    }
    return problems, about


def _speeds(joints: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speed into each frame but the first, m/s: of the pelvis (F-1,), and of the joints about it (F-1,24)."""
    step = np.diff(times)
    root = np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1) / step
    relative = np.linalg.norm(np.diff(joints - joints[:, :1], axis=0), axis=-1) / step[:, None]
    return root, relative


def _too_fast(person: Person, joints: np.ndarray, times: np.ndarray, limits: Limits) -> list[Problem]:
    """The frames into which the pelvis or a joint moves faster than its limit: the worst joint of each."""
    root, relative = _speeds(joints, times)
    problems = [
        Problem(person.id, "root too fast", int(person.frames[i + 1]), float(times[i + 1]), "pelvis",
                float(root[i]), limits.root_speed, "m/s")
        for i in np.flatnonzero(root > limits.root_speed)
    ]  # fmt: skip
    excess = relative / limits.joint_speeds
    for i in np.flatnonzero((excess > 1).any(axis=1)):
        worst = int(excess[i].argmax())
        problems.append(
            Problem(person.id, "joint too fast", int(person.frames[i + 1]), float(times[i + 1]),
                    SMPL24.joints[worst], float(relative[i, worst]), float(limits.joint_speeds[worst]), "m/s")
        )  # fmt: skip
    return problems


def _far_from_evidence(person: Person, times: np.ndarray, limits: Limits) -> list[Problem]:
    """The frames whose body lies far from the image's evidence, by reprojection error over box height."""
    if person.reprojection_error is None or person.boxes is None:
        return []
    height = person.boxes[:, 3] - person.boxes[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = person.reprojection_error / height
    return [
        Problem(person.id, "far from the evidence", int(person.frames[i]), float(times[i]), None,
                float(share[i]), limits.reprojection, "of box height")
        for i in np.flatnonzero(share > limits.reprojection)
    ]  # fmt: skip
