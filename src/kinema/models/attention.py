"""Where a network for images of people looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Attention:
    """maps (24,h,w): where in the input each of SMPL's joints is looked for, in any unit; cells are of one size and
    fill the input. notes: what else the network says of each joint, in a few characters, if anything.
    """

    maps: np.ndarray
    notes: tuple[str, ...] = ()
