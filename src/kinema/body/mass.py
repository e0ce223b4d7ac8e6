"""Where the mass of a body is."""

from __future__ import annotations

import numpy as np

_SEGMENTS = (
    (0, 12, 0.430, 0.55), (12, 15, 0.068, 1.0),
    (16, 18, 0.027, 0.57), (17, 19, 0.027, 0.57), (18, 20, 0.015, 0.46), (19, 21, 0.015, 0.46),
    (20, 22, 0.006, 0.8), (21, 23, 0.006, 0.8),
    (1, 4, 0.145, 0.39), (2, 5, 0.145, 0.39), (4, 7, 0.045, 0.44), (5, 8, 0.045, 0.44),
    (7, 10, 0.013, 0.5), (8, 11, 0.013, 0.5),
)  # fmt: skip
"""From joint, to joint, fraction of the body's mass, position of the centre of mass between them (0 to 1)."""


def _mass_of_joints() -> np.ndarray:
    shares = np.zeros(24)
    for a, b, mass, at in _SEGMENTS:
        shares[a] += mass * (1 - at)
        shares[b] += mass * at
    return shares


MASS_OF_JOINTS = _mass_of_joints()
"""(24,) weights of SMPL's joints in the centre of mass; they sum to 1."""


def centre_of_mass(joints: np.ndarray) -> np.ndarray:
    """Centre of mass (F,3) of SMPL joints (F,24,3), with the segment masses of de Leva 1996, sexes averaged."""
    return np.asarray(np.einsum("j,...jc->...c", MASS_OF_JOINTS, joints))
