"""The operations of the pickle format, by opcode, as the table of Python's `pickletools` describes them.

Each one is a function of the machine (`pickle_machine.py`).
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.storage.budget import CONTAINER, VALUE, Malformed
from kinema.storage.pickle_objects import Inert, Pending, Refused, check_keys, fill_dict
from kinema.storage.pickle_text import binary_number, text_of, whole_number

if TYPE_CHECKING:
    from kinema.storage.pickle_machine import PickleMachine

Operation = Callable[["PickleMachine"], None]

STOP = b"."


def _reduce(machine: PickleMachine) -> None:
    args = machine.pop()
    machine.push(machine.call(machine.pop(), args))


def _newobj_ex(machine: PickleMachine) -> None:
    keywords, args = machine.pop(), machine.pop()
    value = machine.call(machine.pop(), args)
    if keywords:
        if not isinstance(value, Inert) or not isinstance(keywords, dict):
            raise Malformed("it creates an object with unexpected arguments")
        machine.charge(2 * VALUE * len(keywords))
        value.entries.extend(keywords.items())
    machine.push(value)


def _inst(machine: PickleMachine) -> None:
    read = machine.stream.readline
    token = machine.token(read().decode("ascii"), read().decode("ascii"))
    machine.push(machine.call(token, tuple(machine.pop_mark())))


def _obj(machine: PickleMachine) -> None:
    token, *args = machine.pop_mark()
    machine.push(machine.call(token, tuple(args)))


def _global(machine: PickleMachine) -> None:
    read = machine.stream.readline
    machine.push(machine.token(read().decode("utf-8"), read().decode("utf-8")))


def _stack_global(machine: PickleMachine) -> None:
    name = machine.pop()
    machine.push(machine.token(machine.pop(), name))


def _build(machine: PickleMachine) -> None:
    state = machine.pop()
    value = machine.stack[-1]
    if isinstance(value, Pending):
        machine.finish(value, state)
    elif isinstance(value, Inert):
        value.state = state
    elif not isinstance(value, dict):  # attributes set on an OrderedDict are ignored
        raise Malformed(f"it sets the state of a {type(value).__name__} in an unexpected way")


def _append(machine: PickleMachine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, Inert):
        target.elements.extend(items)
    elif isinstance(target, list):
        target.extend(items)
    else:
        raise Malformed(f"it appends to a {type(target).__name__}")


def _set_items(machine: PickleMachine, items: list[Any]) -> None:
    target, pairs = machine.stack[-1], list(zip(items[::2], items[1::2], strict=True))
    if isinstance(target, Inert):
        target.entries.extend(pairs)
    elif isinstance(target, dict):
        fill_dict(target, pairs, machine.budget)
    else:
        raise Malformed(f"it sets items of a {type(target).__name__}")


def _set_item(machine: PickleMachine) -> None:
    value = machine.pop()
    _set_items(machine, [machine.pop(), value])


def _add_items(machine: PickleMachine) -> None:
    items = machine.pop_mark()
    target = machine.stack[-1]
    if isinstance(target, Inert):
        target.elements.extend(items)
    elif isinstance(target, set):
        target.update(check_keys(items, id(target), machine.budget))
    else:
        raise Malformed(f"it adds to a {type(target).__name__}")


def _tuple(machine: PickleMachine, count: int) -> None:
    items = tuple(machine.stack[-count:])
    if len(items) != count:
        raise Malformed("it pops more values than it pushed")
    del machine.stack[-count:]
    machine.push(items)


def _pop(machine: PickleMachine) -> None:
    """Discard the top of the stack, or the last mark if nothing is above it."""
    if machine.stack:
        machine.pop()
    else:
        machine.pop_mark()


def _pop_mark(machine: PickleMachine) -> None:
    machine.pop_mark()


def _empty_set(machine: PickleMachine) -> None:
    machine.charge(CONTAINER)  # an empty set is by far the largest value created by a single byte
    machine.push(set())


def _frozenset(machine: PickleMachine) -> None:
    items = machine.pop_mark()
    machine.charge(CONTAINER)
    machine.push(frozenset(check_keys(items, machine.budget.new_owner(), machine.budget)))


def _dict(machine: PickleMachine) -> None:
    items = machine.pop_mark()
    machine.push({})
    _set_items(machine, items)


def _python2_text(machine: PickleMachine, data: bytes) -> str | bytes:
    """A Python 2 string: decoded, or kept as bytes if the encoding is "bytes"."""
    return data if machine.encoding == "bytes" else data.decode(machine.encoding)


def _string(machine: PickleMachine) -> None:
    line = machine.stream.readline()
    if len(line) < 2 or line[:1] not in b"\"'" or line[-1] != line[0]:
        raise Malformed("a string in it is not quoted")
    machine.push(_python2_text(machine, codecs.escape_decode(line[1:-1])[0]))


def _unicode(machine: PickleMachine) -> None:
    machine.push(text_of(machine.stream.readline(), machine.budget, "raw-unicode-escape"))


def _float(machine: PickleMachine) -> None:
    machine.push(float(machine.stream.readline()))


def _int(machine: PickleMachine) -> None:
    line = machine.stream.readline()
    machine.push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else whole_number(line))


def _long(machine: PickleMachine) -> None:
    machine.push(whole_number(machine.stream.readline().rstrip(b"L")))


def _persistent(machine: PickleMachine, value: Any) -> None:
    if machine.persistent is None:
        raise Malformed("it refers to objects stored outside the file")
    machine.push(machine.persistent(value))


def _extension(machine: PickleMachine) -> None:
    raise Refused("an entry of Python's extension registry")


def _out_of_band(machine: PickleMachine) -> None:
    raise Malformed("its data are stored outside the file (out-of-band buffers)")


def _protocol(machine: PickleMachine) -> None:
    version = machine.stream.read(1)[0]
    if version > 5:
        raise Malformed(f"it uses pickle protocol {version}, which is newer than Kinema supports")


def _frame(machine: PickleMachine) -> None:
    """Frames only let a reader fetch data in larger blocks; their length is checked but not used."""
    machine.length("<Q")


def _number(code: bytes, form: str) -> Operation:
    """Numbers in the format `form`: with one, those of its opcode that follow it are read, as a list has them."""
    size, record = struct.calcsize(form), np.dtype([("code", "S1"), ("number", form)])

    def numbers(machine: PickleMachine) -> None:
        machine.push(struct.unpack(form, machine.stream.read(size))[0])
        more = machine.stream.following(code, size)
        if more:
            machine.budget.values(len(more) // record.itemsize)
            machine.stack.extend(np.frombuffer(more, record)["number"].tolist())

    return numbers


def _data(form: str, convert: Callable[[PickleMachine, bytes], Any]) -> Operation:
    """Data preceded by their length in the format `form`."""
    return lambda m: m.push(convert(m, m.stream.read(m.length(form))))


def _utf8(machine: PickleMachine, raw: bytes) -> str:
    return text_of(raw, machine.budget)


def _unchanged(machine: PickleMachine, raw: bytes) -> bytes:
    return raw


def _constant(value: Any) -> Operation:
    return lambda m: m.push(value)


OPERATIONS: dict[bytes, Operation] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"(": lambda m: m.mark(),
    b"0": _pop,
    b"1": _pop_mark,
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": _constant(None),
    b"\x88": _constant(True),
    b"\x89": _constant(False),
    b")": _constant(()),
    b"I": _int,
    b"L": _long,
    b"J": _number(b"J", "<i"),
    b"K": _number(b"K", "<B"),
    b"M": _number(b"M", "<H"),
    b"\x8a": lambda m: m.push(binary_number(m.stream, m.length("<B"))),
    b"\x8b": lambda m: m.push(binary_number(m.stream, m.length("<i"))),
    b"F": _float,
    b"G": _number(b"G", ">d"),
    b"S": _string,
    b"T": _data("<i", _python2_text),
    b"U": _data("<B", _python2_text),
    b"B": _data("<I", _unchanged),
    b"C": _data("<B", _unchanged),
    b"\x8e": _data("<Q", _unchanged),
    b"\x96": _data("<Q", lambda m, raw: bytearray(raw)),
    b"V": _unicode,
    b"X": _data("<I", _utf8),
    b"\x8c": _data("<B", _utf8),
    b"\x8d": _data("<Q", _utf8),
    b"]": lambda m: m.push([]),
    b"}": lambda m: m.push({}),
    b"\x8f": _empty_set,
    b"l": lambda m: m.push(m.pop_mark()),
    b"d": _dict,
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"\x91": _frozenset,
    b"a": lambda m: _append(m, [m.pop()]),
    b"e": lambda m: _append(m, m.pop_mark()),
    b"s": _set_item,
    b"u": lambda m: _set_items(m, m.pop_mark()),
    b"\x90": _add_items,
    b"p": lambda m: m.remember(whole_number(m.stream.readline())),
    b"q": lambda m: m.remember(m.length("<B")),
    b"r": lambda m: m.remember(m.length("<I")),
    b"\x94": lambda m: m.remember(),
    b"g": lambda m: m.recall(whole_number(m.stream.readline())),
    b"h": lambda m: m.recall(m.length("<B")),
    b"j": lambda m: m.recall(m.length("<I")),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"\x81": _reduce,
    b"\x92": _newobj_ex,
    b"i": _inst,
    b"o": _obj,
    b"b": _build,
    b"P": lambda m: _persistent(m, m.stream.readline().decode("ascii")),
    b"Q": lambda m: _persistent(m, m.pop()),
    b"\x82": _extension,
    b"\x83": _extension,
    b"\x84": _extension,
    b"\x97": _out_of_band,
    b"\x98": lambda m: None,
}
"""Everything but STOP."""
