"""Protocol buffers: written by hand after the encoding's description, read field by field, never beyond their end."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.storage.protobuf import Unreadable, fields, message, text, whole_numbers


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


contents = st.one_of(st.integers(0, 2**63 - 1), st.binary(max_size=300))


@given(st.lists(st.tuples(st.integers(1, 2**20), contents), max_size=20))
def test_what_was_written_is_read(pairs):
    data = b"".join(field(number, content) for number, content in pairs)
    read = [(number, content if isinstance(content, int) else bytes(content)) for number, content in fields(data)]
    assert read == pairs


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        length = sum(1 if isinstance(content, int) else len(content) for _, content in fields(data))
    except Unreadable:
        return
    assert length <= len(data)


@given(st.lists(st.tuples(st.integers(1, 100), contents), min_size=1, max_size=5), st.integers(1, 5))
def test_a_truncated_buffer_loses_its_last_field_or_is_refused(pairs, missing):
    data = b"".join(field(number, content) for number, content in pairs)[:-missing]
    with contextlib.suppress(Unreadable):
        assert len(list(fields(data))) < len(pairs)


def test_fixed_widths_are_skipped_over():
    data = varint(3 << 3 | 1) + bytes(8) + varint(4 << 3 | 5) + bytes(4) + field(5, 7)
    assert [(number, content if isinstance(content, int) else len(content)) for number, content in fields(data)] == [
        (3, 8), (4, 4), (5, 7),
    ]  # fmt: skip
    with pytest.raises(Unreadable):
        list(fields(varint(3 << 3 | 3)))  # groups, which nobody writes any more


def test_fields_of_the_wrong_kind_are_refused():
    with pytest.raises(Unreadable):
        message(5)
    with pytest.raises(Unreadable):
        text(memoryview(b"\xff\xfe"))
    assert text(memoryview("grüße".encode())) == "grüße"
    assert whole_numbers(3) == [3]
    assert whole_numbers(memoryview(varint(1) + varint(300) + varint(2**40))) == [1, 300, 2**40]
    with pytest.raises(Unreadable):
        whole_numbers(memoryview(b"\x80"))
