"""Opening data files (.pkl, .npz, .pt) as mappings, without executing anything in them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kinema.errors import InputError
from kinema.storage.checkpoints import read_checkpoint
from kinema.storage.safe_npz import NpzArchive
from kinema.storage.safe_pickle import load_pickle
from kinema.storage.unreadable import unreadable

PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")
TORCH_SUFFIXES = (".pt", ".pth")
ARCHIVE_SUFFIXES = (".npz",)
_PICKLE = b"\x80"
"""The first byte of a pickle since protocol 2."""


@contextlib.contextmanager
def open_container(
    path: str | Path,
    parsers: Mapping[str, Callable[[Path], Mapping[Any, Any]]] = MappingProxyType({}),
    what: str = "motion file",
) -> Iterator[Mapping[Any, Any]]:
    """The file's contents as a mapping: the unpickled dict, or the arrays of an `.npz` (read on access).

    parsers: for other file formats, by suffix. what: names the kind of file in messages.
    Raises InputError (missing, unreadable, not a mapping), UnsafeFileError (would execute code).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a {what} in it")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise unreadable(path, error) from None
    if not magic:
        raise InputError(f"{path} is empty; write it again")
    if suffix in ARCHIVE_SUFFIXES:
        if magic.startswith(_PICKLE):
            raise InputError(f"{path} is a pickle, not an .npz; rename it to .pkl")
        with NpzArchive(path) as archive:
            yield archive
        return
    if suffix in PICKLE_SUFFIXES:
        content = load_pickle(path)
    elif suffix in TORCH_SUFFIXES:
        content = read_checkpoint(path)
    elif suffix in parsers:
        content = parsers[suffix](path)
    else:
        known = ", ".join((*PICKLE_SUFFIXES, *ARCHIVE_SUFFIXES, *TORCH_SUFFIXES, *parsers))
        raise InputError(f"{path} does not have the suffix of a {what}; Kinema reads {known}")
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds a {type(content).__name__}, but a {what} holds a dict")
    yield content
