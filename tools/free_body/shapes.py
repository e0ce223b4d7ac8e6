"""Ten shape components of a population of adults, and a matching joint regressor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from free_body.makehuman import Phenotype
from free_body.measures import sampled_girth, sampled_lengths

NUM_BETAS = 10
NUM_ADULT = NUM_BETAS - 1
"""Components in which adults differ; the last one leads from adults to children."""
CHILD_STEPS = 10
"""The average child is this many units along the last component: one unit changes the head as adults' heads vary."""
PEOPLE = 800
SEED = 20240
NUM_NEAR = 200
"""Number of vertices near a point that are used in its regression."""
EVENNESS = 0.004
"""Regularization of the regression's weights towards equal ones."""
HEIGHT_MALE, HEIGHT_FEMALE = (1.755, 0.070), (1.625, 0.065)
"""Mean and standard deviation of adult height in metres, between the world's mean and North-West Europe's."""


@dataclass(frozen=True)
class ShapeSpace:
    """Mean and components of the surface, (V,3) and (V,3,10), and of the points inside it, (P,3) and (P,3,10).

    explained (10,): fraction of the adults' variance. child (10,): betas of the average child.
    """

    v_template: np.ndarray
    shapedirs: np.ndarray
    points: np.ndarray
    pointdirs: np.ndarray
    explained: np.ndarray
    child: np.ndarray


@dataclass(frozen=True)
class Sample:
    """A person of the population.

    height: metres. lengths (S,): of the segments, as fractions of the height; None: MakeHuman's. girth: as in
    `with_girth`.
    """

    phenotype: Phenotype
    height: float
    lengths: np.ndarray | None
    girth: float


CHILD = Sample(Phenotype(age=-1.5), 0.955, None, 0.0)
"""The average child of three years (0.955 m: WHO's growth standards); MakeHuman's limbs of children are long enough."""


def population(seed: int = SEED) -> list[Sample]:
    """PEOPLE adults, half of them women."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(PEOPLE):
        male = i % 2 == 0
        mean, deviation = HEIGHT_MALE if male else HEIGHT_FEMALE
        z = float(np.clip(rng.standard_normal(), -2.8, 2.8))
        gender = float(np.clip(rng.normal(0.9 if male else 0.1, 0.12), 0, 1))
        phenotype = Phenotype(
            gender=gender,
            age=float(np.clip(abs(rng.normal(0.0, 0.35)), 0, 1)),
            muscle=float(np.clip(rng.normal(0.5, 0.17), 0.05, 0.95)),
            weight=float(np.clip(rng.normal(0.52, 0.19), 0.05, 1)),
            height=float(np.clip(0.5 + 0.12 * z + rng.normal(0, 0.05), 0, 1)),
            proportions=float(np.clip(rng.normal(0.55, 0.2), 0, 1)),
            races=tuple(float(x) for x in rng.dirichlet((0.6, 0.6, 0.6))),
        )
        out.append(Sample(phenotype, mean + deviation * z, sampled_lengths(male, rng), sampled_girth(rng)))
    return out


def shape_space(make: Callable[[Sample], tuple[np.ndarray, np.ndarray]], faces: np.ndarray) -> ShapeSpace:
    """Principal components of the population; `make` returns a person's vertices (V,3) and inner points (P,3).

    A component is scaled by its standard deviation in the population, so that betas follow N(0,1), and its sign
    is chosen so that a positive first beta is taller, and any other positive beta has more volume. The last
    component is what they lack to give the average child, `CHILD_STEPS` units of it.
    """
    people = [make(person) for person in population()]
    vertices = np.stack([v for v, _ in people]).astype(np.float64)
    points = np.stack([p for _, p in people])
    mean_v, mean_p = vertices.mean(axis=0), points.mean(axis=0)
    centred = (vertices - mean_v).reshape(len(people), -1)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    scores = left[:, :NUM_ADULT] * np.sqrt(len(people) - 1)  # unit standard deviation
    dirs = right[:NUM_ADULT] * singular[:NUM_ADULT, None] / np.sqrt(len(people) - 1)
    dirs = dirs.T.reshape(*mean_v.shape, NUM_ADULT)
    p_dirs = np.einsum("nk,nji->jik", scores, points - mean_p) / (len(people) - 1)
    for k in range(NUM_ADULT):
        plus, minus = mean_v + dirs[..., k], mean_v - dirs[..., k]
        grows = np.ptp(plus[:, 1]) - np.ptp(minus[:, 1]) if k == 0 else _volume(plus, faces) - _volume(minus, faces)
        if grows < 0:
            dirs[..., k] *= -1
            p_dirs[..., k] *= -1
    child_v, child_p = make(CHILD)
    flat = dirs.reshape(-1, NUM_ADULT)
    betas = np.linalg.lstsq(flat, (child_v - mean_v).ravel(), rcond=None)[0]
    dirs = np.concatenate([dirs, ((child_v - mean_v - dirs @ betas) / CHILD_STEPS)[..., None]], axis=-1)
    p_dirs = np.concatenate([p_dirs, ((child_p - mean_p - p_dirs @ betas) / CHILD_STEPS)[..., None]], axis=-1)
    explained = np.append(singular[:NUM_ADULT] ** 2 / np.sum(singular**2), 0.0)
    return ShapeSpace(mean_v, dirs, mean_p, p_dirs, explained, np.append(betas, CHILD_STEPS))


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.sum(a * np.cross(b, c)) / 6)


def point_regressor(space: ShapeSpace, mirror: np.ndarray, point_mirror: np.ndarray) -> scipy.sparse.csr_matrix:
    """(P,V) sparse weights that reproduce the inner points for all shapes; each row sums to 1.

    For each point, over the nearby vertices: ridge regression of the template position and the ten
    directions, with position and sum almost exact. Exact directions would need weights of
    alternating sign with absolute values that sum to a hundred and amplify noise in the vertices; EVENNESS keeps them
    small at the cost of millimetres in the smaller components. The regressed points then become the body's joints.
    Right points mirror left ones.
    """
    count = len(space.v_template)
    features = np.concatenate([space.v_template[:, :, None], space.shapedirs], axis=2).reshape(count, -1)
    target_features = np.concatenate([space.points[:, :, None], space.pointdirs], axis=2).reshape(len(space.points), -1)
    weight = np.ones(features.shape[1])
    weight[:: NUM_BETAS + 1] = 30  # the template positions
    rows = np.zeros((len(target_features), count))
    for j, other in enumerate(point_mirror):
        if other < j:
            rows[j] = rows[other][mirror]
            continue
        distance = np.linalg.norm(space.v_template - space.points[j], axis=1)
        near = np.argsort(distance, kind="stable")[:NUM_NEAR]
        if other == j:
            near = np.union1d(near, mirror[near])
        size = len(near)
        system = np.concatenate(
            [features[near].T * weight[:, None], np.full((1, size), 100.0), EVENNESS * np.eye(size)]
        )
        target = np.concatenate([target_features[j] * weight, [100.0], np.full(size, EVENNESS / size)])
        rows[j, near] = np.linalg.lstsq(system, target, rcond=None)[0]
        if other == j:
            rows[j] = 0.5 * (rows[j] + rows[j][mirror])
        rows[j] /= rows[j].sum()
    residual = np.linalg.norm((rows @ features - target_features).reshape(-1, 3, NUM_BETAS + 1), axis=1)
    if residual[:, 0].max() > 5e-4 or residual[:, 1:].max() > 5e-3:
        raise RuntimeError(f"the regressor misses a point by {residual.max():.1e} m")
    return scipy.sparse.csr_matrix(rows)
