"""The lines of a BVH as any program writes them: encodings, comments, numbers with decimal commas."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import TextIO

import numpy as np

from kinema.errors import InputError
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line

_COMMENTS = ("#", "//")
_NUMBER = re.compile(r"[+-]?(\d|[.,]\d|nan|inf)", re.IGNORECASE)
_INSIDE = re.compile(r"(?<=\d),(?=\d)")
DECIMAL_COMMAS = "numbers have decimal commas"


def encoding_of(path: Path) -> str:
    """UTF-16, by its byte order mark or its zeros, else UTF-8: names in other encodings only lose some letters."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return {b"H\0": "utf-16-le", b"\0H": "utf-16-be"}.get(start, "utf-8-sig")


class Lines:
    """Lines without comments, and their numbers. notes: what was assumed."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self._file = path, file
        self.number = 0
        self.notes: dict[str, None] = {}
        self.whole = True  # whether the last line had an end
        self._again: str | None = None

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.path}, line {self.number}: {what}")

    def next(self) -> str | None:
        """The next line that is neither empty nor a comment, stripped; None after the last."""
        if self._again is not None:
            again, self._again = self._again, None
            return again
        while text := next_line(self._file, self.path, self.number + 1):
            self.number += 1
            self.whole = text.endswith("\n")
            text = text.strip().strip("\0")
            if text and not text.startswith(_COMMENTS):
                return text
        return None

    @staticmethod
    def begins_with_number(text: str) -> bool:
        """Whether a line is a row of numbers, including NaN and infinity."""
        return _NUMBER.match(text) is not None

    def back(self, text: str) -> None:
        """Push a line back, to be read again."""
        self._again = text

    def words(self) -> list[str]:
        """The words of the next line. Raises InputError after the last."""
        text = self.next()
        if text is None:
            raise InputError(f"{self.path} ends after line {self.number}; it was cut off")
        return text.split()

    def numbers(self, text: str) -> list[float]:
        """The numbers of a text. Raises InputError for anything else, and for implausibly large numbers."""
        if "," in text:
            text = self._without_commas(text)
        try:
            values = list(map(float, text.split()))
        except ValueError:
            raise self.fail("a value is not a number") from None
        if sum(map(abs, values)) <= LARGEST:  # so is each of them, and finite
            return values
        if not np.all(np.isfinite(values)):
            raise self.fail("a value is not finite")
        if max(map(abs, values)) > LARGEST:
            raise self.fail(f"a value is beyond {LARGEST:g}")
        return values

    def count(self, text: str, wanted: int) -> list[float]:
        """The given number of values. Raises InputError for more or fewer."""
        values = self.numbers(text)
        if len(values) != wanted:
            raise self.fail(f"{len(values)} values where {wanted} are needed")
        return values

    def _without_commas(self, text: str) -> str:
        """Commas within numbers are decimal points, unless there are points; others separate."""
        if "." not in text and _INSIDE.search(text):
            self.notes[DECIMAL_COMMAS] = None
            text = _INSIDE.sub(".", text)
        return text.replace(",", " ").replace(";", " ")
