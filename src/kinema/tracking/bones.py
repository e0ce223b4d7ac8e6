"""Knees and elbows that the network's own 3D contradicts: a thigh does not shrink.

A network that is not sure where along a limb the joint is may still say that it sees it well. Its 3D points show it:
over the real clips, where the bone above a knee or elbow is less than 0.8 of its usual length, the landmark lies three
to five times as far from the body fitted to all of them as otherwise. Foreshortening does not do that, for the lengths
are those in 3D. Wrists and ankles, at a limb's end, show nothing of the kind.
"""

from __future__ import annotations

import numpy as np

from kinema.skeleton import JointSet

_BONES = (("hip", "knee"), ("shoulder", "elbow"))
_DOUBTED, _SHRUNK = 0.8, 0.6  # of the usual length: from which a joint is doubted; at which it hardly counts
_LEAST = 0.2  # factor on the confidence that remains
_SURE, _FEW = 0.5, 10  # confidence and number of the lengths of both sides that tell the usual one


def trust_in_bones(points3d: np.ndarray, confidence: np.ndarray, joints: JointSet) -> np.ndarray:
    """(F, K) factors on the confidence: below 1 for knees and elbows whose bone is much shorter than it usually is.

    points3d (F, K, 3) metres and confidence (F, K) of one person, of the same joint set.
    """
    trust = np.ones(confidence.shape)
    for above, below in _BONES:
        names = [f"{side}_{joint}" for joint in (above, below) for side in ("left", "right")]
        if not all(name in joints for name in names):
            continue
        ends = joints.indices(names).reshape(2, 2)  # (above or below, side)
        lengths = np.linalg.norm(points3d[:, ends[0]] - points3d[:, ends[1]], axis=-1)
        known = lengths[(confidence[:, ends] > _SURE).all(axis=1)]
        if len(known) >= _FEW and (usual := float(np.median(known))) > 0.0:
            trust[:, ends[1]] = np.clip((lengths / usual - _SHRUNK) / (_DOUBTED - _SHRUNK), _LEAST, 1.0)
    return trust
