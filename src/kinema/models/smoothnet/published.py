"""How Kinema runs a published SmoothNet, so that it takes away shaking and little else.

The published weights pull every coordinate towards zero: a joint that rests half a metre from the pelvis comes back
18 mm nearer to it, whatever the window. They also flatten real movement: of a swing at 1 Hz a tenth is lost, at 2 Hz
between a quarter and two thirds. So

* each window goes in about its own mean, less what the network answers to rest: a pose that stands still comes back
  unmoved;
* what the network took away goes through it once more, and what comes out is given back (Tukey's twicing): of a gain g
  at some frequency this makes 2g - g*g, nearly all where g is nearly 1;
* the clip is played to it at so many frames a second (`PublishedCare.rate`) that windows of 8, 16, 32 and 64 frames
  smooth about alike, and enough to halve the acceleration of real clips (docs/refinement.md,
  `benchmarks/published_smoothnet.py`);
* the clip is led on beyond both ends, turned about its first and last frame, so that these are seen by as many windows
  as the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kinema.models.refiner import TrainedRefiner
from kinema.temporal.windows import Smoother


@dataclass(frozen=True)
class PublishedCare:
    """A SmoothNet whose file does not say how it learned. live: results may not wait, so the clip is neither played at
    another rate nor led on."""

    network: TrainedRefiner
    window: int
    live: bool = False

    @property
    def rate(self) -> float | None:
        """Frames a second, None for the clip's own."""
        return None if self.live else 4.7 + 4 * math.log2(self.window)

    @property
    def ahead(self) -> int:
        """Frames by which the clip is led on."""
        return 0 if self.live else self.window - 1

    def smoother(self) -> Smoother:
        """What `kinema.temporal.windows.slide` calls."""
        once = self.network.smoother(self.window, True)

        def smooth(windows: np.ndarray) -> np.ndarray:
            out = once(windows)
            return out + once(windows - out)

        return smooth
