"""numpy arrays, dtypes and scalars in a pickle, built from checked arguments without calling numpy by name."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from kinema.storage.budget import ARRAY, CONTAINER, LONGEST_TEXT, MAX_DEPTH, VALUE, Malformed
from kinema.storage.pickle_machine import PickleMachine
from kinema.storage.pickle_objects import Pending, Token

_DTYPE = re.compile(
    r"[<>=|]?(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[SUV]\d{0,9}|O[48]?|\?|[bBhHiIlLqQefdgFDG])"
)
_MAX_DIMENSIONS = 32
_MAX_COLUMNS = 1000


class _PendingDtype(Pending):
    """`numpy.dtype(description, align, copy)`, then the state that numpy's own pickles add: byte order, fields."""

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def build(self, machine: PickleMachine, state: Any) -> np.dtype:
        if not isinstance(state, tuple) or not 8 <= len(state) <= 9:
            raise Malformed("a dtype in it is incomplete")
        order, subarray, names, fields, size = checked_text(state[1]), *state[2:6]
        if subarray is not None:
            base, shape = subarray
            sides = checked_shape(shape if isinstance(shape, tuple) else (shape,))
            dtype = np.dtype((_plain(base), sides))
        elif names is not None:
            if not isinstance(names, (tuple, list)) or len(names) > _MAX_COLUMNS:
                raise Malformed(f"it contains a structured array of more than {_MAX_COLUMNS} columns")
            machine.charge(CONTAINER * len(names))
            keys = [checked_text(name) for name in names]
            columns = [fields[name] for name in names]
            dtype = np.dtype(
                {
                    "names": keys,
                    "formats": [_plain(column[0], sides=True) for column in columns],
                    "offsets": [column[1] for column in columns],
                    "itemsize": size,
                }
            )
            if dtype.hasobject:
                raise Malformed("it contains a structured array with objects as columns")
        else:
            dtype = self._dtype
            if order in ("<", ">"):
                dtype = dtype.newbyteorder("<" if order == "<" else ">")
        return dtype


class _PendingArray(Pending):
    """`numpy.ndarray` before its state: version, shape, type, order, contents."""

    def build(self, machine: PickleMachine, state: Any) -> np.ndarray:
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise Malformed("an array in it is incomplete")
        shape, dtype, fortran, raw = state[-4:]
        return _array(machine, raw, checked_dtype(dtype), checked_shape(shape), "F" if fortran else "C")


def _plain(value: Any, *, sides: bool = False) -> np.dtype:
    """A type that contains no other (but an array of a plain one, if `sides`): nested ones can grow without end."""
    dtype = checked_dtype(value)
    if dtype.fields is not None or (dtype.subdtype is not None and not (sides and dtype.base.fields is None)):
        raise Malformed("it contains an array whose type contains further types")
    return dtype


def checked_text(value: Any) -> str:
    if isinstance(value, (bytes, str)) and len(value) > LONGEST_TEXT:
        raise Malformed("it contains a text that is too long for its place")
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        raise Malformed(f"it contains a {type(value).__name__} instead of text")
    return value


def attributes(machine: PickleMachine, state: Any, what: str) -> dict[str, Any]:
    """An object's state as a dict with string keys; with the encoding "bytes", Python 2's names arrive as bytes."""
    if not isinstance(state, dict):
        raise Malformed(f"{what} in it is incomplete")
    machine.charge(CONTAINER + VALUE * len(state))
    return {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in state.items()}


def checked_dtype(value: Any) -> np.dtype:
    if not isinstance(value, np.dtype):
        raise Malformed("an array in it has no valid type")
    return value


def checked_shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > _MAX_DIMENSIONS:
        raise Malformed("an array in it has no valid shape")
    if any(not isinstance(n, (int, np.integer)) or not 0 <= n < 2**48 for n in value):
        raise Malformed("an array in it has no valid shape")
    return tuple(int(n) for n in value)


def _array(machine: PickleMachine, raw: Any, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """A new array from its contents: raw bytes, or a list of objects."""
    count = math.prod(shape)
    machine.charge(ARRAY + dtype.itemsize)  # numpy allocates an entry even for an empty array
    if dtype.hasobject:
        if not isinstance(raw, list) or len(raw) != count:
            raise Malformed("an array of objects in it does not fit its shape")
        machine.charge(VALUE * count)
        flat = np.empty(count, dtype=object)
        for i, item in enumerate(raw):
            flat[i] = item
        return _known_height(machine, arranged(flat, shape, order), raw)
    if isinstance(raw, str):
        machine.charge(len(raw))
        raw = raw.encode("latin1")
    if not isinstance(raw, (bytes, bytearray)) or len(raw) != count * dtype.itemsize or (count and not raw):
        raise Malformed("the contents of an array in it do not fit its shape and type")
    machine.charge(len(raw))
    return arranged(np.frombuffer(bytearray(raw), dtype) if raw else np.empty(0, dtype), shape, order)


def _known_height(machine: PickleMachine, array: np.ndarray, items: list[Any]) -> np.ndarray:
    """The array of objects, unless too many are nested: numpy frees them recursively, so even an unfinished value must
    not become deep. (Python's own containers are freed without recursion.)
    """
    heights = machine.heights
    inside = (heights[id(item)][1] for item in items if isinstance(item, np.ndarray) and id(item) in heights)
    height = 1 + max(inside, default=0)
    if height > MAX_DEPTH:
        raise Malformed(f"its values are nested more than {MAX_DEPTH} deep")
    heights[id(array)] = array, height
    return array


def arranged(flat: np.ndarray, shape: tuple[int, ...], order: str) -> np.ndarray:
    return flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)


def make_dtype(machine: PickleMachine, args: tuple[Any, ...]) -> _PendingDtype:
    description = checked_text(args[0]) if args else ""
    if not _DTYPE.fullmatch(description):
        raise Malformed(f"it contains an array of type {description[:20]!r}, which Kinema does not read")
    return _PendingDtype(np.dtype(description))


def reconstruct(machine: PickleMachine, args: tuple[Any, ...]) -> _PendingArray:
    if len(args) != 3 or not is_array_class(args[0]):
        raise Malformed("it creates an array of an unknown class")
    return _PendingArray()


def is_array_class(value: Any) -> bool:
    return isinstance(value, Token) and value.make is make_array_class


def make_array_class(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    raise Malformed("it creates an array in an unexpected way")


def scalar(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    dtype, raw = args
    if checked_dtype(dtype).hasobject:
        raise Malformed("it contains a numpy scalar of dtype object")
    return _array(machine, raw, dtype, (1,), "C")[0]


def from_buffer(machine: PickleMachine, args: tuple[Any, ...]) -> np.ndarray:
    raw, dtype, shape, order, *axes = args
    if checked_dtype(dtype).hasobject:
        raise Malformed("it contains raw memory as objects")
    if order == "K" and axes:
        return _array(machine, raw, dtype, checked_shape(shape), "C").transpose(axes[0])
    return _array(machine, raw, dtype, checked_shape(shape), "F" if order == "F" else "C")
