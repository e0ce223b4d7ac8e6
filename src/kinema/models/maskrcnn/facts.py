"""Facts about the published network (torchvision's standard parameters, COCO_V1)."""

from __future__ import annotations

CLASSES = 91
PERSON = 1
"""Number of classes, and the person's: COCO's labels, with their gaps, and the background as 0."""

SHORT_SIDE, LONG_SIDE, MULTIPLE = 800, 1333, 32
"""Pixels to which the shorter side is scaled unless the longer one would exceed its own; and what sides are padded to a
multiple of."""

ANCHOR_SIZES = (32, 64, 128, 256, 512)
ANCHOR_RATIOS = (0.5, 1.0, 2.0)
ANCHORS = len(ANCHOR_RATIOS)
"""Anchors in each cell: one size for each map of the pyramid, in three ratios of height to width."""

PROPOSALS = 1000
"""Proposals kept of each map before suppression, and of the image after it."""
PROPOSAL_OVERLAP, PROPOSAL_SMALLEST = 0.7, 1e-3

BOX_CELLS, MASK_CELLS, SAMPLES = 7, 14, 2
"""Cells of a region's side for the two heads, and samples of a cell's side."""

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""Numbers by which the box head's offsets are divided: centre x, y, width, height."""

SCORE, OVERLAP, DETECTIONS, SMALLEST = 0.05, 0.5, 100, 1e-2
"""Least score, overlap of two boxes of a class that are one, most detections, smallest side of a box."""

PERSON_SCORE, PERSON_MASK = 0.5, 0.5
"""Score of a person, and value of a soft mask inside of it, in the NLF video pipeline."""
