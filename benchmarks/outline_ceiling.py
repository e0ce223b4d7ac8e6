"""How much of their masks bodies could cover at most, and what they miss: by pose, by shape, part by part.

    python benchmarks/outline_ceiling.py [--clips NAME...] [--cache DIR]

Of a few frames of each clip, and of rendered people without clothes, the IoU of the longest track's body with
BlazePose's mask: of the fit; of its silhouette made 1 cm larger all around, about what clothes add; of the fit with its
betas, its poses, or both moved without prior or keypoints wherever the overlap rises (damped Gauss-Newton steps on the
outline, kept if the IoU is larger), which measures nobody, but says what is left to gain. Of rendered people also the
IoU of the true silhouette with the mask, and with the fit's. Then, for each part of the body, the shares of mask and
body together that the mask has beside the body and the body beside the mask, and how far the mask's edge lies outside
the body's, median over the edge's points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.chains import Kept
from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.masks import free_masks
from benchmarks.accuracy_parts.page import DEFAULT
from benchmarks.accuracy_parts.pictures import overlap, silhouette
from benchmarks.accuracy_parts.rendered import SCRIPTS, rendered_clip

from kinema.body import BodyModel, load_body
from kinema.body.kinematics import Rig
from kinema.commands._tables import print_table
from kinema.estimation.outline import Outline, outline_terms
from kinema.estimation.solver import PoseState, moved
from kinema.geometry.camera import project
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.skeleton import SMPL24

CLIPS = (
    "balance_single_multiview_cam01",
    "balance_single_multiview_cam03",
    "opencap_squats_marker_truth",
    "taiji_single_static",
    "football_juggle_single_handheld",
    "one_leg_stand_single_static",
    "walk_edit_list_original",
)
EVERY = 3
"""Of the frames whose masks are made."""

STEPS, MOST_TURN = 12, 0.2
CLOTHES = 0.01

PARTS = {
    "head": ("neck", "head"), "trunk": ("pelvis", "spine1", "spine2", "spine3", "collar"), "upper arms": ("shoulder",),
    "forearms": ("elbow",), "hands": ("wrist", "hand"), "thighs": ("hip",), "shins": ("knee",),
    "feet": ("ankle", "foot"),
}  # fmt: skip
"""The joints that carry them, of either side."""


@dataclass(eq=False)
class View:
    """A person's frame: the fitted body's state, its mask and those of others (H,W) bool, and their outline; true (H,W)
    bool: the silhouette of a rendered person."""

    motion: Motion
    state: PoseState
    betas: np.ndarray
    mask: np.ndarray
    others: np.ndarray
    outline: Outline
    true: np.ndarray | None = None

    def body_at(self, body: BodyModel, state: PoseState, betas: np.ndarray) -> np.ndarray:
        """(H,W) bool: the silhouette of a state and betas, without what others may hide."""
        pose = matrix_to_axis_angle(state.local).reshape(1, -1)
        person = Person(
            1, np.zeros(1, int), pose=pose, betas=betas[None], transl=state.root - body.rest_joints(betas)[0]
        )
        return silhouette(body, self.motion, person, 0) & ~self.others

    def iou(self, body: BodyModel, state: PoseState, betas: np.ndarray) -> float:
        return overlap(self.body_at(body, state, betas), self.mask)


def views(kept: Kept, path: Path, body: BodyModel, truth: Motion | None = None) -> list[View]:
    tracked, motion = kept.tracked(path, DEFAULT), kept.result(path, DEFAULT)
    ids = [person.id for person in tracked]
    person = max(motion, key=len)
    pose, betas, transl = person.require("pose", "betas", "transl")
    found = []
    for frame, masks in list(free_masks(path, tracked))[::EVERY]:
        row, mask = row_of(person, frame), masks[ids.index(person.id)]
        own = None if truth is None else truth.people[0]
        true_row = None if own is None else row_of(own, frame)
        if row is None or not mask.any() or (own is not None and true_row is None):
            continue
        polygons, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        outline = Outline.of(0, [each[:, 0].astype(float) for each in polygons], (motion.width, motion.height))
        if outline is None:
            continue
        local = axis_angle_to_matrix(pose[row].reshape(1, -1, 3))
        state = PoseState(local, transl[row : row + 1] + body.rest_joints(betas[row])[0])
        true = None if truth is None or own is None or true_row is None else silhouette(body, truth, own, true_row)
        found.append(View(motion, state, betas[row], mask, masks.any(0) & ~mask, outline, true))
    return found


def highest(body: BodyModel, seen: Sequence[View], *, pose: bool, shape: bool) -> float:
    """Mean IoU after steps of the poses, of the betas that all frames share, or of both in turn."""
    betas, states = seen[0].betas, [view.state for view in seen]
    reached = [view.iou(body, state, betas) for view, state in zip(seen, states, strict=True)]
    damping, shape_damping = np.ones(len(seen)), 1.0
    for _ in range(STEPS):
        if shape:
            hessian, gradient = np.zeros((10, 10)), np.zeros(10)
            for view, state in zip(seen, states, strict=True):
                _, by_shape, residual, weight = _terms(body, view, state, betas)
                hessian += (by_shape.T * weight) @ by_shape
                gradient += (by_shape.T * weight) @ residual
            step = np.clip(-np.linalg.solve(hessian + shape_damping * np.eye(10), gradient), -1, 1)
            now = [view.iou(body, state, betas + step) for view, state in zip(seen, states, strict=True)]
            better = np.mean(now) > np.mean(reached)
            betas, reached = (betas + step, now) if better else (betas, reached)
            shape_damping *= 0.3 if better else 4.0
        for i, view in enumerate(seen if pose else ()):
            by_pose, _, residual, weight = _terms(body, view, states[i], betas)
            hessian = (by_pose.T * weight) @ by_pose + damping[i] * 20.0 * np.eye(by_pose.shape[1])
            step = -np.linalg.solve(hessian, (by_pose.T * weight) @ residual)
            state = moved(states[i], step[None], MOST_TURN)
            iou = view.iou(body, state, betas)
            better = iou > reached[i]
            damping[i] *= 0.3 if better else 4.0
            if better:
                states[i], reached[i] = state, iou
    return float(np.mean(reached))


def _terms(body: BodyModel, view: View, state: PoseState, betas: np.ndarray) -> tuple[np.ndarray, ...]:
    rig = Rig.of(body, "blazepose33", betas)
    (terms,) = outline_terms(body, rig, betas, [view.outline], state, view.motion.camera)
    return terms.by_pose, terms.by_shape, terms.residual, terms.weight


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """(H,W) pixels to the edge of a mask, positive outside."""
    inside, outside = (cv2.distanceTransform(each.astype(np.uint8), cv2.DIST_L2, 5) for each in (mask, ~mask))
    return np.where(mask, 0.5 - inside, outside - 0.5)


def ceilings(body: BodyModel, name: str, seen: Sequence[View]) -> list[str]:
    bodies = [view.body_at(body, view.state, view.betas) for view in seen]
    larger = [
        overlap((signed_distance(own) <= CLOTHES / metres(view)) & ~view.others, view.mask)
        for own, view in zip(bodies, seen, strict=True)
    ]
    pairs = [(own, view.mask, view.true) for own, view in zip(bodies, seen, strict=True) if view.true is not None]
    values = [
        float(np.mean([overlap(own, view.mask) for own, view in zip(bodies, seen, strict=True)])),
        float(np.mean(larger)),
        highest(body, seen, pose=False, shape=True),
        highest(body, seen, pose=True, shape=False),
        highest(body, seen, pose=True, shape=True),
    ]
    of_mask = f"{np.mean([overlap(mask, true) for _, mask, true in pairs]):.2f}" if pairs else ""
    of_body = f"{np.mean([overlap(own, true) for own, _, true in pairs]):.2f}" if pairs else ""
    return [name, *(f"{value:.2f}" for value in values), of_mask, of_body]


def metres(view: View) -> float:
    """Of a pixel, at the person."""
    return float(view.state.root[0, 2] / view.motion.camera.intrinsics[0, 0])


def by_part(body: BodyModel, seen: Sequence[View]) -> list[list[str]]:
    """A row for each of `PARTS`: shares beside, percent, and how far the mask's edge lies outside the body's, cm."""
    names = [name.partition("_")[2] or name for name in SMPL24.joints]
    part_of_joint = np.array([next(i for i, own in enumerate(PARTS.values()) if name in own) for name in names])
    part = part_of_joint[body.weights.argmax(axis=1)]
    shares, edges = np.zeros((2, len(PARTS))), [list[float]() for _ in PARTS]
    for view in seen:
        own = view.body_at(body, view.state, view.betas)
        vertices = body.vertices(view.state.local, view.betas, view.state.root - body.rest_joints(view.betas)[0])[0]
        tree = cKDTree(project(vertices, view.motion.camera.intrinsics, view.motion.camera.distortion))
        for kind, beside in enumerate((view.mask & ~own, own & ~view.mask)):
            near = part[tree.query(np.argwhere(beside)[:, ::-1])[1]] if beside.any() else np.zeros(0, int)
            shares[kind] += np.bincount(near, minlength=len(PARTS)) / np.sum(own | view.mask) / len(seen)
        edge = np.argwhere(own & (signed_distance(own) > -1.2) & ~view.others)
        edge = edge[(edge > 1).all(1) & (edge < np.array(own.shape) - 2).all(1)]
        outside = -signed_distance(view.mask)[tuple(edge.T)] * metres(view)
        near = part[tree.query(edge[:, ::-1])[1]]
        for i, found in enumerate(edges):
            found.extend(outside[near == i])
    return [
        [
            name,
            *(f"{100 * share:.1f}" for share in shares[:, i]),
            f"{100 * np.median(edges[i]):+.1f}" if edges[i] else "",
        ]
        for i, name in enumerate(PARTS)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="*", default=CLIPS, metavar="NAME", help="names of videos in KINEMA_DATA")
    parser.add_argument("--cache", type=Path, default=Path("outputs/accuracy"), help="folder of what was tracked")
    args = parser.parse_args()
    require_data(DATA / "videos")
    body, kept, rows = load_body(), Kept(args.cache), []
    groups: dict[str, list[View]] = {"rendered": [], "clips": []}
    for script in SCRIPTS:
        path, truth = rendered_clip(kept.folder, body, script, 0)
        seen = views(kept, path, body, truth)
        groups["rendered"] += seen
        rows.append(ceilings(body, f"rendered: {script}", seen))
    for clip in args.clips:
        seen = views(kept, DATA / "videos" / f"{clip}.mp4", body)
        groups["clips"] += seen
        rows.append(ceilings(body, clip, seen))
    print_table(
        ["clip", "fit", "1 cm larger", "betas free", "poses free", "both free", "true body", "fit with true body"], rows
    )
    for name, seen in groups.items():
        print()
        print_table([f"part, {name}", "mask beside, %", "body beside, %", "mask outside, cm"], by_part(body, seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
