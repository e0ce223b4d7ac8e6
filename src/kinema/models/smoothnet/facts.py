"""SmoothNet as published: Zeng et al., "SmoothNet: A Plug-and-Play Network for Refining Human Poses in Videos", ECCV
2022, and the authors' code (https://github.com/cure-lab/SmoothNet, commit c03e93e).
"""

from __future__ import annotations

WINDOWS = (8, 16, 32, 64)
"""Frames of the published checkpoints."""

DEFAULT_WINDOW = 32
"""Frames of the default checkpoint: the authors' recommendation."""

TENSORS = ("encoder.0.weight", "decoder.weight")
"""Matrices that every checkpoint contains and no other network has."""

ENCODER_SLOPE, BLOCK_SLOPE = 0.1, 0.2
"""Negative slopes of the leaky ReLUs after the first layer and in the residual blocks."""
