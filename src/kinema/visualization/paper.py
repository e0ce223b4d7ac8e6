"""Blank frames at the times of a motion that has no video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kinema.motion import Motion
from kinema.video import Frame

_PAPER = 246


@dataclass
class Paper:
    """Empty frames at the times of a motion."""

    motion: Motion
    width: int
    height: int

    def __iter__(self) -> Iterator[Frame]:
        sheet = np.full((self.height, self.width, 3), _PAPER, dtype=np.uint8)
        for index, time in enumerate(self.motion.times):
            yield Frame(index, float(time), sheet)
