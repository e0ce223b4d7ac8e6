"""Ten shape components over a population of adults, and the joint regressor that follows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from free_body.makehuman import Phenotype

NUM_BETAS = 10
PEOPLE = 800
SEED = 20240
NEAR = 200
"""So many vertices about a point may take part in its regression."""
EVEN = 0.004
"""Strength of the pull of the regression's weights towards equal ones."""
HEIGHT_MALE, HEIGHT_FEMALE = (1.755, 0.070), (1.625, 0.065)
"""Mean and deviation of adults' height in metres, between the world's mean and North-West Europe's."""


@dataclass(frozen=True)
class ShapeSpace:
    """Mean and components of the surface, (V,3) and (V,3,10), and of the points inside it, (P,3) and (P,3,10)."""

    v_template: np.ndarray
    shapedirs: np.ndarray
    points: np.ndarray
    pointdirs: np.ndarray
    explained: np.ndarray


def population(seed: int = SEED) -> list[tuple[Phenotype, float]]:
    """PEOPLE adults, half of them women, with the height in metres that each shall have."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(PEOPLE):
        male = i % 2 == 0
        mean, deviation = HEIGHT_MALE if male else HEIGHT_FEMALE
        z = float(np.clip(rng.standard_normal(), -2.8, 2.8))
        gender = float(np.clip(rng.normal(0.9 if male else 0.1, 0.12), 0, 1))
        who = Phenotype(
            gender=gender,
            age=float(np.clip(abs(rng.normal(0.0, 0.35)), 0, 1)),
            muscle=float(np.clip(rng.normal(0.5, 0.17), 0.05, 0.95)),
            weight=float(np.clip(rng.normal(0.52, 0.19), 0.05, 1)),
            height=float(np.clip(0.5 + 0.12 * z + rng.normal(0, 0.05), 0, 1)),
            proportions=float(np.clip(rng.normal(0.55, 0.2), 0, 1)),
            races=tuple(float(x) for x in rng.dirichlet((0.6, 0.6, 0.6))),
        )
        out.append((who, mean + deviation * z))
    return out


def shape_space(make: Callable[[Phenotype, float], tuple[np.ndarray, np.ndarray]], faces: np.ndarray) -> ShapeSpace:
    """Principal components of the population; `make` gives a person's vertices (V,3) and inner points (P,3).

    A component is scaled by its deviation in the population, so that betas are spread as N(0,1), and its sign
    is chosen so that a positive first beta is taller, and any other positive beta has more volume.
    """
    people = [make(who, height) for who, height in population()]
    vertices = np.stack([v for v, _ in people]).astype(np.float64)
    points = np.stack([p for _, p in people])
    mean_v, mean_p = vertices.mean(axis=0), points.mean(axis=0)
    centred = (vertices - mean_v).reshape(len(people), -1)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    scores = left[:, :NUM_BETAS] * np.sqrt(len(people) - 1)  # unit deviation
    dirs = right[:NUM_BETAS] * singular[:NUM_BETAS, None] / np.sqrt(len(people) - 1)
    dirs = dirs.T.reshape(*mean_v.shape, NUM_BETAS)
    p_dirs = np.einsum("nk,nji->jik", scores, points - mean_p) / (len(people) - 1)
    for k in range(NUM_BETAS):
        plus, minus = mean_v + dirs[..., k], mean_v - dirs[..., k]
        grows = np.ptp(plus[:, 1]) - np.ptp(minus[:, 1]) if k == 0 else _volume(plus, faces) - _volume(minus, faces)
        if grows < 0:
            dirs[..., k] *= -1
            p_dirs[..., k] *= -1
    explained = singular[:NUM_BETAS] ** 2 / np.sum(singular**2)
    return ShapeSpace(mean_v, dirs, mean_p, p_dirs, explained)


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.sum(a * np.cross(b, c)) / 6)


def point_regressor(space: ShapeSpace, mirror: np.ndarray, point_mirror: np.ndarray) -> scipy.sparse.csr_matrix:
    """(P,V) sparse weights that follow the inner points through all shapes; each row sums to 1.

    For each point, over the vertices near it: ridge regression of the template's place and of the ten
    directions, the place and the sum being held almost exactly. Exact directions would need weights of
    alternating sign that add up to a hundred and amplify any noise in the vertices; EVEN keeps them tame and
    costs millimetres in the smaller components. The regressed points are the body's joints from then on.
    A right point mirrors its left one.
    """
    count = len(space.v_template)
    features = np.concatenate([space.v_template[:, :, None], space.shapedirs], axis=2).reshape(count, -1)
    wanted = np.concatenate([space.points[:, :, None], space.pointdirs], axis=2).reshape(len(space.points), -1)
    trust = np.ones(features.shape[1])
    trust[:: NUM_BETAS + 1] = 30  # the template's places
    rows = np.zeros((len(wanted), count))
    for j, other in enumerate(point_mirror):
        if other < j:
            rows[j] = rows[other][mirror]
            continue
        distance = np.linalg.norm(space.v_template - space.points[j], axis=1)
        near = np.argsort(distance, kind="stable")[:NEAR]
        if other == j:
            near = np.union1d(near, mirror[near])
        size = len(near)
        system = np.concatenate([features[near].T * trust[:, None], np.full((1, size), 100.0), EVEN * np.eye(size)])
        target = np.concatenate([wanted[j] * trust, [100.0], np.full(size, EVEN / size)])
        rows[j, near] = np.linalg.lstsq(system, target, rcond=None)[0]
        if other == j:
            rows[j] = 0.5 * (rows[j] + rows[j][mirror])
        rows[j] /= rows[j].sum()
    missed = np.linalg.norm((rows @ features - wanted).reshape(-1, 3, NUM_BETAS + 1), axis=1)
    if missed[:, 0].max() > 5e-4 or missed[:, 1:].max() > 5e-3:
        raise RuntimeError(f"the regressor misses a point by {missed.max():.1e} m")
    return scipy.sparse.csr_matrix(rows)
