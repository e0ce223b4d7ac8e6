"""Limits on reading one untrusted file: memory, values, depth and time, and the errors beyond them.

A file's readers share one `Budget`. Every operation by which a few bytes of the file can request a lot (a copy, a
container, a constructor, a decompressed block) is charged to it beforehand, so the limit holds for all of them. The
limits grow with the file size: a genuine file of 2 GB is read, a bomb of 1 kB stays below 300 MB.
"""

from __future__ import annotations

import time

MAX_OBJECTS = 10_000_000
"""Values in one file."""

MAX_DEPTH = 100
"""Greatest nesting depth of containers."""

LEAST = 256 * 2**20
"""Bytes that the smallest file may request."""

_EARLY_RATIO, _EARLY_MOST = 32, 128 * 2**20  # small files may compress well
_RATIO = 16
_SECONDS, _BYTES_PER_SECOND = 10.0, 5e6
_MAX_EQUAL_HASHES = 64

VALUE = 64
"""Bytes charged for a value: the average of a small value and its slot in a list."""

CONTAINER = 250
"""Additional bytes for a container, including the check of finished values."""

ARRAY = 500
"""Bytes for an array without its contents."""

LONGEST_TEXT = 2**16
"""Longest name, or other text that is inspected before use, in characters."""


class Malformed(ValueError):
    """The file violates its format or a limit; the message is the reason, without the file's name."""


class Budget:
    """The remaining budget of a file of `size` bytes and of everything nested in it."""

    def __init__(self, size: int) -> None:
        self.memory = LEAST + min(_EARLY_RATIO * size, _EARLY_MOST) + _RATIO * size
        self._seconds = _SECONDS + size / _BYTES_PER_SECOND
        # CPU time of this thread: on a busy machine a file may take longer without more work.
        self._begun = time.thread_time()
        self._used = 0
        self._values = 0
        self._hashes: dict[tuple[int, int], int] = {}
        self._unnamed = 0

    def charge(self, count: int) -> None:
        """Account for `count` bytes about to be allocated. Raises Malformed if they exceed the allowance."""
        self._used += count
        if self._used > self.memory:
            raise Malformed(
                f"it requests far more memory than its size justifies (more than {self.memory // 2**20} MiB)"
            )

    def values(self, count: int) -> None:
        """Account for `count` small values and check the time; a negative number returns unused ones."""
        self._values += count
        if self._values > MAX_OBJECTS:
            raise Malformed(f"it contains more than {MAX_OBJECTS} objects, the limit")
        self.charge(VALUE * count)
        self.tick()

    @property
    def most_expanded(self) -> int:
        """Number of values that a traversal of the file's contents may visit, counting shared ones each time."""
        return max(2_000_000, 4 * self._values)

    def tick(self) -> None:
        """Raise Malformed if the time is up."""
        if time.thread_time() - self._begun > self._seconds:
            raise Malformed(f"reading it takes more than {self._seconds:.0f} s, the limit for a file of its size")

    def new_owner(self) -> int:
        """An owner for `hashed` that is unique to a container."""
        self._unnamed -= 1
        return self._unnamed

    def hashed(self, owner: int, key: object) -> None:
        """Account for a key of the container `owner` (its id): the time for keys of one hash grows quadratically."""
        place = owner, hash(key)
        count = self._hashes[place] = self._hashes.get(place, 0) + 1
        if count > _MAX_EQUAL_HASHES:
            raise Malformed("too many of its keys have the same hash")
        if count == 1:
            self.charge(CONTAINER)
