"""The field of view at which the whole graph fits best, for clips whose lens nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from kinema.camera.slam.frontend import Candidate, Frontend, optimised
from kinema.camera.slam.settings import SlamSettings
from kinema.models.droid.torch_run import DroidRun

COARSE, FINE = (50, 55, 60, 65, 70), (-2, -1, 1, 2)
"""Degrees that are tried first, and then around the best of them."""

EVERY, MOST = 5, 200
"""Every so many images are looked at, at most so many."""

UNCERTAINTY = 2.0
"""Degrees: standard deviation of what is found, by the steps in which it is sought."""


def misfit(
    net: DroidRun,
    images: Sequence[Candidate],
    size: tuple[int, int],
    lens: Tensor,
    settings: SlamSettings,
    step: Callable[[], None],
) -> float:
    """How badly the images that move fit together with a lens, in pixels of the features. step: called after each."""
    frontend = Frontend(net, size, lens, settings)
    for each in images:
        frontend(each)
        step()
    return optimised(net, frontend.finish(), settings.steps[-1], settings)[0]


def best_fov(error: Callable[[int], float], tried: dict[int, float]) -> int:
    """Degrees at which `error` is least, first of `COARSE`, then around it. tried: errors that are known, which are
    added to."""

    def best(candidates: Sequence[int]) -> int:
        for fov in candidates:
            if fov not in tried:
                tried[fov] = error(fov)
        return min(candidates, key=lambda fov: tried[fov])

    middle = best(COARSE)
    return best([middle, *(middle + step for step in FINE)])
