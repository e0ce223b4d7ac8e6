"""Numbers and text as pickles write them, within limits."""

from __future__ import annotations

from kinema.storage.budget import VALUE, Budget, Malformed
from kinema.storage.pickle_stream import PickleStream

_MOST_DIGITS, _MOST_NUMBER_BYTES = 4300, 1024


def whole_number(line: bytes) -> int:
    """A number written in digits, of limited length: Python's time grows quadratically with it."""
    if len(line) > _MOST_DIGITS:
        raise Malformed(f"it contains a number of {len(line)} digits")
    return int(line)


def binary_number(stream: PickleStream, length: int) -> int:
    """The number in the next `length` bytes."""
    if length > _MOST_NUMBER_BYTES:
        raise Malformed(f"it contains a number of {length} bytes")
    return int.from_bytes(stream.read(length), "little", signed=True)


def text_of(raw: bytes, budget: Budget, encoding: str = "utf-8") -> str:
    """Text with invalid Unicode (lone surrogates) replaced, so that it can be printed and written."""
    if len(raw) > VALUE:
        budget.charge(len(raw) if raw.isascii() else 4 * len(raw))
    text = raw.decode(encoding, "replace")
    return text if encoding == "utf-8" else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
