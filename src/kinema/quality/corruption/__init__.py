"""Damage of motions, like that from tracking, fitting, placing in the world and exporting, for measuring how much of it
the validator detects.

Each kind takes a motion with pose_world, transl_world and joints_world (those that only move the body as a whole also
one with joints alone) and a random generator, and returns a damaged copy. The strengths, given at each function and in
`CORRUPTIONS`, are at the lower end of what makes a motion unusable. A kind says which clips it makes sense for: a pose
that is stuck is no damage where nobody moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from kinema.motion import Motion
from kinema.quality.corruption import placement, rotation, suitable, tracking
from kinema.quality.problems import CLEANUP, FAIL


@dataclass(frozen=True)
class Corruption:
    """One kind of damage.

    apply: motion and random generator to the damaged copy. suits: whether it makes sense for a motion (one function of
    `kinema.quality.corruption.suitable`, which says in words what it asks for). needs_pose: whether joints alone are
    not enough. verdicts: those that are right.
    """

    apply: Callable[[Motion, np.random.Generator], Motion]
    suits: Callable[[Motion], bool] = suitable.any_clip
    needs_pose: bool = True
    verdicts: tuple[str, ...] = (CLEANUP, FAIL)

    def __call__(self, motion: Motion, rng: np.random.Generator) -> Motion:
        return self.apply(motion, rng)


def _placement(suits: Callable[[Motion], bool], apply: Callable[..., Motion], **strength: float) -> Corruption:
    return Corruption(partial(apply, **strength), suits, needs_pose=False)


CORRUPTIONS: dict[str, Corruption] = {
    "jitter": Corruption(tracking.jitter),
    "swap": Corruption(tracking.swap, suitable.sides_differ),
    "flip": Corruption(tracking.flip),
    "limb length": Corruption(tracking.limb_length),
    "first T-pose": Corruption(tracking.first_t_pose, verdicts=(CLEANUP,)),
    "teleport": _placement(suitable.any_clip, placement.teleport),
    "frozen root": _placement(suitable.root_moves, placement.frozen_root),
    "drift": _placement(suitable.feet_rest, placement.drifting, low=0.6, high=1.2),
    "drift 0.45 m/s": _placement(suitable.feet_rest, placement.drifting, low=0.45, high=0.45),
    "float 0.2 m": _placement(suitable.on_the_ground, placement.floating, height=0.2),
    "float 1 m": _placement(suitable.on_the_ground, placement.floating, height=1.0),
    "rise 0.1 m/s": _placement(suitable.long_on_the_ground, placement.rising, speed=0.1),
    "sink 0.1 m/s": _placement(suitable.long_on_the_ground, placement.rising, speed=-0.1),
    "tilt 10 deg": _placement(suitable.upright, placement.tilted, degrees=10),
    "tilt 20 deg": _placement(suitable.upright, placement.tilted, degrees=20),
    "tilt 30 deg": _placement(suitable.upright, placement.tilted, degrees=30),
    "hover": _placement(suitable.long_on_the_ground, placement.hovering),
    "legs up": Corruption(rotation.legs_up, suitable.upright),
    "stuck pose": Corruption(partial(rotation.stuck_pose, to_the_end=False), suitable.goes_somewhere),
    "stuck pose to the end": Corruption(partial(rotation.stuck_pose, to_the_end=True), suitable.goes_somewhere),
    "joint flip": Corruption(rotation.joint_flip),
    "twist flip": Corruption(rotation.twist_flip),
    "euler wrap": Corruption(rotation.euler_wrap),
}
"""Every kind of damage by name."""
