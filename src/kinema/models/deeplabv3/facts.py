"""Facts about the published network: its classes, which of them is the person, the size of its input."""

from __future__ import annotations

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
"""Pascal VOC's classes, in the order of the output's channels."""

PERSON = CLASSES.index("person")

SHORT_SIDE = 520
"""Pixels to which the shorter side of an image is scaled."""

THRESHOLD = 0.2
"""Probability from which a pixel is a person's, as the NLF video pipeline uses the network: a mask that hides people
from a camera tracker should rather be too large."""
