"""What is fixed about NLF: its two networks, their input, the weight field, thresholds.

Sárándi and Pons-Moll, "Neural localizer fields for continuous 3D human pose and shape estimation", NeurIPS 2024, and
the authors' code (https://github.com/isarandi/nlf). EfficientNetV2: Tan and Le, "EfficientNetV2: smaller models and
faster training", ICML 2021, table 4.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageSize:
    """A stage of EfficientNetV2. fused: whether expansion and spatial convolution are one; expand: factor on the
    channels inside a block; stride: of the first block; width: channels of the result; blocks: how many."""

    fused: bool
    expand: int
    stride: int
    width: int
    blocks: int


@dataclass(frozen=True)
class Size:
    """One of the two networks. side: of its input, pixels; stem: channels of the first convolution."""

    side: int
    stem: int
    stages: tuple[StageSize, ...]


SIZES = {
    "s": Size(
        256,
        24,
        (
            StageSize(True, 1, 1, 24, 2),
            StageSize(True, 4, 2, 48, 4),
            StageSize(True, 4, 2, 64, 4),
            StageSize(False, 4, 2, 128, 6),
            StageSize(False, 6, 1, 160, 9),
            StageSize(False, 6, 2, 256, 15),
        ),
    ),
    "l": Size(
        384,
        32,
        (
            StageSize(True, 1, 1, 32, 4),
            StageSize(True, 4, 2, 64, 7),
            StageSize(True, 4, 2, 96, 7),
            StageSize(False, 4, 2, 192, 10),
            StageSize(False, 6, 1, 224, 19),
            StageSize(False, 6, 2, 384, 25),
            StageSize(False, 6, 1, 640, 7),
        ),
    ),
}

SHIFTED_STAGE = 6
"""The stage whose first convolution sees one pixel less at the top and left, and one more at the bottom and right."""

STRIDE = 32
"""Pixels of the input per cell of the features."""

FEATURES = 1280
HEAD = 512
"""Channels of the backbone's result and of the head."""

SLICES = 8
"""Depth slices of the volumetric heatmap."""

MAPS = 2 + SLICES
"""Maps that a point reads: its uncertainty, its metric x and y, the slices."""

EIGENFUNCTIONS = 1024
"""Number of eigenfunctions of the body volume's Laplacian in which the weight field is expressed."""

FIELD_WIDTHS = (256, 2048, 384)
"""Widths of the Fourier features, and of the hidden layers of the two perceptrons."""

BOX_SIZE = 2.2
"""Metres that the crop and the slices span in the relative metric coordinates."""

LEAST_UNCERTAINTY = 0.001
UNCERTAINTY_FACTOR = 3.0
"""What the released networks' uncertainties (metres) are multiplied by at the end."""

SURE = 0.3
"""Uncertainty below which a point helps to place the body."""

INNER_BORDER = 0.6
"""Share of `STRIDE` from the crop's border beyond which a point is not placed by its ray alone."""

NEAREST = 0.001
"""Metres: a point must be farther from the camera for its ray to place it."""

TENSORS = (
    "backbone.1.0.0.weight",
    "heatmap_head.layer.0.weight",
    "heatmap_head.weight_field.gps_net.learnable_fourier.linear.weight",
    "heatmap_head.weight_field.pred_mlp.2.weight",
)
"""Tensors by which a state dict of the crop model is recognised; all are checked when it is loaded."""

IGNORED = ("canonical_lefts", "canonical_centers")
"""Parameters of the training, which inference does not read."""

FOV = 55.0
"""Field of view in degrees that the original assumes."""
