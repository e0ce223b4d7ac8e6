"""The numbers of masked DROID-SLAM, as the NLF video pipeline runs it."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.camera.slam.adjustment import Damping


@dataclass(frozen=True)
class Nearness:
    """Which frames are compared (`kinema.camera.slam.proximity.nearby`): radius, apart, threshold in pixels of the
    features."""

    radius: int
    apart: int
    threshold: float


@dataclass(frozen=True)
class SlamSettings:
    """beta: share of the whole motion in distances, the rest is translation. moved: mean motion, pixels of the
    features, that makes a keyframe; redundant: distance below which one is taken out again. warmup: keyframes before
    the first solution; looks: in it, before and after nearby frames are compared; steps: of the two global
    optimisations. window: keyframes that a new one is compared with; recent: of how many last ones; most: active
    edges; oldest: looks after which an edge becomes inactive."""

    beta: float = 0.3
    moved: float = 2.4
    redundant: float = 4.0
    warmup: int = 8
    looks: int = 8
    steps: tuple[int, int] = (7, 12)
    window: int = 25
    recent: int = 5
    most: int = 48
    oldest: int = 25
    beginning: Nearness = Nearness(2, 2, 16.0)
    frontend: Nearness = Nearness(2, 1, 16.0)
    backend: Nearness = Nearness(2, 3, 22.0)


BACKEND_DAMPING = Damping(1e-5, 1e-2)

FULL = SlamSettings()

SEARCHING = SlamSettings(
    window=10, beginning=Nearness(2, 2, 10.0), frontend=Nearness(2, 1, 10.0), backend=Nearness(2, 3, 22.0)
)
"""For the search of the field of view, which needs less precision."""
