"""Balance as evidence: the centre of mass of somebody on their feet lies above them, give or take a few degrees.

The image hardly shows how far a person leans towards the camera or away from it, and a prior that has mostly seen
upright people makes such leans small. Where the vertical is known, gravity shows them: a body with its weight beside
its feet would fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from kinema.body.kinematics import Rig
from kinema.body.mass import MASS_OF_JOINTS
from kinema.estimation.solver import FREE_JOINTS, Added, PoseState, frame_weights
from kinema.geometry.rotations import matrix_to_axis_angle
from kinema.models.pose_lifter.vertical import Vertical
from kinema.skeleton import SMPL24
from kinema.world.balance import BENT_KNEE, ROBUST, SUPPORT, tangent

LEAN = np.radians(2.5)
"""Standard deviation, on either horizontal axis, of the line from the feet to the centre of mass.

Captured people who dance, play and walk lean by 4.6 degrees in the core of the distribution
(`benchmarks/captured_balance.py`). More than half of the variance passes within half a second, while the errors of the
prior beside which it is counted, frame by frame, last for seconds: a frame says more than its spread does
(docs/pose-lifter.md has what other values give)."""

MIN_HEIGHT = 0.3
"""Metres of the centre of mass above the feet below which leans are taken as if it were so high: of whoever lies."""

_FEET = np.array([SMPL24.indices([f"{side}_ankle", f"{side}_foot"]) for side in ("left", "right")])
_KNEES = SMPL24.indices(["left_knee", "right_knee"])


@dataclass(frozen=True, eq=False)
class BalancePull:
    """Balance as evidence for the poses of `rig` in F frames.

    times (F,) seconds; vertical: one for all frames; sure (F,) in [0, 1]: how clearly the feet are seen.
    """

    rig: Rig
    times: np.ndarray
    vertical: Vertical
    sure: np.ndarray

    def of(self, piece: slice) -> Added | None:
        """What pulls the poses of some frames into balance; None if the feet are seen in none of them."""
        sure, times = self.sure[piece], self.times[piece]
        if not sure.any():
            return None
        up = self.vertical.direction
        across = tangent(up)
        variance = LEAN**2 + np.radians(self.vertical.sigma) ** 2

        def add(state: PoseState, hessian: np.ndarray, gradient: np.ndarray) -> None:
            rotation, joints, _ = self.rig.forward(state.local, state.root)
            shares, on_feet = carried(joints, state.local, up)
            line = np.einsum("fj,fjc->fc", shares, joints)
            height = np.maximum(line @ up, MIN_HEIGHT)
            lean = line @ across.T / height[:, None]
            kernel = 1.0 / (1.0 + np.sum(lean**2, axis=1) / ROBUST**2) ** 2
            precision = sure * on_feet * kernel * frame_weights(times) / variance
            # The shares sum to 0, so that only rotations move the line: about a joint, those of all that it carries.
            arms = joints[:, :, None] - joints[:, None, FREE_JOINTS]
            moment = np.einsum("fj,ja,fjac->fac", shares, self.rig.ancestry[:, FREE_JOINTS].astype(float), arms)
            turning = np.cross(moment[:, :, None], across) / height[:, None, None, None]
            by_pose = np.einsum("fadc,facx->fdax", turning, rotation[:, FREE_JOINTS]).reshape(len(times), 2, -1)
            turns = by_pose.shape[-1]
            weighted = np.swapaxes(by_pose, 1, 2) * precision[:, None, None]
            hessian[:, :turns, :turns] += weighted @ by_pose
            gradient[:, :turns] += np.squeeze(weighted @ lean[..., None], -1)

        return add


def carried(joints: np.ndarray, local: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line from the feet to the centre of mass, and whether feet carry the body at all.

    joints (F,24,3); local (F,24,3,3): their rotations relative to the parent; up (3,). Returns shares (F,24), with
    which the line is a sum of the joints, and (F,) in [0, 1]: less for somebody whose supporting knee is bent as in
    sitting. The lower foot carries more; the pressure is taken to be halfway between ankle and ball.
    """
    height = (joints[:, _FEET] @ up).mean(axis=-1)
    load = softmax(-height / SUPPORT, axis=1)
    shares = np.tile(MASS_OF_JOINTS, (len(joints), 1))
    for side, foot in enumerate(_FEET):
        shares[:, foot] -= load[:, side, None] / len(foot)
    flexion = np.linalg.norm(matrix_to_axis_angle(local[:, _KNEES]), axis=-1)
    return shares, np.exp(-((np.sum(load * flexion, axis=1) / BENT_KNEE) ** 4))
