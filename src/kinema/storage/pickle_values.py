"""The names a pickle may use, each with a function that builds its value from checked arguments.

numpy arrays, scalars and types; Python's containers; joblib's array wrapper; scipy's sparse matrices;
chumpy nodes, which become plain arrays. Nothing here imports what a file names.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from kinema.storage.budget import ARRAY, CONTAINER, VALUE, Malformed
from kinema.storage.fields import only_numbers
from kinema.storage.pickle_arrays import (
    arranged,
    attributes,
    checked_dtype,
    checked_shape,
    checked_text,
    from_buffer,
    is_array_class,
    make_array_class,
    make_dtype,
    reconstruct,
    scalar,
)
from kinema.storage.pickle_machine import PickleMachine
from kinema.storage.pickle_objects import Inert, Pending, Token, check_keys, check_tree, fill_dict

Make = Callable[[PickleMachine, tuple[Any, ...]], Any]
_SCALARS = (
    *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)

_MOST_ROWS = 2**31
"""Most rows and columns of a sparse matrix."""


# joblib


class _PendingWrapper(Pending):
    """joblib's marker for an array whose bytes follow it directly, outside the pickle format."""

    def build(self, machine: PickleMachine, state: Any) -> np.ndarray:
        state = attributes(machine, state, "joblib's array wrapper")
        if not is_array_class(state.get("subclass")):
            raise Malformed("joblib's array wrapper in it is incomplete")
        dtype, shape = checked_dtype(state.get("dtype")), checked_shape(state.get("shape"))
        if dtype.hasobject:
            value = machine.nested()
            if not isinstance(value, np.ndarray):
                raise Malformed("joblib's array of objects is not an array")
            return value
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = machine.stream.read(1)[0]
            machine.stream.read(padding)
        machine.charge(ARRAY + dtype.itemsize)
        count = math.prod(shape)
        if count and not dtype.itemsize:
            raise Malformed("an array in it has no size")
        buffer = machine.stream.read_buffer(count * dtype.itemsize)
        flat = np.frombuffer(buffer, dtype) if buffer else np.empty(0, dtype)
        return arranged(flat, shape, "F" if state.get("order") in ("F", b"F") else "C")


def _old_wrapper(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    raise Malformed("it was written by joblib before 0.10, with arrays in separate files; save it with a newer version")


# scipy


class _PendingSparse(Pending):
    """A sparse matrix before its attributes. layout: "csc", "csr" or "coo"; array: the newer array classes."""

    def __init__(self, layout: str, array: bool) -> None:
        super().__init__()
        self._layout = layout
        self._class = f"{layout}_{'array' if array else 'matrix'}"

    def build(self, machine: PickleMachine, state: Any) -> Any:
        import scipy.sparse

        state = attributes(machine, state, "a sparse matrix")
        shape = checked_shape(state.get("_shape", state.get("shape")))
        if len(shape) != 2 or max(shape) > _MOST_ROWS:
            raise Malformed("a sparse matrix in it has no valid shape")
        data = _flat(state.get("data"), "biufc")
        if self._layout == "coo":
            row, column = state["coords"] if "coords" in state else (state.get("row"), state.get("col"))
            first, second = _flat(row, "iu"), _flat(column, "iu")
            parts: tuple[Any, ...] = (data, (first, second))
        else:
            first, second = _flat(state.get("indices"), "iu"), _flat(state.get("indptr"), "iu")
            parts = (data, first, second)
        machine.charge(2 * (data.nbytes + first.nbytes + second.nbytes) + 8 * ARRAY)
        matrix = getattr(scipy.sparse, self._class)(parts, shape=shape)
        if self._layout != "coo":
            matrix.check_format(full_check=True)
        return matrix


def _flat(value: Any, kinds: str) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in kinds:
        raise Malformed("a sparse matrix in it is not made of arrays of numbers")
    return value


def _sparse(layout: str, array: bool) -> Make:
    return lambda machine, args: _PendingSparse(layout, array)


# chumpy


class _PendingChumpy(Pending):
    """`chumpy.ch.Ch`: an array under "x"."""

    def build(self, machine: PickleMachine, state: Any) -> np.ndarray:
        return _numbers(machine, attributes(machine, state, "a chumpy array"), "x")


class _PendingSelect(Pending):
    """`chumpy.reordering.Select`: entries of the array "a", selected by flat index, reshaped."""

    def build(self, machine: PickleMachine, state: Any) -> np.ndarray:
        state = attributes(machine, state, "a chumpy selection")
        source, index = _numbers(machine, state, "a"), _numbers(machine, state, "idxs")
        if index.dtype.kind not in "iu":
            raise Malformed("a chumpy selection in it has no integer indices")
        machine.charge(index.size * source.itemsize + (0 if source.flags.c_contiguous else source.nbytes))
        picked: np.ndarray = source.ravel()[index]
        shape = state.get("preferred_shape")
        return picked if shape is None else picked.reshape(checked_shape(tuple(int(n) for n in np.atleast_1d(shape))))


def _numbers(machine: PickleMachine, state: dict[str, Any], key: str) -> np.ndarray:
    value = state.get(key)
    if isinstance(value, (list, tuple, int, float)):
        machine.charge(ARRAY + VALUE * check_tree(value, machine.budget))  # because numpy expands shared parts
        if not only_numbers(value):
            raise Malformed(f"a chumpy array in it has no numbers under {key!r}")
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufc":
        raise Malformed(f"a chumpy array in it has no numbers under {key!r}")
    return value


# Python


def _sequence(machine: PickleMachine, args: tuple[Any, ...], each: int) -> list[Any]:
    """The items that a container is created from; `each` bytes are charged for an item."""
    machine.charge(CONTAINER)
    if not args:
        return []
    if len(args) != 1 or not isinstance(args[0], (list, tuple, set, frozenset)):
        raise Malformed("a container in it is not created from a list")
    machine.charge(each * len(args[0]))
    return list(args[0])


def _set(kind: Callable[[list[Any]], Any]) -> Make:
    def make(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
        items = _sequence(machine, args, 2 * VALUE)
        return kind(check_keys(items, machine.budget.new_owner(), machine.budget))

    return make


def _ordered_dict(machine: PickleMachine, args: tuple[Any, ...]) -> OrderedDict[Any, Any]:
    pairs = _sequence(machine, args, 4 * VALUE)
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise Malformed("a dictionary in it is not created from pairs")
    value: OrderedDict[Any, Any] = OrderedDict()
    fill_dict(value, [(key, item) for key, item in pairs], machine.budget)
    return value


_FACTORIES = frozenset(
    f"{module}.{kind.__name__}"
    for module in ("builtins", "__builtin__")
    for kind in (list, dict, set, int, float, tuple, str, bool)
)


def _default_dict(machine: PickleMachine, args: tuple[Any, ...]) -> dict[Any, Any]:
    """A plain dict: a reader needs no default, and nested defaultdicts are freed recursively."""
    factory = args[0] if args else None
    if factory is not None and not (isinstance(factory, Token) and factory.name in _FACTORIES):
        raise Malformed("a dictionary in it has an unusual default")
    machine.charge(CONTAINER)
    return {}


def _encode(machine: PickleMachine, args: tuple[Any, ...]) -> bytes:
    """`_codecs.encode`: how Python 3 writes bytes for Python 2's protocols."""
    text, encoding = args
    if not isinstance(text, str) or checked_text(encoding) not in ("latin1", "latin-1"):
        raise Malformed("it contains bytes in an unexpected encoding")
    machine.charge(len(text))
    return text.encode("latin1")


def _bytes(machine: PickleMachine, args: tuple[Any, ...]) -> bytes:
    if args:
        raise Malformed("it creates bytes in an unexpected way")
    return b""


def _bytearray(machine: PickleMachine, args: tuple[Any, ...]) -> bytearray:
    if args and isinstance(args[0], str):
        args = (_encode(machine, args),)
    if len(args) > 1 or not all(isinstance(arg, (bytes, bytearray)) for arg in args):
        raise Malformed("it creates bytes in an unexpected way")
    machine.charge(sum(len(arg) for arg in args))
    return bytearray(*args)


def _complex(machine: PickleMachine, args: tuple[Any, ...]) -> complex:
    real, imaginary = args
    if not (isinstance(real, float) and isinstance(imaginary, float)):
        raise Malformed("it contains a complex number with unexpected parts")
    return complex(real, imaginary)


def _reconstructor(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    """`copyreg._reconstructor(class, base, state)`: how protocols 0 and 1 create objects."""
    token, base, state = args
    if not isinstance(token, Token) or not isinstance(base, Token):
        raise Malformed("it creates an object from something that is not a class")
    value = token.make(machine, ())
    if isinstance(value, Inert) and state is not None:
        if isinstance(state, dict):
            machine.charge(2 * VALUE * len(state))
            value.entries.extend(state.items())
        else:
            value.args = (state,)
    elif state is not None and isinstance(value, Pending):
        raise Malformed("it creates an object in an unexpected way")
    return value


def only_named(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    """For names that a file may mention but not call."""
    raise Malformed("it creates a value in an unexpected way")


def _build_table() -> dict[str, Make]:
    table: dict[str, Make] = {
        "collections.OrderedDict": _ordered_dict,
        "collections.defaultdict": _default_dict,
        "_codecs.encode": _encode,
        "numpy.dtype": make_dtype,
        "chumpy.ch.Ch": lambda machine, args: _PendingChumpy(),
        "chumpy.reordering.Select": lambda machine, args: _PendingSelect(),
    }
    for module in ("builtins", "__builtin__"):
        for name in ("object", "list", "dict", "tuple", "str", "unicode", "int", "long", "float", "bool"):
            table[f"{module}.{name}"] = only_named
        table[f"{module}.set"] = _set(set)
        table[f"{module}.frozenset"] = _set(frozenset)
        table[f"{module}.complex"] = _complex
        table[f"{module}.bytes"] = _bytes
        table[f"{module}.bytearray"] = _bytearray
    for module in ("copy_reg", "copyreg"):
        table[f"{module}._reconstructor"] = _reconstructor
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray._reconstruct"] = reconstruct
        table[f"{core}.multiarray.scalar"] = scalar
        table[f"{core}.numeric._frombuffer"] = from_buffer
    classes = ("ndarray", "memmap", "core.memmap.memmap", "_core.memmap.memmap", "matrix", "matrixlib.defmatrix.matrix")
    for name in classes:
        table[f"numpy.{name}"] = make_array_class
    for name in _SCALARS:
        table[f"numpy.{name}"] = only_named
    for joblib in ("joblib", "sklearn.externals.joblib"):
        table[f"{joblib}.numpy_pickle.NumpyArrayWrapper"] = lambda machine, args: _PendingWrapper()
        for name in ("NDArrayWrapper", "ZNDArrayWrapper"):
            table[f"{joblib}.numpy_pickle.{name}"] = _old_wrapper
            table[f"{joblib}.numpy_pickle_compat.{name}"] = _old_wrapper
    for layout in ("csc", "csr", "coo"):
        for module in (layout, f"_{layout}"):
            table[f"scipy.sparse.{module}.{layout}_matrix"] = _sparse(layout, array=False)
            table[f"scipy.sparse.{module}.{layout}_array"] = _sparse(layout, array=True)
    return table


TABLE = _build_table()
"""Functions by fully qualified name: everything that `load_pickle` understands."""
