"""Joints as markers in OpenSim's axes: shared by the TRC and C3D writers.

OpenSim's ground frame is y up with x forward and z to the right; SMPL faces z with x to its left. So (x, y, z) of the
world becomes (z, y, -x), a quarter turn about the vertical: a person at rest faces along x, as OpenSim's models do. The
markers have the names of SMPL's joints. They are joint centres, not points on the skin: scale and track models with
markers at their joint centres.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kinema.errors import UsageError
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack, absent, constant_rate
from kinema.skeleton import SMPL24

NAMES = SMPL24.joints
"""Names of the markers, in order."""

UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
"""Units that a file may be written in, per metre."""

OPENSIM_FROM_WORLD = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Rotation from the y-up world to OpenSim's axes: (x, y, z) becomes (z, y, -x)."""


class MarkerTrack:
    """One person's markers at a constant rate. times (F,) seconds; rate in frames per second; away (F,) bool."""

    def __init__(self, track: SkeletonTrack, report: WriteReport, fps: float | None) -> None:
        self.id = track.id
        self._even = constant_rate(track, report, fps, bridge=False)
        self.times = self._even.times
        self.rate = (len(self.times) - 1) / (self.times[-1] - self.times[0]) if len(self.times) > 1 else track.rate
        self.away = absent(track, self.times)

    def __len__(self) -> int:
        return len(self.times)

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows and their markers (n,24,3) metres in OpenSim's axes, NaN while the person was away."""
        for rows in self._even.chunks():
            markers = self._even.joints(rows) @ OPENSIM_FROM_WORLD.T
            markers[self.away[rows]] = np.nan
            yield rows, markers


def unit_scale(units: str, what: str) -> float:
    """The number of `units` per metre. Raises UsageError."""
    if units not in UNITS:
        raise UsageError(f"{what} files are written in {', '.join(UNITS)}, not in {units!r}")
    return UNITS[units]
