"""Reads arrays from untrusted mappings: each is checked before use, and errors name the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import InputError, quoted

LARGEST = 1e9
"""Largest magnitude of any number in a motion file: metres, radians, pixels, seconds are far below, and squares and
products of such numbers stay finite."""

_EXACT = 2**53
"""Up to here every whole number is exact as a float64."""

_FLOAT_MAX = float(np.finfo(np.float64).max)


def require_keys(content: Mapping[Any, Any], keys: tuple[str, ...], what: str) -> None:
    """Raise InputError naming the keys that are missing."""
    missing = [key for key in keys if key not in content or content[key] is None]
    if missing:
        raise InputError(f"{what} lacks {', '.join(missing)}; the file is incomplete")


def only_numbers(value: Any) -> bool:
    """Whether nested lists and tuples contain only numbers and numeric arrays. Other contents can make numpy allocate
    far more than their own size: text is stored at the width of the longest.
    """
    kinds = set(map(type, value)) if isinstance(value, (list, tuple)) else {type(value)}
    if all(issubclass(kind, (int, float, np.number, np.bool_)) for kind in kinds):
        return True
    if not isinstance(value, (list, tuple)):
        return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
    return all(only_numbers(item) for item in value)


def array_of(value: Any, key: str, what: str) -> np.ndarray:
    """`value` as an array of numbers of any type. Raises InputError for text, objects and ragged lists."""
    if isinstance(value, (list, tuple)) and not only_numbers(value):
        raise InputError(f"{what}: {key} must be numbers, found other values in its list")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise InputError(f"{what}: {key} must be numbers ({quoted(str(error), 120, mark='')})") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what}: {key} must be numbers (it is {quoted(array.dtype)})")
    return array


def numbers(
    value: Any, key: str, what: str, *shapes: tuple[int | str, ...], nan: bool = False, largest: float = LARGEST
) -> np.ndarray:
    """`value` as a float64 array of one of the `shapes`, finite unless `nan`, no entry beyond `largest`.

    A dimension given as a string may have any length. Raises InputError with the key and both shapes.
    """
    array = array_of(value, key, what).astype(np.float64)
    if shapes and not any(_fits(array.shape, shape) for shape in shapes):
        expected = " or ".join("(" + ", ".join(map(str, s)) + ("," if len(s) == 1 else "") + ")" for s in shapes)
        raise InputError(f"{what}: {key} has shape {array.shape}, expected {expected}")
    size = np.abs(array)
    wrong = size > largest if nan else ~(size <= largest)  # the second is True for NaN, too
    if wrong.any():
        bad = tuple(int(i) for i in np.argwhere(wrong)[0])
        found = "a value that is not finite" if not np.isfinite(array[bad]) else f"a value beyond {largest:g}"
        raise InputError(f"{what}: {key} holds {found} at {bad}")
    return array


def integers(value: Any, key: str, what: str) -> np.ndarray:
    """`value` as a (n,) int64 array. Raises InputError, also for floats that are not whole numbers."""
    array = numbers(value, key, what, ("n",), largest=_FLOAT_MAX)
    if np.any(array != np.round(array)):
        raise InputError(f"{what}: {key} must be whole numbers")
    if np.any(np.abs(array) > _EXACT):
        raise InputError(f"{what}: {key} must be whole numbers of at most {_EXACT:g}")
    return array.astype(np.int64)


def scalar(value: Any, key: str, what: str) -> float:
    """One finite number, given as a Python number or as an array with one element."""
    array = numbers(value, key, what, largest=_FLOAT_MAX)
    if array.size != 1:
        raise InputError(f"{what}: {key} must be one number, found shape {array.shape}")
    return float(array.reshape(()))


def rate(value: Any, key: str, what: str) -> float:
    """A frame rate in frames per second. Raises InputError for implausible ones."""
    number = scalar(value, key, what)
    if not is_rate(number):
        raise InputError(f"{what}: {key} must be {RATE_RANGE}, found {number:g}")
    return number


def text(value: Any, key: str, what: str) -> str:
    """A string, given as str, bytes or an array of one string."""
    if isinstance(value, np.ndarray):
        if value.size != 1 or value.dtype.kind not in "US":
            raise InputError(f"{what}: {key} must be text, found {value.shape} {value.dtype}")
        value = value.reshape(())[()]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise InputError(f"{what}: {key} must be text, found {type(value).__name__}")
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _fits(shape: tuple[int, ...], expected: tuple[int | str, ...]) -> bool:
    if len(shape) != len(expected):
        return False
    return all(isinstance(side, str) or found == side for found, side in zip(shape, expected, strict=True))


def mapping(value: Any, key: str, what: str) -> dict[str, Any]:
    """A dict with string keys, {} for None. Raises InputError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{what}: {key} must be a dict with names as keys")
    return dict(value)
