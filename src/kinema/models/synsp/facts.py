"""SynSP as published: Wang et al., "SynSP: Synergy of Smoothness and Precision in Pose Sequences Refinement", CVPR
2024, and the authors' code (https://github.com/InvertedForest/SynSP, commit 62fb012).
"""

from __future__ import annotations

WINDOW = 8
"""Frames of the published configurations, whose weights fit any window up to `POSITIONS`."""

POSITIONS = 100
"""Frames in the table of positional encodings: the longest window."""

TENSORS = ("proj_i_a.0.weight",)
"""Matrices that every checkpoint contains and no other network has."""
