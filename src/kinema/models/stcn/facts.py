"""Facts about the published network, and about how the NLF video pipeline runs it."""

from __future__ import annotations

KEY, VALUE = 64, 512
"""Channels of a memory's keys and values."""

MULTIPLE = 16
"""Sides of images are padded to a multiple of it; keys and values have one cell per this many pixels."""

TOP = 20
"""Memory cells that a cell of the image reads."""

SHORT_SIDE = 320
"""Pixels to which the shorter side of a frame is scaled."""

MEMORY, TEMPORARY = 128, 2
"""Frames whose cells the memory holds, and frames of the temporary memory, which forgets the oldest."""

SMALLEST = 1e-7
"""Probabilities are kept so far from 0 and 1, so that their odds are finite."""
