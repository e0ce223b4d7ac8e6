"""Augmentation of captured motion: an hour and a half of capture contains few bodies, movement styles and cameras."""

from __future__ import annotations

import numpy as np

from kinema.skeleton import SMPL24

TURNED_DEGREES = np.select([np.arange(24) == 0, np.isin(np.arange(24), [16, 17, 18, 19])], [1.5, 12.0], 5.0)
"""(24,) standard deviation of random joint rotations: largest for the arms; the capture is mostly dance and sport. The
root hardly turns: people who lean with the whole body fall over, and a known vertical must tell the network the
lean."""

USUAL_TURN, FAR_TURN, FAR_SHARE = 1.2, 2.5, 0.3
"""Factors on TURNED_DEGREES: up to USUAL_TURN for most people, and up to FAR_TURN, beyond the captured range, for
FAR_SHARE of them."""

CLOSE_SHARE = 0.12
"""Fraction of people so close to the camera that only the upper body is visible."""

LEVEL_PITCH, LEVEL_SPREAD, HIGH_SHARE, HIGH_PITCH = -5.0, 9.0, 0.45, (-45.0, 10.0)
"""Degrees: cameras are held or set up nearly level, looking down a little (mean and standard deviation); a share of
them is mounted high up, on walls and in corners, and looks down by an angle in a range."""

_LEG_PARTS = ("hip", "knee", "ankle", "foot")
UPPER_BODY = tuple(i for i, name in enumerate(SMPL24.joints) if i and name.split("_")[-1] not in _LEG_PARTS)
ARMS = tuple(
    tuple(SMPL24.index(f"{side}_{part}") for part in ("collar", "shoulder", "elbow", "wrist", "hand"))
    for side in ("left", "right")
)
MIXED_PARTS = ((UPPER_BODY, 0.3), (ARMS[0], 0.15), (ARMS[1], 0.15))
"""Joints replaced by those of another motion, with the probability: the capture contains few combinations of
leg and arm movements."""
