"""An interpreter for the pickle format that never calls anything named in a file.

Python's own unpickler imports and calls whatever the file names. This one keeps a name as an inert token;
calls on it are looked up in a table of Kinema's functions (`pickle_values.py`),
which check their arguments and build plain values. A name that is not in the table is refused.

The format is described by the opcode table of Python's `pickletools`. Work and memory are bounded by the
file's budget (`budget.py`): opcodes are counted, declared lengths are checked against the remaining data, and what a
file can ask for with a few bytes is charged.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from kinema.storage.budget import CONTAINER, LONGEST_TEXT, VALUE, Malformed
from kinema.storage.pickle_objects import Inert, Pending, Token, check_keys, check_tree, fill_dict
from kinema.storage.pickle_stream import PickleStream
from kinema.storage.pickle_text import binary_number, text_of, whole_number

MAX_NESTED_FILES = 10
_BLOCK = 256
"""Opcodes that are accounted for at once."""


class Refused(Exception):
    """The file references a name that is not on the allow-list; the message is that name."""


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
        self.stream = stream
        self.encoding = encoding
        self._table = table
        self._inert = inert
        self._persistent = persistent
        self._level: int = 0 if parent is None else parent._level + 1
        self.budget = stream.budget
        # Arrays of objects by id, with the number of such arrays inside one another.
        self.heights: dict[int, tuple[Any, int]] = {} if parent is None else parent.heights
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        read, operations = self.stream.file.read, _OPERATIONS
        while True:
            self.budget.values(_BLOCK)
            for done in range(_BLOCK):
                code = read(1)
                if code == b".":
                    self.budget.values(done + 1 - _BLOCK)
                    value = self._stack.pop()
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

    # Helpers shared by several opcodes.

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def _token(self, module: Any, name: Any) -> Token:
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

    def _call(self, token: Any, args: Any) -> Any:
        if not isinstance(token, Token) or not isinstance(args, tuple):
            raise Malformed("it calls something that is not a function")
        return token.make(self, args)

    def _text(self, data: bytes) -> str | bytes:
        """A Python 2 string: decoded, or kept as bytes if the encoding is "bytes"."""
        return data if self.encoding == "bytes" else data.decode(self.encoding)

    def _remember(self, key: int) -> None:
        value = self._stack[-1]
        self._memo[key] = value
        if isinstance(value, Pending):
            value.memo_keys.append(key)

    def _recall(self, key: int) -> None:
        self._push(self._memo[key])

    def _length(self, form: str) -> int:
        (count,) = struct.unpack(form, self.stream.read(struct.calcsize(form)))
        if count < 0:
            raise Malformed("it declares a negative length")
        return int(count)

    # One method per opcode that needs more than one line.

    def _reduce(self) -> None:
        args = self._pop()
        self._push(self._call(self._pop(), args))

    def _newobj_ex(self) -> None:
        keywords, args = self._pop(), self._pop()
        value = self._call(self._pop(), args)
        if keywords:
            if not isinstance(value, Inert) or not isinstance(keywords, dict):
                raise Malformed("it creates an object with unexpected arguments")
            self.charge(2 * VALUE * len(keywords))
            value.entries.extend(keywords.items())
        self._push(value)

    def _inst(self) -> None:
        token = self._token(self.stream.readline().decode("ascii"), self.stream.readline().decode("ascii"))
        self._push(self._call(token, tuple(self._pop_mark())))

    def _obj(self) -> None:
        token, *args = self._pop_mark()
        self._push(self._call(token, tuple(args)))

    def _global(self) -> None:
        self._push(self._token(self.stream.readline().decode("utf-8"), self.stream.readline().decode("utf-8")))

    def _stack_global(self) -> None:
        name = self._pop()
        self._push(self._token(self._pop(), name))

    def _build(self) -> None:
        state = self._pop()
        value = self._stack[-1]
        if isinstance(value, Pending):
            self._stack[-1] = built = value.build(self, state)
            for key in value.memo_keys:
                if self._memo.get(key) is value:
                    self._memo[key] = built
        elif isinstance(value, Inert):
            value.state = state
        elif not isinstance(value, dict):  # attributes set on an OrderedDict are ignored
            raise Malformed(f"it sets the state of a {type(value).__name__} in an unexpected way")

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Inert):
            target.elements.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise Malformed(f"it appends to a {type(target).__name__}")

    def _set_items(self, items: list[Any]) -> None:
        target, pairs = self._stack[-1], list(zip(items[::2], items[1::2], strict=True))
        if isinstance(target, Inert):
            target.entries.extend(pairs)
        elif isinstance(target, dict):
            fill_dict(target, pairs, self.budget)
        else:
            raise Malformed(f"it sets items of a {type(target).__name__}")

    def _set_one(self) -> None:
        value = self._pop()
        self._set_items([self._pop(), value])

    def _add_items(self) -> None:
        items = self._pop_mark()
        target = self._stack[-1]
        if isinstance(target, Inert):
            target.elements.extend(items)
        elif isinstance(target, set):
            target.update(check_keys(items, id(target), self.budget))
        else:
            raise Malformed(f"it adds to a {type(target).__name__}")

    def _tuple(self, count: int) -> None:
        items = tuple(self._stack[-count:])
        if len(items) != count:
            raise Malformed("it pops more values than it pushed")
        del self._stack[-count:]
        self._push(items)

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _pop_any(self) -> None:
        if self._stack:
            self._pop()
        else:
            self._pop_mark()

    def _new_set(self) -> None:
        self.charge(CONTAINER)  # an empty set is by far the largest value created by a single byte
        self._push(set())

    def _frozenset(self) -> None:
        items = self._pop_mark()
        self.charge(CONTAINER)
        self._push(frozenset(check_keys(items, self.budget.new_owner(), self.budget)))

    def _dict(self) -> None:
        items = self._pop_mark()
        self._push({})
        self._set_items(items)

    def _string(self) -> None:
        line = self.stream.readline()
        if len(line) < 2 or line[:1] not in b"\"'" or line[-1] != line[0]:
            raise Malformed("a string in it is not quoted")
        self._push(self._text(codecs.escape_decode(line[1:-1])[0]))

    def _int(self) -> None:
        line = self.stream.readline()
        self._push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else whole_number(line))

    def _long(self) -> None:
        self._push(whole_number(self.stream.readline().rstrip(b"L")))

    def _binary_long(self, form: str) -> None:
        self._push(binary_number(self.stream, self._length(form)))

    def _persid(self, value: Any) -> None:
        if self._persistent is None:
            raise Malformed("it refers to objects stored outside the file")
        self._push(self._persistent(value))

    def _extension(self) -> None:
        raise Refused("an entry of Python's extension registry")

    def _out_of_band(self) -> None:
        raise Malformed("its data are stored outside the file (out-of-band buffers)")


def _make_inert(name: str) -> Callable[[PickleMachine, tuple[Any, ...]], Any]:
    def make(machine: PickleMachine, args: tuple[Any, ...]) -> Inert:
        machine.charge(CONTAINER)
        return Inert(name, args)

    return make


def _operations() -> dict[bytes, Callable[[PickleMachine], None]]:
    m = PickleMachine

    def number(form: str) -> Callable[[PickleMachine], None]:
        size = struct.calcsize(form)
        return lambda s: s._push(struct.unpack(form, s.stream.read(size))[0])

    def data(form: str, convert: Callable[[PickleMachine, bytes], Any]) -> Callable[[PickleMachine], None]:
        return lambda s: s._push(convert(s, s.stream.read(s._length(form))))

    def unicode(s: PickleMachine, raw: bytes) -> str:
        return text_of(raw, s.budget)

    def constant(value: Any) -> Callable[[PickleMachine], None]:
        return lambda s: s._push(value)

    return {
        b"\x80": lambda s: _check_protocol(s.stream.read(1)[0]),
        b"\x95": lambda s: _check_frame(s._length("<Q")),
        b"(": m._mark,
        b"0": m._pop_any,
        b"1": lambda s: _discard(s._pop_mark()),
        b"2": lambda s: s._push(s._stack[-1]),
        b"N": constant(None),
        b"\x88": constant(True),
        b"\x89": constant(False),
        b")": constant(()),
        b"I": m._int,
        b"L": m._long,
        b"J": number("<i"),
        b"K": number("<B"),
        b"M": number("<H"),
        b"\x8a": lambda s: s._binary_long("<B"),
        b"\x8b": lambda s: s._binary_long("<i"),
        b"F": lambda s: s._push(float(s.stream.readline())),
        b"G": number(">d"),
        b"S": m._string,
        b"T": data("<i", m._text),
        b"U": data("<B", m._text),
        b"B": data("<I", lambda s, raw: raw),
        b"C": data("<B", lambda s, raw: raw),
        b"\x8e": data("<Q", lambda s, raw: raw),
        b"\x96": data("<Q", lambda s, raw: bytearray(raw)),
        b"V": lambda s: s._push(text_of(s.stream.readline(), s.budget, "raw-unicode-escape")),
        b"X": data("<I", unicode),
        b"\x8c": data("<B", unicode),
        b"\x8d": data("<Q", unicode),
        b"]": lambda s: s._push([]),
        b"}": lambda s: s._push({}),
        b"\x8f": m._new_set,
        b"l": lambda s: s._push(s._pop_mark()),
        b"d": m._dict,
        b"t": lambda s: s._push(tuple(s._pop_mark())),
        b"\x85": lambda s: s._tuple(1),
        b"\x86": lambda s: s._tuple(2),
        b"\x87": lambda s: s._tuple(3),
        b"\x91": m._frozenset,
        b"a": lambda s: s._append([s._pop()]),
        b"e": lambda s: s._append(s._pop_mark()),
        b"s": m._set_one,
        b"u": lambda s: s._set_items(s._pop_mark()),
        b"\x90": m._add_items,
        b"p": lambda s: s._remember(whole_number(s.stream.readline())),
        b"q": lambda s: s._remember(s._length("<B")),
        b"r": lambda s: s._remember(s._length("<I")),
        b"\x94": lambda s: s._remember(len(s._memo)),
        b"g": lambda s: s._recall(whole_number(s.stream.readline())),
        b"h": lambda s: s._recall(s._length("<B")),
        b"j": lambda s: s._recall(s._length("<I")),
        b"c": m._global,
        b"\x93": m._stack_global,
        b"R": m._reduce,
        b"\x81": m._reduce,
        b"\x92": m._newobj_ex,
        b"i": m._inst,
        b"o": m._obj,
        b"b": m._build,
        b"P": lambda s: s._persid(s.stream.readline().decode("ascii")),
        b"Q": lambda s: s._persid(s._pop()),
        b"\x82": m._extension,
        b"\x83": m._extension,
        b"\x84": m._extension,
        b"\x97": m._out_of_band,
        b"\x98": lambda s: None,
    }


def _check_protocol(version: int) -> None:
    if version > 5:
        raise Malformed(f"it uses pickle protocol {version}, which is newer than Kinema supports")


def _check_frame(length: int) -> None:
    """Frames only let a reader fetch data in larger blocks; their length is not needed here."""


def _discard(items: list[Any]) -> None:
    """POP_MARK discards the items."""


_OPERATIONS = _operations()
