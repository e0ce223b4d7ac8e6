"""Objects created while reading a pickle: inert tokens and objects, pending values, and limits of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.storage.budget import CONTAINER, MAX_DEPTH, Budget, Malformed

if TYPE_CHECKING:
    from kinema.storage.pickle_machine import PickleMachine


class Refused(Exception):
    """The file references a name that is not on the allow-list; the message is that name."""


class Token:
    """A name in a file ("numpy.ndarray") and the Kinema function that replaces it."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[[PickleMachine, tuple[Any, ...]], Any]) -> None:
        self.name = name
        self.make = make

    def __repr__(self) -> str:
        return f"<name {self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Inert:
    """The stored data of an object of an unknown class; no code of the class was executed.

    name: module and class. args: its constructor's arguments. state: its attributes, usually a
    dict. entries: key and value pairs, for subclasses of dict. elements: for subclasses of list and set.
    """

    __slots__ = ("args", "elements", "entries", "name", "state")

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        self.name = name
        self.args = args
        self.state: Any = None
        self.entries: list[tuple[Any, Any]] = []
        self.elements: list[Any] = []

    def __repr__(self) -> str:
        return f"<inert {self.name}>"


class Pending:
    """A value that the file creates in two steps: named first, filled by the BUILD opcode.

    The machine replaces the pending value by the result of `build`, in its memo too, so that a
    finished value is never modified.
    """

    def __init__(self) -> None:
        self.memo_keys: list[int] = []

    def build(self, machine: PickleMachine, state: Any) -> Any:
        raise NotImplementedError


_KEYS = (str, bytes, int, float, bool, complex, type(None), np.generic, Token, Inert)
_RANDOM = frozenset((str, bytes))
"""Types with salted hashes, which no file can choose."""


def check_keys(keys: list[Any], owner: int, budget: Budget) -> list[Any]:
    """The keys, unchanged. Only plain scalars and short flat tuples of them may be dict keys or set members:
    hashing anything deeper can take forever or exhaust the C stack. owner: the id of their container.
    """
    for key in keys:
        if type(key) in _RANDOM:
            continue
        for part in key if type(key) is tuple and len(key) <= 16 else (key,):
            if not isinstance(part, _KEYS) or (isinstance(part, int) and part.bit_length() > 64):
                raise Malformed(f"it uses a {type(part).__name__} as a key")
        if type(key) is not int:
            budget.hashed(owner, key)
    return keys


_SLICE = 256
"""Entries between two checks of the time."""


def fill_dict(target: dict[Any, Any], pairs: list[tuple[Any, Any]], budget: Budget) -> None:
    check_keys([key for key, _ in pairs], id(target), budget)
    for start in range(0, len(pairs), _SLICE):
        target.update(pairs[start : start + _SLICE])
        if start:
            budget.tick()


def check_tree(root: Any, budget: Budget) -> int:
    """Raise Malformed if a value is unfinished, contains itself, is nested too deeply or expands to too many objects.

    Shared parts are visited once, but counted each time, as a traversal of the value would. Returns the number of
    objects.
    """
    return _Measure(budget).of(root, 0)[0]


class _Measure:
    """Measures values. known: results by id, None while in progress."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.known: dict[int, tuple[int, int] | None] = {}

    def of(self, value: Any, depth: int) -> tuple[int, int]:
        """Total number of objects in a value, and its nesting depth."""
        parts = _parts(value)
        if parts is None:
            if isinstance(value, Pending):
                raise Malformed("it contains an unfinished or self-referencing object")
            return 1, 0
        known = self.known
        if id(value) in known:
            measured = known[id(value)]
            if measured is None:
                raise Malformed("a value in it contains itself")
            return measured
        if depth >= MAX_DEPTH:
            raise Malformed(f"its values are nested more than {MAX_DEPTH} deep")
        self.budget.charge(CONTAINER)
        if not len(known) % _SLICE:
            self.budget.tick()
        known[id(value)] = None
        size, height = 1 + len(parts), min(len(parts), 1)
        if not _PLAIN.issuperset(map(type, parts)):
            for part in parts:
                part_size, part_height = self.of(part, depth + 1)
                size, height = size + part_size - 1, max(height, part_height + 1)
        if height > MAX_DEPTH:
            raise Malformed(f"its values are nested more than {MAX_DEPTH} deep")
        if size > self.budget.most_expanded:
            raise Malformed("its values expand to too many objects")
        known[id(value)] = size, height
        return size, height


_PLAIN = frozenset((float, int, bool, str, bytes, complex, type(None)))
"""Types without parts, of which long lists are made."""


def _parts(value: Any) -> list[Any] | None:
    """The values inside a container; None for everything else. Inert objects are leaves."""
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return list(value.ravel())
    return None
