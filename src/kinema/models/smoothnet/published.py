"""How Kinema runs a published SmoothNet, so that it removes jitter and little else.

The published weights bias every coordinate towards zero: a joint at rest half a metre from the pelvis is moved 18 mm
closer to it, whatever the window. They also attenuate real movement: an oscillation at 1 Hz loses a tenth of its
amplitude, at 2 Hz between a quarter and two thirds. Therefore

* each window is centred on its own mean, and the network's response to zeros is subtracted: a pose at rest is
  unchanged;
* what the network removed is passed through it once more, and the output is added back (Tukey's twicing): a gain g at
  some frequency becomes 2g - g*g, close to 1 where g is;
* the clip is resampled to a frame rate (`PublishedSmoothNet.rate`) at which windows of 8, 16, 32 and 64 frames smooth
  about equally, and enough to halve the acceleration of real clips (docs/refinement.md,
  `benchmarks/published_smoothnet.py`);
* the clip is extended beyond both ends by point reflection about its first and last frame, so that these are covered by
  as many windows as the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kinema.models.refiner import TrainedRefiner
from kinema.temporal.windows import Smoother


@dataclass(frozen=True)
class PublishedSmoothNet:
    """A SmoothNet whose file does not say how it was trained. live: results must not lag, so the clip is neither
    resampled nor extended."""

    network: TrainedRefiner
    window: int
    live: bool = False

    @property
    def rate(self) -> float | None:
        """Frames per second, None for the clip's own."""
        return None if self.live else 4.7 + 4 * math.log2(self.window)

    @property
    def margin(self) -> int:
        """Frames by which the clip is extended at either end."""
        return 0 if self.live else self.window - 1

    def smoother(self) -> Smoother:
        """The function for `kinema.temporal.windows.slide`."""
        once = self.network.smoother(self.window, True)

        def smooth(windows: np.ndarray) -> np.ndarray:
            out = once(windows)
            return np.asarray(out + once(windows - out))

        return smooth
