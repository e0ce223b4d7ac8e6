"""Estimates, from its movement, the rest pose of a skeleton whose zero pose is not a human pose.

In such files (LAFAN1 and others) every bone rests along an axis of its joint, so the zero pose is a tangle; yet with
the file's rotations its joints are in place. A, the rotation from SMPL's axes to a joint's, is nearly determined:

- it takes SMPL's bone to the file's, which leaves a twist about the bone;
- knees and elbows are hinges: the plane in which thigh and shin bend fixes the twist of both;
- bones that never bend, and joints at the ends, are not twisted against the bone before them on average;
- the pelvis and the chest have several children; left is known from hips and shoulders. The positions of joints in them
differ between skeletons, so their pitch is a mean of the estimates from those joints and from the whole trunk.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from kinema.formats.bvh_skeleton import BvhSkeleton
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    nearest_rotation,
    shortest_rotation,
    turn_about,
)
from kinema.skeleton import SMPL24

HINGES = {"knee": (1.0, 0.0, 0.0), "left_elbow": (0.0, -1.0, 0.0), "right_elbow": (0.0, 1.0, 0.0)}
"""Axes about which SMPL's knees and elbows bend by positive angles."""

BENT = np.sin(np.radians(20.0))
"""Sine of the least bend that determines the axis of a hinge."""

UNBENT = 0.003
"""Weight of the assumption that a limb is not twisted, against the mean squared sine of its bend."""

TRUNK_SD, NEUTRAL_SD, WORST_SD = 12.0, 12.0, 25.0
"""Degrees: uncertainty of the pelvis' pitch from the trunk as a whole, of the chest's from the pelvis', and of either
from its own joints if they differ strongly from SMPL's."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Some frames of a file: rotations (n,J,3,3) and positions (n,J,3) in its world; parents (J,); leg: its length."""

    rotations: np.ndarray
    positions: np.ndarray
    parents: np.ndarray
    leg: float

    @classmethod
    def of(cls, skeleton: BvhSkeleton, leg: float) -> Samples:
        """Frames spread evenly over a file."""
        rotations, positions = skeleton.pose(skeleton.samples())
        return cls(rotations, positions, skeleton.parents, leg)


def alignment_by_movement(
    samples: Samples, joints: dict[str, int], at_rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A (24,3,3) of every SMPL joint that the file has, and the mean local rotations (J,3,3) of all of the file's.

    joints: index of the file's joint by SMPL joint. at_rest (24,3): SMPL's joints.
    """
    estimate = _Estimate(samples, joints, at_rest)
    estimate.pelvis()
    estimate.chest()
    estimate.spine()
    for side in ("left", "right"):
        estimate.limb(f"{side}_collar", f"{side}_shoulder", "spine3")
        estimate.hinged(f"{side}_hip", f"{side}_knee", f"{side}_ankle", "pelvis")
        estimate.hinged(f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", "spine3")
        estimate.limb(f"{side}_ankle", f"{side}_foot", f"{side}_knee")
        estimate.limb(f"{side}_foot", None, f"{side}_ankle")
        estimate.limb(f"{side}_wrist", f"{side}_hand", f"{side}_elbow")
    estimate.limb("neck", "head", "spine3")
    estimate.limb("head", None, "spine3")
    above = samples.rotations[:, np.maximum(samples.parents, 0)]
    local = nearest_rotation(np.mean(np.swapaxes(above, -1, -2) @ samples.rotations, axis=0) + 1e-9 * np.eye(3))
    return nearest_rotation(estimate.aligned), local


class _Estimate:
    """A of the joints found so far, and G = W A over the samples."""

    def __init__(self, samples: Samples, joints: dict[str, int], at_rest: np.ndarray) -> None:
        self.samples, self.joints, self.rest = samples, joints, at_rest
        self.aligned = np.tile(np.eye(3), (24, 1, 1))
        self.unlike = 0.0
        """Degrees by which pelvis or chest may differ from SMPL's."""

    def world(self, name: str) -> np.ndarray:
        """(n,3,3) G of a joint; of a joint that the file lacks, the next one above it."""
        while name not in self.joints:
            name = SMPL24.joints[(SMPL24.parents or ())[SMPL24.index(name)]]
        return np.asarray(self.samples.rotations[:, self.joints[name]] @ self.aligned[SMPL24.index(name)])

    def local(self, joint: str, vectors: np.ndarray) -> np.ndarray:
        """(n,3) vectors of the world in the axes of a joint of the file."""
        return np.asarray(np.einsum("nji,nj->ni", self.samples.rotations[:, self.joints[joint]], vectors))

    def place(self, *names: str) -> np.ndarray:
        """(n,3) the mean of joints of the file."""
        return np.asarray(self.samples.positions[:, [self.joints[name] for name in names]].mean(axis=1))

    def own(self, *names: str) -> np.ndarray:
        """(3,) the mean of SMPL's joints at rest."""
        return np.asarray(self.rest[SMPL24.indices(list(names))].mean(axis=0))

    def pelvis(self) -> None:
        hips, top = ("left_hip", "right_hip"), self.top()
        left = self.local("pelvis", self.place("left_hip") - self.place("right_hip")).mean(axis=0)
        trunk = self.local("pelvis", _directions(self.place(*top) - self.place(*hips))).mean(axis=0)
        frame = _frame(left, trunk) @ _frame(np.eye(3)[0], self.own(*top) - self.own(*hips)).T
        pitches = [(0.0, TRUNK_SD)]
        if "spine1" in self.joints:
            spine, middle, origin = self.place("spine1"), self.place(*hips), self.place("pelvis")
            bones = [self.local("pelvis", bone) for bone in (spine - middle, spine - origin, middle - origin)]
            rest = [self.own("spine1"), self.own(*hips), self.own("pelvis")]
            pitches.append(_pitch(frame, bones, (rest[0] - rest[1], rest[0] - rest[2], rest[1] - rest[2])))
        self.aligned[0] = frame @ turn_about("x", _mean(pitches))
        self.unlike = pitches[-1][1]

    def chest(self) -> None:
        if "spine3" not in self.joints:
            return
        arms = tuple(f"{side}_shoulder" for side in ("left", "right"))
        collars = tuple(f"{side}_collar" for side in ("left", "right"))
        sides = collars if self.apart(collars) else arms
        left = self.local("spine3", self.place(sides[0]) - self.place(sides[1])).mean(axis=0)
        neutral = self.neutral("spine3", self.world("pelvis"))
        frame = _frame(left, neutral[:, 1])
        pitches = [(0.0, NEUTRAL_SD)]
        if "neck" in self.joints:
            neck, middle, origin = self.place("neck"), self.place(*sides), self.place("spine3")
            bones = [self.local("spine3", bone) for bone in (neck - origin, middle - origin, neck - middle)]
            rest = [self.own("neck"), self.own(*sides), self.own("spine3")]
            pitches.append(_pitch(frame, bones, (rest[0] - rest[2], rest[1] - rest[2], rest[0] - rest[1])))
        self.aligned[SMPL24.index("spine3")] = frame @ turn_about("x", _mean(pitches))
        self.unlike = max(self.unlike, pitches[-1][1])

    def spine(self) -> None:
        """The joints between pelvis and chest share the bend; if the skeleton is like SMPL's, its bones decide."""
        trust = 1 / (1 + (self.unlike / NEUTRAL_SD) ** 2)
        chain = [name for name in ("pelvis", "spine1", "spine2", "spine3", "neck") if name in self.joints]
        for name, after in itertools.pairwise(chain):
            if name not in ("spine1", "spine2"):
                continue
            share = (1 if name == "spine1" else 2) / 3
            between = nearest_rotation((1 - share) * self.world("pelvis") + share * self.world("spine3"))
            bone = self.local(name, self.place(after) - self.place(name)).mean(axis=0)
            aligned = self.neutral(name, between)
            turn = matrix_to_axis_angle(_onto(aligned, self.own(after) - self.own(name), bone) @ aligned.T)
            self.aligned[SMPL24.index(name)] = axis_angle_to_matrix(trust * turn) @ aligned

    def limb(self, name: str, end: str | None, before: str) -> None:
        """A joint with one bone, not twisted against the one before it on average. Without a bone: not rotated."""
        if name not in self.joints:
            return
        if end not in self.joints:
            self.aligned[SMPL24.index(name)] = self.neutral(name, self.world(before))
            return
        bone, own = self.place(end) - self.place(name), self.own(end) - self.own(name)
        swung = self.world(before)
        swung = shortest_rotation(swung @ own, bone) @ swung
        aligned = self.neutral(name, swung)
        self.aligned[SMPL24.index(name)] = _onto(aligned, own, self.local(name, bone).mean(axis=0))

    def hinged(self, top: str, middle: str, end: str, before: str) -> None:
        """The two bones of an arm or a leg; the plane in which they bend determines their twist."""
        self.limb(top, middle, before)
        self.limb(middle, end, top)
        if end not in self.joints:
            return
        axis = np.array(next(value for name, value in HINGES.items() if middle.endswith(name)))
        upper, lower = self.own(middle) - self.own(top), self.own(end) - self.own(middle)
        bones = _directions(self.place(middle) - self.place(top)), _directions(self.place(end) - self.place(middle))
        normal = np.cross(*bones)
        sine = np.linalg.norm(normal, axis=-1)
        bend = _bend(upper, lower, axis, np.arctan2(sine, np.sum(bones[0] * bones[1], axis=-1)))
        turned = axis_angle_to_matrix(bend[:, None] * axis)
        expected = np.cross(upper, turned @ lower)
        back = np.squeeze(np.swapaxes(turned, -1, -2) @ expected[..., None], -1)
        weight = np.where(sine > BENT, sine**2, 0.0)
        for name, bone, here in ((top, upper, expected), (middle, lower, back)):
            seen = np.squeeze(np.swapaxes(self.world(name), -1, -2) @ normal[..., None], -1)
            along = bone / np.linalg.norm(bone)
            angle = np.arctan2(np.cross(here, seen) @ along, np.sum(here * seen, axis=-1))
            twist = np.angle(np.mean(weight * np.exp(1j * angle)) + UNBENT)
            self.aligned[SMPL24.index(name)] = self.aligned[SMPL24.index(name)] @ axis_angle_to_matrix(twist * along)

    def neutral(self, name: str, reference: np.ndarray) -> np.ndarray:
        """A for which G is a reference (n,3,3) on average."""
        own = self.samples.rotations[:, self.joints[name]]
        return nearest_rotation(np.mean(np.swapaxes(own, -1, -2) @ reference, axis=0))

    def top(self) -> tuple[str, ...]:
        return ("neck",) if "neck" in self.joints else ("left_shoulder", "right_shoulder")

    def apart(self, pair: tuple[str, ...]) -> bool:
        return all(name in self.joints for name in pair) and bool(
            np.mean(np.linalg.norm(self.place(pair[0]) - self.place(pair[1]), axis=-1)) > 0.03 * self.samples.leg
        )


def _directions(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _frame(left: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3,3) axes with x along `left` and y as near to `up` as that allows."""
    x = _directions(left)
    y = _directions(up - (up @ x) * x)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _onto(aligned: np.ndarray, own: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """The rotation nearest to `aligned` that takes SMPL's bone exactly onto the direction of the file's."""
    return np.asarray(shortest_rotation(aligned @ own, bone) @ aligned)


def _pitch(frame: np.ndarray, bones: list[np.ndarray], rest: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """Radians by which axes must turn about x to take SMPL's bone onto the file's, and the uncertainty in degrees.

    bones, in the file's joint over the frames (n,3), and rest (3,): the bone, and the two sides of a triangle whose
    shapes in both skeletons show how similar they are.
    """
    seen = [frame.T @ bone.mean(axis=0) for bone in bones]
    angle = _about_x(rest[0], seen[0])
    between = _about_x(rest[1], rest[2]), _about_x(seen[1], seen[2])
    sizes = [max(float(np.linalg.norm(bone[1:])), 1e-9) for bone in (*rest[1:], *seen[1:])]
    unlike = abs(np.angle(np.exp(1j * (between[0] - between[1]))))
    ratio = abs(np.log(sizes[0] / sizes[1]) - np.log(sizes[2] / sizes[3]))
    return angle, float(min(WORST_SD, 2 + np.degrees(unlike) + 30 * ratio))


def _about_x(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.arctan2(first[1] * second[2] - first[2] * second[1], first[1:] @ second[1:]))


def _mean(pitches: list[tuple[float, float]]) -> float:
    """The mean of angles, weighted by their certainty."""
    weights = [1 / sd**2 for _, sd in pitches]
    return float(np.dot(weights, [angle for angle, _ in pitches]) / np.sum(weights))


def _bend(upper: np.ndarray, lower: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(n,) rotations about a hinge after which two bones, at rest not quite in line, make the angles (n,)."""
    upper, lower = _directions(upper), _directions(lower)
    fixed = (upper @ axis) * (lower @ axis)
    cosine, sine = upper @ lower - fixed, upper @ np.cross(axis, lower)
    reach = np.clip((np.cos(angle) - fixed) / np.hypot(cosine, sine), -1.0, 1.0)
    return np.asarray(np.arctan2(sine, cosine) + np.arccos(reach))
