"""How tall a shape is, and the same shape at another size."""

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

RIDGE = 1e-3
"""Square metres per squared beta, over all vertices: keeps betas that hardly change the surface near zero."""


def stature(body: BodyModel, betas: np.ndarray) -> float:
    """Height of the standing body of shape `betas` (10,), metres."""
    return float(np.ptp(body.shaped(betas)[:, 1]))


def resized_betas(body: BodyModel, betas: np.ndarray, factor: float) -> np.ndarray:
    """The betas (10,) whose body is that of `betas` (10,), `factor` times as large.

    Least squares over the vertices, with the height met exactly. Betas are no scale, but those of the free body contain
    one nearly: at 0.6 of an adult's size its surface is 5 mm off.
    """
    directions = body.shapedirs - body.shapedirs.mean(axis=0)
    flat = directions.reshape(-1, directions.shape[-1])
    goal = (factor - 1) * (body.shaped(betas) - body.shaped(betas).mean(axis=0))
    matrix = np.linalg.inv(flat.T @ flat + RIDGE * np.eye(flat.shape[1]))
    change = matrix @ (flat.T @ goal.ravel())
    up = body.v_template[:, 1]
    slope = body.shapedirs[int(np.argmax(up)), 1] - body.shapedirs[int(np.argmin(up)), 1]
    for _ in range(3):  # the highest and the lowest vertex may change with the shape
        lack = factor * stature(body, betas) - stature(body, betas + change)
        change = change + matrix @ slope * lack / (slope @ matrix @ slope)
    return np.asarray(betas + change)
