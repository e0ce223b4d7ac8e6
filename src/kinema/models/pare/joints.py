"""SPIN's 49 joints and the evaluation's 14, from the vertices of a body.

On a licensed SMPL body the published definition needs two files of the PARE and SPIN releases,
`J_regressor_extra.npy` (9 joints) and `J_regressor_h36m.npy` (17). If they or such a body are missing, Kinema's own
points of the same names replace them (`kinema.body.points`), and `definition` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import BodyModel
from kinema.body.landmarks import SMPL_NUMBERS, SMPL_VERTICES
from kinema.errors import InputError, quoted
from kinema.models.pare.facts import H36M_TO_14, MAP49
from kinema.skeleton import SPIN49
from kinema.storage.safe_npz import CORRUPTION

_SPIN_14 = np.arange(25, 39)
_SPIN_PELVIS = SPIN49.index("mid_hip")
_VERTICES = np.array(list(SMPL_NUMBERS.values()))

PUBLISHED, OWN = "published", "kinema"


@dataclass(frozen=True, eq=False)
class JointDefinition:
    """How joints are computed from a body. extra (9,V), h36m (17,V): the published regressors, or None."""

    body: BodyModel
    extra: np.ndarray | None = None
    h36m: np.ndarray | None = None

    @property
    def definition(self) -> str:
        """Which joints these are: "published", or "kinema" if our own points of the same names replace them."""
        return OWN if self.extra is None else PUBLISHED

    def joints49(self, vertices: np.ndarray, joints24: np.ndarray) -> np.ndarray:
        """(n,49,3) from posed vertices (n,V,3) and SMPL's joints (n,24,3)."""
        if self.extra is None:
            return _regress(self.body.points(SPIN49.name).weights, vertices)
        every = np.concatenate([joints24, vertices[:, _VERTICES], _regress(self.extra, vertices)], axis=1)
        return np.asarray(every[:, MAP49])

    def joints14(self, vertices: np.ndarray) -> np.ndarray:
        """The evaluation's 14 joints (n,14,3) relative to the pelvis, from posed vertices (n,V,3)."""
        if self.h36m is None:
            points = _regress(self.body.points(SPIN49.name).weights, vertices)
            return np.asarray(points[:, _SPIN_14] - points[:, [_SPIN_PELVIS]])
        rows = _regress(self.h36m, vertices)
        return np.asarray(rows[:, H36M_TO_14] - rows[:, :1])


def joint_definition(body: BodyModel, extra: Path | None = None, h36m: Path | None = None) -> JointDefinition:
    """The definition for a body, with the user's regressor files if they fit it. Raises InputError.

    extra, h36m: `J_regressor_extra.npy`, `J_regressor_h36m.npy`; ignored for bodies without SMPL's vertices.
    """
    if body.num_vertices != SMPL_VERTICES or body.name == "free":
        return JointDefinition(body)
    return JointDefinition(body, _regressor(extra, 9), _regressor(h36m, 17))


def _regressor(path: Path | None, rows: int) -> np.ndarray | None:
    if path is None:
        return None
    try:
        array = np.asarray(np.load(path, allow_pickle=False))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name the joint regressor of the PARE release") from None
    except CORRUPTION as error:
        reason = quoted(str(error) or type(error).__name__, 120, mark="")
        raise InputError(f"{path} is not a numeric .npy file ({reason}); use the file of the PARE release") from None
    if array.shape != (rows, SMPL_VERTICES) or array.dtype.kind not in "fiu" or not np.all(np.isfinite(array)):
        raise InputError(
            f"{path} is not the expected joint regressor: found {array.shape} {array.dtype}, expected"
            f" ({rows}, {SMPL_VERTICES}) numbers; use the file of the PARE release"
        )
    return array.astype(np.float32)


def _regress(weights, vertices: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]  # (K,V), sparse or not
    """(K,V) times (n,V,3) -> (n,K,3)."""
    count, num_vertices = vertices.shape[:2]
    flat = np.ascontiguousarray(np.swapaxes(vertices, 0, 1)).reshape(num_vertices, -1)
    return np.asarray(weights @ flat).reshape(-1, count, 3).swapaxes(0, 1)
