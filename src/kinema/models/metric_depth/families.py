"""The input that a network of metric depth expects, by family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.models.imagenet import MEAN, STD
from kinema.options import require

_HALF = np.full(3, 0.5, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Family:
    """mean, std (3,): of red, green and blue in [0,1], which are taken out and divided by; size: height and width of
    the input where the file leaves them open."""

    name: str
    mean: np.ndarray
    std: np.ndarray
    size: tuple[int, int]


FAMILIES = {
    family.name: family
    for family in (
        Family("zoedepth", _HALF, _HALF, (384, 512)),
        Family("depth-anything", MEAN, STD, (518, 518)),
        Family("plain", np.zeros(3, np.float32), np.ones(3, np.float32), (384, 512)),
    )
}
"""Every family: ZoeDepth (ZoeD_N, ZoeD_K, ZoeD_NK), the metric models of Depth Anything V2, and networks that take red,
green and blue in [0,1] as they are, because their export holds the rest."""


def family_named(name: str) -> Family:
    """The family of this name. Raises UsageError with the known names."""
    require(name in FAMILIES, "depth_family", f"be one of {', '.join(FAMILIES)}", repr(name))
    return FAMILIES[name]
