"""Markers: the output of the TRC and C3D readers, and joints as markers for their writers.

Joints are written in OpenSim's axes. Its ground frame is y up with x forward and z to the right; SMPL faces z with x to
its left. So (x, y, z) of the world becomes (z, y, -x), a quarter turn about the vertical: a person at rest faces along
x, as OpenSim's models do. The markers have the names of SMPL's joints. They are joint centres, not points on the skin:
scale and track models with markers at their joint centres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kinema.errors import InputError, UsageError, quoted
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack, absent, constant_rate
from kinema.skeleton import SMPL24

NAMES = SMPL24.joints
"""Names of the markers, in order."""

UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
"""Units that a file may be written in, per metre."""

OPENSIM_FROM_WORLD = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Rotation from the y-up world to OpenSim's axes: (x, y, z) becomes (z, y, -x)."""


@dataclass(frozen=True, eq=False)
class Markers:
    """Marker trajectories as a file holds them.

    times (T,) seconds; positions (T, M, 3) metres, NaN where missing, in the file's axes. rate: frames per second.
    up: the vertical axis stated by the file, "x", "y", "z", with a minus if it points down; None if not stated. notes:
    sentences on the reader's assumptions, omissions and repairs.
    """

    names: tuple[str, ...]
    times: np.ndarray
    positions: np.ndarray
    rate: float
    up: str | None = None
    notes: tuple[str, ...] = ()


def named_points(labels: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """The indices of the named points, and their names, without `Subject:` if there is only one subject.

    Points without a name and those that Vicon numbers (`*12`) are unassigned. If several points have one name, the
    first keeps it and the others are left out.
    """
    found: dict[str, int] = {}
    for place, label in enumerate(labels):
        if (name := label.strip()) and not name.startswith("*"):
            found.setdefault(name, place)
    bare = [name.rpartition(":")[2].strip() for name in found]
    subjects = {name.rpartition(":")[0] for name in found} - {""}
    alone = len(subjects) == 1 and len(set(bare)) == len(bare) and all(bare)
    return list(found.values()), tuple(bare if alone else found)


METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
}
"""Units in metres, by their names in files."""

_EXTENTS = {"m": 12.0, "cm": 250.0}
"""Largest extent of a frame's markers in these units, for files that do not name their unit."""


def metres_per_unit(unit: str, positions: np.ndarray, what: str) -> tuple[float, tuple[str, ...]]:
    """Metres per unit of a file, and a note if the unit is not stated and is inferred from the size.

    positions (T, M, 3) in the file's unit. Raises InputError for an unknown unit.
    """
    unit = unit.strip().lower()
    if unit in METRES:
        return METRES[unit], ()
    if unit:
        raise InputError(f"{what}: its unit is {quoted(unit)}; Kinema knows m, cm, mm")
    seen = np.isfinite(positions).all(axis=-1)
    low = np.where(seen[..., None], positions, np.inf).min(axis=1)
    high = np.where(seen[..., None], positions, -np.inf).max(axis=1)
    extent = np.max(high - low, axis=-1)[seen.any(axis=1)]
    size = float(np.median(extent)) if len(extent) else 0.0
    chosen = next((name for name, largest in _EXTENTS.items() if size <= largest), "mm")
    return METRES[chosen], (
        f"the file does not name its unit; the markers are {size:.4g} apart, so {chosen} is assumed",
    )


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
