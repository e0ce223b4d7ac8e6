"""What is fixed about RIFE 4.18: the name of its weights, its sizes, and the tensors by which a file is recognised."""

from __future__ import annotations

NAME = "rife"

WIDTHS = (192, 128, 96, 64)
"""Channels of the four blocks, the coarsest first."""

SCALES = (8, 4, 2, 1)
"""Factor by which each block shrinks the images."""

FEATURES = 8
"""Channels of an image's features."""

MULTIPLE = 32
"""Width and height are padded to a multiple of this at scale 1: the first block shrinks by 8, its convolutions by 4."""

TENSORS = ("module.encode.cnn0.weight", "module.block0.conv0.0.0.weight", "module.block3.lastconv.0.weight")
