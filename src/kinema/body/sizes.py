"""The height of a shape, and the same shape at another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kinema.body.model import BodyModel

BODY_HEIGHT = "body_height"
"""Key of the fitted body's height in a person's `data`: `metres`, `source` ("given", "assumed", or "estimated" from
what is seen) and `uncertainty`, a standard deviation in metres."""

GIVEN_HEIGHT = "given_height"
"""Key in a person's data of the height that the user gave for that person, metres."""

SMALLEST_ADULT = 1.55
"""Metres: shorter bodies gradually take a child's proportions; at 1.31 m, the height of a ten-year-old, two fifths of a
three-year-old's (heads of MakeHuman's children, as a fraction of their height)."""

RIDGE = 1e-3
"""Square metres per squared beta, over all vertices: keeps betas that hardly change the surface near zero."""


def stature(body: BodyModel, betas: np.ndarray) -> float:
    """Height of the standing body of shape `betas` (10,), metres."""
    return float(np.ptp(body.shaped(betas)[:, 1]))


def resized_betas(body: BodyModel, betas: np.ndarray, factor: float) -> np.ndarray:
    """The betas (10,) of the body of `betas` (10,) at `factor` times its size.

    Below `SMALLEST_ADULT` the proportions become a child's, if the body has children. Least squares over the vertices,
    with the height met exactly. Betas do not scale a body exactly, but the free body's come close: at 0.6 of an adult's
    size its surface is 5 mm off.
    """
    directions = body.shapedirs - body.shapedirs.mean(axis=0)
    flat = directions.reshape(-1, directions.shape[-1])
    before = stature(body, betas)
    shape = _centred(body, betas)
    goal = (factor - 1) * shape
    if body.child_betas is not None:
        younger = _youth(body, factor * before) - _youth(body, before)
        child, size = _centred(body, body.child_betas), stature(body, body.child_betas)
        average = _centred(body, np.zeros(10))
        goal += younger * factor * before / size * (child - average * size / stature(body, np.zeros(10)))
    matrix = np.linalg.inv(flat.T @ flat + RIDGE * np.eye(flat.shape[1]))
    change = matrix @ (flat.T @ goal.ravel())
    up = body.v_template[:, 1]
    slope = body.shapedirs[int(np.argmax(up)), 1] - body.shapedirs[int(np.argmin(up)), 1]
    for _ in range(3):  # the highest and the lowest vertex may change with the shape
        lack = factor * before - stature(body, betas + change)
        change = change + matrix @ slope * lack / (slope @ matrix @ slope)
    return np.asarray(betas + change)


def _centred(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """(V,3) vertices of a shape (10,) about their mean, metres."""
    shape = body.shaped(betas)
    return np.asarray(shape - shape.mean(axis=0))


def _youth(body: BodyModel, height: float) -> float:
    """Share of the average child's proportions in a body of this height: 0 for adults, 1 at the child's height."""
    assert body.child_betas is not None
    share = (SMALLEST_ADULT - height) / (SMALLEST_ADULT - stature(body, body.child_betas))
    return float(np.clip(share, 0.0, 1.5))
