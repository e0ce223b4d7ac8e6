"""What is fixed about DROID-SLAM's networks: sizes, and the tensors by which a file is recognised."""

from __future__ import annotations

NAME = "droid"

SHRINK = 8
"""Factor by which features are smaller than the image."""

FEATURES, HIDDEN, CONTEXT = 128, 128, 128
"""Channels of the features that are compared, of an edge's state, and of what a frame tells the operator."""

LEVELS, RADIUS = 4, 3
"""Resolutions at which features are compared, and pixels around a place in each of them."""

SPAN = 2 * RADIUS + 1

COMPARED = LEVELS * SPAN * SPAN
"""Number of correlations of one pixel."""

SMALLEST = SHRINK * 2**LEVELS
"""Least side of an image in pixels: its features must be halved `LEVELS` times."""

MOST_FLOW = 64.0
"""Pixels of the features to which motion is clamped."""

NEIGHBOURS = 9
"""Number of coarse disparities of which a fine one is a mean."""

TENSORS = ("module.fnet.conv1.weight", "module.cnet.conv2.weight", "module.update.gru.convz_glo.weight")
