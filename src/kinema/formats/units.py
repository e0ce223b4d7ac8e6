"""The unit of a skeleton whose file stores none, inferred from the length of its legs, hip to ankle."""

from __future__ import annotations

import numpy as np

from kinema.errors import InputError
from kinema.formats.report import Notes

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "CMU's units": 0.056444}
"""Units found in files, in metres. CMU's conversions use units of 1/0.45 inch, 5.64 cm."""

ADULT = (0.65, 1.0)
"""Leg lengths of adults, metres."""

SMALLEST = 0.5
"""Shortest leg, metres, in the units that nearly every file has: those of children and of badly scaled captures."""

AVERAGE = 0.82
"""Leg length, metres, given to a skeleton that fits no unit."""


def leg_length(offsets: np.ndarray) -> float:
    """Mean length of the legs from the offsets (2,2,3) of both knees and ankles. Raises InputError if it is zero."""
    length = float(np.linalg.norm(offsets, axis=-1).sum(axis=-1).mean())
    if not length > 0:
        raise InputError("the skeleton's legs have no length")
    return length


def metres_per_unit(length: float, notes: Notes) -> float:
    """Metres per unit of a file in which the legs are `length` long."""
    for name, unit in UNITS.items():
        if ADULT[0] <= length * unit <= ADULT[1]:
            if unit != 1:
                notes.add(f"a BVH does not store its unit; the legs are {length:.4g} long, so {name} are assumed")
            return unit
    for name in ("metres", "centimetres"):
        if SMALLEST <= length * UNITS[name] <= ADULT[0]:
            notes.add(
                f"a BVH does not store its unit; the legs are {length:.4g} long, so {name} are assumed: the legs of a"
                f" child ({length * UNITS[name]:.2f} m), or of a skeleton that was scaled down"
            )
            return UNITS[name]
    notes.add(
        f"the legs are {length:.4g} long, which fits no unit; the skeleton was scaled to an adult's legs of {AVERAGE} m"
        " (a child is smaller)"
    )
    return AVERAGE / length
