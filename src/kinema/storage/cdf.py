"""Variables of files in NASA's Common Data Format, in which Human3.6M is distributed. Needs cdflib, from the extra
`datasets`.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, UsageError, quoted
from kinema.storage.budget import Budget, Malformed

_MAGIC = (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff")
_PLAIN = b"\x00\x00\xff\xff"  # otherwise the file is compressed as a whole
_CONTENT = {b"\xcd\xf3\x00\x01": 8 + 32, b"\xcd\xf2\x60\x02": 8 + 20}
"""Offsets of the compressed contents, in version 3 and 2.6."""

_MOST_READS = 20_000
"""Most records read from one file; Human3.6M's have about fifty."""


class _Counted:
    """A file object that stops reading when records refer to each other in a cycle."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, _MOST_READS

    def read(self, *count: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise Malformed("its records refer to each other in a cycle")
        return bytes(self._file.read(*count))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def load_cdf(path: Path, name: str) -> np.ndarray:
    """The numbers of one variable. Raises InputError for a missing file or variable and for damaged or absurdly large
    contents; UsageError without cdflib.
    """
    try:
        import cdflib
    except ImportError:
        raise UsageError(f"{path.name} needs cdflib, which is missing; run `pip install 'kinema[datasets]'`") from None
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    try:
        budget = Budget(path.stat().st_size)
        _check_compression(path, budget)
        with cdflib.CDF(path) as file:
            file._f = _Counted(file._f)
            known = file.cdf_info()
            variables = [*known.rVariables, *known.zVariables]
            if name not in variables:
                has = ", ".join(quoted(each, 30, mark="") for each in variables[:8])
                raise InputError(f"{path} has no variable {quoted(name)}; it has {has or 'none'}")
            about = file.varinq(name)
            sides = [about.Last_Rec + 1, about.Num_Elements, *about.Dim_Sizes]
            budget.charge(16 * math.prod(max(1, abs(int(side))) for side in sides))
            return np.asarray(file.varget(name))
    except InputError:
        raise
    except Malformed as error:
        raise InputError(f"{path} is corrupt: {error}; get a fresh copy of it") from None
    except Exception as error:  # cdflib has no common error for damaged files
        raise InputError(f"{path} is corrupt or not a CDF file; get a fresh copy") from error


def _check_compression(path: Path, budget: Budget) -> None:
    """Raise Malformed for another format, and for a file compressed as a whole that would exhaust memory."""
    data = path.read_bytes()
    if data[:4] not in _MAGIC or len(data) < 16:
        raise Malformed("it does not begin as a CDF file does")
    if data[4:8] == _PLAIN:
        return
    inflate = zlib.decompressobj(wbits=47)
    rest = data[_CONTENT.get(data[:4], len(data)) :]
    try:
        while rest and not inflate.eof:
            budget.charge(len(inflate.decompress(rest, 2**20)))
            rest = inflate.unconsumed_tail
    except (zlib.error, struct.error) as error:
        raise Malformed(f"its compressed contents are damaged ({error})") from None
