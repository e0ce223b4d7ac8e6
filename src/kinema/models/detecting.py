"""How a person detector is used: which boxes are one person's, and whether it also looks at mirrored images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Detecting:
    """overlap: intersection over union from which two boxes are one person's, None: the network's own; flip: also look
    at the mirrored image; both_flips: and at the image upside down."""

    overlap: float | None = None
    flip: bool = False
    both_flips: bool = False
