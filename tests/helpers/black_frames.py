"""A video in which nothing can be seen, for stages whose network is made up."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np


class BlackFrames:
    """`count` black frames of a size (width, height), ten a second."""

    def __init__(self, count: int, size: tuple[int, int]) -> None:
        self.count, self.size = count, size

    def __iter__(self) -> Iterator[SimpleNamespace]:
        width, height = self.size
        for i in range(self.count):
            yield SimpleNamespace(index=i, time=i / 10, image=np.zeros((height, width, 3), np.uint8))
