"""How captured motion is varied before it is filmed: half an hour of capture holds few bodies and few habits."""

from __future__ import annotations

import numpy as np

from kinema.skeleton import SMPL24

TURNED_DEGREES = np.where(np.isin(np.arange(24), [16, 17, 18, 19]), 12.0, 5.0)
"""(24,) how far joints are turned from the capture: arms most, the capture being mostly dance and sport."""

USUAL_TURN, FAR_TURN, FAR_SHARE = 1.2, 2.5, 0.3
"""Times TURNED_DEGREES: most people are turned by up to USUAL_TURN; FAR_SHARE of them by up to FAR_TURN, to where
the capture never was."""

_LEG_PARTS = ("hip", "knee", "ankle", "foot")
UPPER_BODY = tuple(i for i, name in enumerate(SMPL24.joints) if i and name.split("_")[-1] not in _LEG_PARTS)
ARMS = tuple(
    tuple(SMPL24.index(f"{side}_{part}") for part in ("collar", "shoulder", "elbow", "wrist", "hand"))
    for side in ("left", "right")
)
MIXED_PARTS = ((UPPER_BODY, 0.3), (ARMS[0], 0.15), (ARMS[1], 0.15))
"""Joints that are taken from somebody else's motion, and how often: the capture holds few combinations of what
legs and arms do."""
