"""Reads a user's `.pkl` without executing anything in it.

    data = load_pickle("SMPL_NEUTRAL.pkl")

Supported contents: numpy arrays and scalars, Python's containers, joblib files (compressed ones too),
scipy sparse matrices, and chumpy arrays, which become plain arrays; also files written by Python 2.
Everything else is refused by name. `pickle_machine.py` and `pickle_objects.py` describe how, and the limits.
"""

from __future__ import annotations

import codecs
import lzma
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UnsafeFileError, UsageError, quoted
from kinema.storage.budget import Malformed
from kinema.storage.pickle_machine import PickleMachine
from kinema.storage.pickle_objects import Inert, Refused
from kinema.storage.pickle_stream import open_stream
from kinema.storage.pickle_values import TABLE
from kinema.storage.unreadable import unreadable

__all__ = ["Inert", "load_pickle", "reading"]

_UNREADABLE = (
    Malformed,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    lzma.LZMAError,
)
"""Exceptions that reading can raise on a file that violates its format (RuntimeError: an encrypted zip archive)."""


def load_pickle(
    path: str | Path, *, encoding: str = "latin1", extra: Collection[str] = (), kind: str = "a pickle"
) -> Any:
    """The value of a pickle or joblib file, plain types only.

    encoding: how Python 2's byte strings are decoded; "bytes" leaves them as bytes. extra: patterns of
    further names ("yacs.config.CfgNode", "pytorch_lightning.*") whose objects become `Inert`. kind: what an error says
    that the file is not.
    Raises UnsafeFileError if the file references anything that is not on the allow-list, and InputError if it
    is missing, corrupt, nested or inflated beyond the limits, or not a pickle at all.
    """
    if encoding != "bytes":
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise UsageError(f"{encoding!r} is not a text encoding; use 'latin1', 'utf-8' or 'bytes'") from None
    path = Path(path)
    stream = open_stream(path)
    with stream.file, reading(path, kind):
        value = PickleMachine(stream, TABLE, encoding=encoding, inert=tuple(extra)).run()
        stream.finish()
        return value


@contextmanager
def reading(path: Path, kind: str = "a pickle") -> Iterator[None]:
    """Turn exceptions inside the block into a one-sentence error about the file `path`. kind: "an .npz"."""
    try:
        yield
    except Refused as error:
        name = quoted(str(error), 120, mark="")
        raise UnsafeFileError(
            f"{path} references {name}, which is not on the allow-list, so it was not read "
            "and nothing in it was executed; use a file that contains plain arrays"
        ) from None
    except Malformed as error:
        raise InputError(f"{path} is corrupt or not {kind} file: {error}; get a fresh copy of it") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except _UNREADABLE as error:
        raise InputError(
            f"{path} is corrupt or not {kind} file: its contents violate the format; get a fresh copy of it"
        ) from error
