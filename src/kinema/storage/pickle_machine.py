"""An interpreter for the pickle format that never calls anything named in a file.

Python's own unpickler imports and calls whatever the file names. This one keeps a name as an inert token;
calls on it are looked up in a table of Kinema's functions (`pickle_values.py`),
which check their arguments and build plain values. A name that is not in the table is refused.

This module is the machine's state: stack, marks, memo and names; `pickle_opcodes.py` has the operations. Work and
memory are bounded by the file's budget (`budget.py`): opcodes are counted, declared lengths are checked against the
remaining data, and whatever a file can request with a few bytes is charged.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from kinema.storage.budget import CONTAINER, LONGEST_TEXT, VALUE, Malformed
from kinema.storage.pickle_objects import Inert, Pending, Refused, Token, check_tree
from kinema.storage.pickle_opcodes import OPERATIONS, STOP
from kinema.storage.pickle_stream import PickleStream

MAX_NESTED_FILES = 10
_BLOCK = 256
"""Number of opcodes that are accounted for at once."""

Table = Mapping[str, Callable[["PickleMachine", tuple[Any, ...]], Any]]


class PickleMachine:
    """Reads one pickle from a stream. `run` returns its value or raises Malformed or Refused.

    table: functions by fully qualified name. inert: patterns ("yacs.*") of names that become `Inert` objects.
    persistent: called with the id of an object that is stored outside the pickle (torch's storages).
    """

    def __init__(
        self,
        stream: PickleStream,
        table: Table,
        *,
        encoding: str = "latin1",
        inert: tuple[str, ...] = (),
        persistent: Callable[[Any], Any] | None = None,
        parent: PickleMachine | None = None,
    ) -> None:
        self.stream: PickleStream = stream
        self.encoding = encoding
        self.persistent = persistent
        self._table = table
        self._inert = inert
        self._level: int = 0 if parent is None else parent._level + 1
        self.budget = stream.budget
        # Arrays of objects by id, with their nesting depth.
        self.heights: dict[int, tuple[Any, int]] = {} if parent is None else parent.heights
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        read, operations = self.stream.file.read, OPERATIONS
        while True:
            self.budget.values(_BLOCK)
            for done in range(_BLOCK):
                code = read(1)
                if code == STOP:
                    self.budget.values(done + 1 - _BLOCK)
                    value = self.stack.pop()
                    check_tree(value, self.budget)
                    return value
                operation = operations.get(code)
                if operation is None:
                    raise Malformed(f"it contains the unknown opcode {code!r}" if code else "it is truncated")
                operation(self)

    def nested(self) -> Any:
        """The value of a second pickle that starts at the current position of the stream."""
        if self._level >= MAX_NESTED_FILES:
            raise Malformed("it contains too many levels of nested files")
        return PickleMachine(self.stream, self._table, encoding=self.encoding, inert=self._inert, parent=self).run()

    def charge(self, count: int) -> None:
        """Account for `count` bytes about to be allocated; raises Malformed if they exceed the file's budget."""
        self.budget.charge(count)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        return self.stack.pop()

    def mark(self) -> None:
        """Begin a group of values."""
        self._marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        """The values since the last mark."""
        items = self.stack
        self.stack = self._marks.pop()
        return items

    def remember(self, key: int | None = None) -> None:
        """Store the top of the stack in the memo, by default under the next free key."""
        key = len(self._memo) if key is None else key
        value = self.stack[-1]
        self._memo[key] = value
        if isinstance(value, Pending):
            value.memo_keys.append(key)

    def recall(self, key: int) -> None:
        self.push(self._memo[key])

    def finish(self, pending: Pending, state: Any) -> None:
        """Replace a pending value at the top of the stack, and in the memo, by the value built from its state."""
        self.stack[-1] = built = pending.build(self, state)
        for key in pending.memo_keys:
            if self._memo.get(key) is pending:
                self._memo[key] = built

    def token(self, module: Any, name: Any) -> Token:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise Malformed("the name of a class in it is not text")
        if len(module) + len(name) > LONGEST_TEXT:
            raise Malformed("the name of a class in it is too long")
        self.charge(VALUE + len(module) + len(name))
        full = f"{module}.{name}"
        make = self._table.get(full)
        if make is None:
            if not any(fnmatchcase(full, pattern) for pattern in self._inert):
                raise Refused(full)
            make = _make_inert(full)
        return Token(full, make)

    def call(self, token: Any, args: Any) -> Any:
        if not isinstance(token, Token) or not isinstance(args, tuple):
            raise Malformed("it calls something that is not a function")
        return token.make(self, args)

    def length(self, form: str) -> int:
        """A length that the stream declares in a format of `struct`."""
        (count,) = struct.unpack(form, self.stream.read(struct.calcsize(form)))
        if count < 0:
            raise Malformed("it declares a negative length")
        return int(count)


def _make_inert(name: str) -> Callable[[PickleMachine, tuple[Any, ...]], Any]:
    def make(machine: PickleMachine, args: tuple[Any, ...]) -> Inert:
        machine.charge(CONTAINER)
        return Inert(name, args)

    return make
