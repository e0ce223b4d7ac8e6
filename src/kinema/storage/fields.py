"""Reading arrays from untrusted mappings: each is checked before it is used, and errors name the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.errors import InputError


def require_keys(content: Mapping[Any, Any], keys: tuple[str, ...], what: str) -> None:
    """Raise InputError naming the keys that are missing."""
    missing = [key for key in keys if key not in content or content[key] is None]
    if missing:
        raise InputError(f"{what} lacks {', '.join(missing)}; the file is incomplete")


def numbers(value: Any, key: str, what: str, *shapes: tuple[int | str, ...], nan: bool = False) -> np.ndarray:
    """`value` as a float64 array of one of the `shapes`, finite unless `nan`.

    A dimension given as a string may have any length. Raises InputError with the key and both shapes.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"it is {array.dtype}")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {key} must be numbers ({str(error).splitlines()[0]})") from None
    if shapes and not any(_fits(array.shape, shape) for shape in shapes):
        expected = " or ".join("(" + ", ".join(map(str, s)) + ("," if len(s) == 1 else "") + ")" for s in shapes)
        raise InputError(f"{what}: {key} has shape {array.shape}, expected {expected}")
    if not nan and not np.all(np.isfinite(array)):
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"{what}: {key} holds a value that is not finite at {bad}")
    return array


def integers(value: Any, key: str, what: str) -> np.ndarray:
    """`value` as a (n,) int64 array. Raises InputError, also for floats that are not whole numbers."""
    array = numbers(value, key, what, ("n",))
    if np.any(array != np.round(array)) or np.any(np.abs(array) > 2**53):
        raise InputError(f"{what}: {key} must be whole numbers")
    return array.astype(np.int64)


def scalar(value: Any, key: str, what: str) -> float:
    """One finite number, given as a Python number or as an array with one element."""
    array = numbers(value, key, what)
    if array.size != 1:
        raise InputError(f"{what}: {key} must be one number, found shape {array.shape}")
    return float(array.reshape(()))


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
    return str(value)


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
