"""Array checks at construction: shape, range, finite values. Arrays that pass are read-only copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.errors import ShapeError, quoted

LARGEST = 1e6
"""Largest magnitude of a value in metres or radians. Far larger ones are damage, and would overflow in products."""

LEAST_RATE, MOST_RATE = 1e-3, 1e5
"""Frames per second that are accepted as a rate: from one frame in a quarter of an hour to the fastest cameras."""

RATE_RANGE = "a number between 0.001 and 100000"


def is_rate(value: float) -> bool:
    """Whether a number can be a frame rate."""
    return bool(LEAST_RATE <= value <= MOST_RATE)


def same_proportions(size: tuple[int, int], other: tuple[int, int], tolerance: float) -> bool:
    """Whether images of two sizes (both as width, height or as height, width) can show the same."""
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) <= tolerance


def length(value: Any) -> int:
    """The number of values; 0 for anything that is not a sequence, which the check then rejects."""
    try:
        return int(np.size(value))
    except ValueError:
        return 0


def frozen(value: Any, dtype: Any) -> np.ndarray:
    """A read-only copy; the array itself where it is read-only already and its values are in no other array."""
    if type(value) is np.ndarray and value.dtype == dtype and not value.flags.writeable and value.base is None:
        return value
    array = np.array(value, dtype=dtype)
    array.flags.writeable = False
    return array


def checked(
    value: Any,
    name: str,
    shape: tuple[str | int, ...],
    sizes: Mapping[str, int],
    who: str,
    *,
    may_hold_nan: bool = False,
    share: bool = False,
    boolean: bool = False,
    largest: float = LARGEST,
) -> np.ndarray:
    """`value` as a read-only float64 array (bool if `boolean`), checked.

    shape: numbers, and letters whose lengths are in `sizes`. may_hold_nan: NaN means "not seen"; infinite values are
    rejected all the same. share: all values lie in [0, 1]. largest: magnitude accepted. who: whose value it is, for the
    message. Raises a ShapeError that names the value, what was found and what was expected.
    """
    try:
        array = frozen(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"{who}: {name} must be numbers ({quoted(str(error), 120, mark='')})") from None
    expected = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
    if array.shape != expected:
        letters = ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "")
        raise ShapeError(f"{who}: {name} has shape {array.shape}, expected {expected} = ({letters})")
    if not _within(array, -largest, largest, may_hold_nan):
        size = np.abs(array)
        wrong = size > largest if may_hold_nan else ~(size <= largest)  # the second is True for NaN, too
        first = _first(wrong)
        found = f"{array[first]:g}, beyond {largest:g}," if np.isfinite(array[first]) else "a value that is not finite"
        raise ShapeError(f"{who}: {name} holds {found} at {first}")
    if share and not _within(array, -1e-6, 1 + 1e-6, may_hold_nan=True):
        wrong = (array < -1e-6) | (array > 1 + 1e-6)
        raise ShapeError(f"{who}: {name} must lie in [0, 1], found {array[wrong][0]:g} at {_first(wrong)}")
    if boolean:
        # A probability cast to bool would be True wherever it is not exactly 0.
        wrong = (array != 0) & (array != 1)
        if wrong.any():
            raise ShapeError(f"{who}: {name} must be True or False, found {array[wrong][0]:g} at {_first(wrong)}")
        return frozen(array, bool)
    return array


def _within(array: np.ndarray, least: float, most: float, may_hold_nan: bool) -> bool:
    """Whether all values, or all that are not NaN, lie in [least, most]; takes no memory of the array's size."""
    if not array.size:
        return True
    lowest, highest = (np.fmin, np.fmax) if may_hold_nan else (np.minimum, np.maximum)
    low, high = float(lowest.reduce(array, axis=None)), float(highest.reduce(array, axis=None))
    return (least <= low and high <= most) or (may_hold_nan and np.isnan(low))


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    """Index of the first True."""
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def integers(value: Any, name: str, axis: str, who: str) -> np.ndarray:
    """`value` as one axis of integers. Raises ShapeError, which calls the axis `axis`."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{who}: {name} must be ({axis},) integers ({error})") from None
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ShapeError(f"{who}: {name} must be ({axis},) integers, found {array.shape} {array.dtype}")
    return array


def checked_bounds(value: Any, name: str, count: int, who: str) -> np.ndarray:
    """`value` as read-only (C,) int64: indices of `count` frames at which something new begins, increasing, the first
    frame not among them. Raises ShapeError."""
    bounds = integers(value, name, "C", who)
    if bounds.size and (bounds[0] < 1 or bounds[-1] >= count or np.any(np.diff(bounds) <= 0)):
        raise ShapeError(f"{who}: {name} must increase strictly from 1 to at most {count - 1}, the last frame")
    return frozen(bounds, np.int64)
