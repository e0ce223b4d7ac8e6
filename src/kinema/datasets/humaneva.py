"""HumanEva-I as VideoPose3D's authors use it: cameras, the frames of each split, the first frames of the videos.

The layout is that of `kinema.datasets.h36m`, with 15 joints and subjects such as "Train/S1" and "Validate/S1". Takes
are split into chunks where motion capture fails, "Walking 1 chunk0". (Sigal et al., IJCV 2010.)
"""

from __future__ import annotations

import math

from kinema.datasets.cameras import DatasetCamera

JOINTS = 15
SPLITS = ("Train", "Validate")
CAMERAS = ("C1", "C2", "C3")
TEST_SUBJECTS = ("Validate/S1", "Validate/S2", "Validate/S3")
TEST_ACTIONS = ("Walk", "Jog", "Box")
"""The actions that published results are averaged over."""

FIRST = 5
"""The first frame with motion capture, in every take; the validation part ends where the training part begins."""

PARTS: dict[str, dict[str, tuple[int, int]]] = {
    "S1": {
        "Walking 1": (590, 1203),
        "Jog 1": (367, 740),
        "ThrowCatch 1": (473, 945),
        "Gestures 1": (395, 801),
        "Box 1": (385, 789),
    },
    "S2": {
        "Walking 1": (438, 876),
        "Jog 1": (398, 795),
        "ThrowCatch 1": (550, 1128),
        "Gestures 1": (500, 901),
        "Box 1": (382, 734),
    },
    "S3": {
        "Walking 1": (448, 939),
        "Jog 1": (401, 842),
        "ThrowCatch 1": (493, 1027),
        "Gestures 1": (533, 1102),
        "Box 1": (512, 1021),
    },
}
"""First frame of the training part and the frame after its last, by subject and take."""

OFFSETS: dict[str, dict[str, tuple[int, int, int]]] = {
    "S1": {
        "Walking 1": (82, 81, 82),
        "Jog 1": (51, 51, 50),
        "ThrowCatch 1": (61, 61, 60),
        "Gestures 1": (45, 45, 44),
        "Box 1": (57, 57, 56),
    },
    "S2": {
        "Walking 1": (115, 115, 114),
        "Jog 1": (100, 100, 99),
        "ThrowCatch 1": (127, 127, 127),
        "Gestures 1": (122, 122, 121),
        "Box 1": (119, 119, 117),
    },
    "S3": {
        "Walking 1": (80, 80, 80),
        "Jog 1": (65, 65, 65),
        "ThrowCatch 1": (79, 79, 79),
        "Gestures 1": (83, 83, 82),
        "Box 1": (1, 1, 1),
    },
}
"""The frame of each camera's video, from 1, that corresponds to frame 0 of the motion capture."""


def frames_of(split: str, subject: str, take: str) -> tuple[int, int] | None:
    """First frame of a take's part and the frame after its last, None for a take without parts."""
    part = PARTS.get(subject, {}).get(take)
    if part is None:
        return None
    return part if split == "Train" else (FIRST, part[0])


_ONE_AND_THREE = (
    ((0.424207, -0.4983646, -0.5802981, 0.4847012), (4062.2271, 663.2477, 1528.397)),
    ((0.6503354, -0.7481602, -0.0919284, 0.0941766), (844.8131, -3805.2092, 1504.9929)),
    ((0.0664734, -0.0690535, 0.7416416, -0.6639132), (-797.6738, 3916.3174, 1433.6602)),
)
_PLACES = {
    "S1": _ONE_AND_THREE,
    "S2": (
        ((0.4214752, -0.4961493, -0.5838273, 0.4851187), (4112.9121, 626.4929, 1545.2988)),
        ((0.6501393, -0.7476588, -0.0954617, 0.0959808), (923.574, -3877.9243, 1504.5518)),
        ((0.0699353, -0.0712403, 0.7421637, -0.662742), (-781.4915, 3838.8853, 1444.9929)),
    ),
    "S3": _ONE_AND_THREE,
}
# Orientation (w, x, y, z), camera to world, and position in millimetres.

_UNKNOWN = (math.nan, math.nan)

HUMANEVA_CAMERAS: dict[str, tuple[DatasetCamera, ...]] = {
    f"{split}/{subject}": tuple(
        DatasetCamera(
            name, 640, 480, focal=_UNKNOWN, centre=_UNKNOWN, orientation=orientation,
            position=(x / 1000, y / 1000, z / 1000),
        )
        for name, (orientation, (x, y, z)) in zip(CAMERAS, places, strict=True)
    )
    for split in SPLITS
    for subject, places in _PLACES.items()
}  # fmt: skip
"""The three colour cameras of each subject; the layout does not give their lenses."""
