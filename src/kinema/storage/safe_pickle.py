"""Reading a user's `.pkl` without running anything from it.

    data = load_pickle("SMPL_NEUTRAL.pkl")

What may be inside: numpy arrays and scalars, Python's containers, joblib files (compressed ones too),
scipy sparse matrices, and chumpy arrays, which arrive as plain arrays; also files that Python 2 wrote.
Everything else is refused by name. `pickle_machine.py` and `pickle_objects.py` say how and within which limits.
"""

from __future__ import annotations

import codecs
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinema.errors import InputError, UnsafeFileError, UsageError
from kinema.storage.pickle_machine import PickleMachine, Refused, Table
from kinema.storage.pickle_objects import Inert
from kinema.storage.pickle_stream import Malformed, PickleStream, open_stream
from kinema.storage.pickle_values import TABLE

__all__ = ["Inert", "load_pickle", "read_pickle", "reading"]

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
)
"""What reading can raise on a file that breaks the rules of its format (RuntimeError: an encrypted zip archive)."""


def load_pickle(path: str | Path, *, encoding: str = "latin1", extra: Collection[str] = ()) -> Any:
    """The value of a pickle or joblib file, of plain types only.

    encoding: how Python 2's byte strings become text; "bytes" leaves them as bytes. extra: patterns of
    further names ("yacs.config.CfgNode", "pytorch_lightning.*") whose objects become `Inert`.
    Raises UnsafeFileError where the file names anything that is not on the list, and InputError where it
    is missing, damaged, nested or inflated beyond the limits, or not a pickle at all.
    """
    if encoding != "bytes":
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise UsageError(f"{encoding!r} is not a text encoding; use 'latin1', 'utf-8' or 'bytes'") from None
    path = Path(path)
    stream = open_stream(path)
    with stream.file, reading(path):
        value = PickleMachine(stream, TABLE, encoding=encoding, inert=tuple(extra)).run()
        stream.finish()
        return value


def read_pickle(
    path: Path,
    stream: PickleStream,
    table: Table,
    *,
    extra: Collection[str] = (),
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """The next pickle in an open stream, with a table of one's own: for formats that contain pickles.

    path is for the errors alone; they are those of `load_pickle`.
    """
    with reading(path):
        return PickleMachine(stream, table, inert=tuple(extra), persistent=persistent).run()


@contextmanager
def reading(path: Path, kind: str = "a pickle") -> Iterator[None]:
    """Turn whatever goes wrong inside the block into one sentence about the file `path`. kind: "an .npz"."""
    try:
        yield
    except Refused as error:
        name = "".join(c if c.isprintable() else "?" for c in str(error))[:120]
        raise UnsafeFileError(
            f"{path} asks for {name}, which is not on the list of harmless contents, so it was not read "
            "and nothing in it was run; use a file that holds plain arrays"
        ) from None
    except Malformed as error:
        raise InputError(f"{path} is damaged or not {kind} file: {error}; get a fresh copy of it") from None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error
    except _UNREADABLE as error:
        raise InputError(
            f"{path} is damaged or not {kind} file: its contents break the format's rules "
            f"({type(error).__name__}); get a fresh copy of it"
        ) from error
