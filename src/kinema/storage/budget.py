"""What reading one file from a stranger may use: memory, values, depth and time. The limits and their refusals.

A file's readers share one `Budget`. Whatever lets a few bytes of the file ask for much (a copy, a container, a
constructor, a decompressed block) is charged to it before it is done, so the limit holds whichever way is taken.
The limits grow with the size of the file: an honest file of 2 GB is read, a bomb of 1 kB stays below 300 MB.
"""

from __future__ import annotations

import time

MAX_OBJECTS = 10_000_000
"""Values in one file."""

MAX_DEPTH = 100
"""Containers inside containers."""

LEAST = 256 * 2**20
"""Bytes that the smallest file may ask for."""

_EARLY_RATIO, _EARLY_MOST = 32, 128 * 2**20  # small files may compress well
_RATIO = 16
_SECONDS, _BYTES_PER_SECOND = 10.0, 5e6
_MAX_EQUAL_HASHES = 64

VALUE = 64
"""Bytes charged for a value: what a small one and its place in a list take on average."""

CONTAINER = 250
"""Further bytes for a container, and what the check of finished values needs for it."""

ARRAY = 500
"""Bytes for an array apart from its contents."""

LONGEST_TEXT = 2**16
"""Characters of a name, or of anything else that is looked at before it is used."""


class Malformed(ValueError):
    """The file violates its format or a limit; the message is the reason, without the file's name."""


class Budget:
    """What is left for a file of `size` bytes and for everything nested in it."""

    def __init__(self, size: int) -> None:
        self.memory = LEAST + min(_EARLY_RATIO * size, _EARLY_MOST) + _RATIO * size
        self._seconds = _SECONDS + size / _BYTES_PER_SECOND
        # Of this thread: on a busy machine a file may take longer without doing more.
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
        """Account for `count` small values, and look at the clock; a negative number gives back what was not used."""
        self._values += count
        if self._values > MAX_OBJECTS:
            raise Malformed(f"it contains more than {MAX_OBJECTS} objects, the limit")
        self.charge(VALUE * count)
        self.tick()

    @property
    def most_expanded(self) -> int:
        """How many values a walk through the file's contents may meet, shared ones each time."""
        return max(2_000_000, 4 * self._values)

    def tick(self) -> None:
        """Raise Malformed if the time is up."""
        if time.thread_time() - self._begun > self._seconds:
            raise Malformed(f"reading it takes more than {self._seconds:.0f} s, the limit for a file of its size")

    def new_owner(self) -> int:
        """An owner for `hashed` that no other container has."""
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
