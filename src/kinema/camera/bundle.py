"""Bundle adjustment: cameras, points and the lens that explain where the points are seen, all at once.

Levenberg-Marquardt with the points eliminated (Schur complement) and Cauchy weights: Triggs, McLauchlan, Hartley and
Fitzgibbon, "Bundle adjustment - a modern synthesis" (2000), sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from kinema.camera.bundle_problem import Problem, System, Unknowns
from kinema.camera.normal_equations import solve_normal
from kinema.camera.views import Sightings, Views

__all__ = ["ROUGHLY", "SETTLED", "Solution", "Unknowns", "adjust"]

SETTLED, ROUGHLY = 1e-4, 1e-3
"""Share of the cost: the steps end when one lowers it by less; for the final adjustment, and for intermediate ones and
the choice between explanations."""


@dataclass(frozen=True, eq=False)
class Solution:
    """views: the cameras and points found; residuals (N,2) pixels; cost: the robust cost; columns: the first unknown of
    each camera, -1 if it is held; focal, bend: those of the shared focal length and of the bend, -1 if there is none;
    normal: gives the cameras' normal matrix without the points, for uncertainties."""

    views: Views
    residuals: np.ndarray
    cost: float
    columns: np.ndarray
    focal: int
    bend: int
    normal: Callable[[], np.ndarray | sp.csc_matrix]

    @property
    def noise(self) -> float:
        """Standard deviation of the residuals in pixels, without those that are far off."""
        return 1.4826 * float(np.median(np.abs(self.residuals))) if len(self.residuals) else 1.0

    def spread(self, columns: list[int]) -> np.ndarray:
        """Covariance (k,k) of some unknowns for noise of one pixel, priors included."""
        matrix = self.normal()
        unit = np.zeros((matrix.shape[0], len(columns)))
        unit[columns, range(len(columns))] = 1
        return solve_normal(matrix, unit)[columns]


def adjust(
    views: Views, sightings: Sightings, unknowns: Unknowns, *, rounds: int = 20, settled: float = SETTLED
) -> Solution:
    """The views that fit the sightings best, after at most `rounds` steps. settled: the steps end when one lowers the
    cost by a smaller share than this."""
    order = np.argsort(sightings.camera, kind="stable")
    problem = Problem(views, sightings.where(order), unknowns)
    damping = 1e-3
    state = problem.state(views)
    system: System | None = None
    for _ in range(rounds):
        system = system or problem.system(state)
        trial = problem.state(problem.step(state.views, system, damping))
        if trial.cost < state.cost:
            done = state.cost - trial.cost < settled * state.cost
            state, system = trial, None
            damping = max(damping / 5, 1e-8)
        else:
            damping *= 8
            done = damping > 1e4
        if done:
            break
    residuals = np.empty_like(state.residuals)
    residuals[order] = state.residuals
    return Solution(
        state.views, residuals, state.cost, problem.columns, problem.shared, problem.bend,
        lambda: problem.system(state).reduced(0.0).matrix,
    )  # fmt: skip
