"""What a lifter has wrong of a person lasts: the fit departs from it more freely for seconds than for a moment.

Errors of a lifted pose come of how somebody stands, is built and is seen, which stay while they move. Of the variance
of the lifter's errors in three seconds of rendered people whom it was never trained on, 77 % is that of their mean
(`python benchmarks/lasting_errors.py WINDOWS`), and its uncertainty, stated for single frames, is that of all together.
A fit that counts every frame by it resists a lasting correction as often as there are frames, and follows the lifter's
momentary errors too willingly.

So deviations from the prior are counted from their own mean over some seconds: the prior is moved to it before a step,
again and again (iterated Tikhonov regularisation; how far it goes is bounded by the number of steps), and what is left,
which is momentary, is held more tightly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24

if TYPE_CHECKING:
    from kinema.estimation.solver import Evidence, PoseState

MEMORY = 1.5
"""Seconds: standard deviation of the weights with which frames around one count in its mean."""

MOMENTARY = 0.9
"""What of the stated uncertainty is left for momentary errors. Those measured are half of it (the root of 23 %), but
the mean over `MEMORY` does not follow all that lasts, and real people differ from rendered ones."""

SHORTEST = 1.0
"""Seconds that somebody must be seen for lasting errors to be told from momentary ones."""

LAST_STEPS = 2
"""Steps, the last ones, with a prior that has moved: until then deviations are those of poses on their way. One step
more gains a millimetre on real people, and loses half of one on rendered people (docs/pose-lifter.md)."""

ROOT = SMPL24.index("pelvis")
"""The root's own rotation keeps its prior: less than half of the variance of its errors is left after two seconds, the
least of all joints."""


def recentred(evidence: Evidence, state: PoseState) -> Evidence:
    """The evidence with a prior that has the mean deviation of the poses from it, and the uncertainty of the rest."""
    off = matrix_to_axis_angle(np.swapaxes(evidence.prior, -1, -2) @ state.local)
    precision = evidence.prior_sigma[..., None] ** -2
    apart = (evidence.times[:, None] - evidence.times) / MEMORY
    near = np.exp(-0.5 * apart**2)
    mean = np.einsum("fg,gjc->fjc", near, precision * off) / np.einsum("fg,gjc->fjc", near, precision)
    mean[:, ROOT] = 0.0
    return momentary(replace(evidence, prior=evidence.prior @ axis_angle_to_matrix(mean)))


def momentary(evidence: Evidence) -> Evidence:
    """The evidence with the uncertainty of momentary errors."""
    return replace(evidence, prior_sigma=MOMENTARY * evidence.prior_sigma)
