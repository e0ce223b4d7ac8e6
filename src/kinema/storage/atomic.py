"""Atomic file writes: a file appears complete or not at all.

A temporary file is locked (`flock`) while it is written. The lock ends with its process, which distinguishes leftovers
of a killed process from files that a live one is writing, on the same machine or in another container; `sweep` removes
the leftovers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinema.errors import OutputError
from kinema.storage.text import json_text

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\..{0,40}-[0-9a-f]{12}(\.\w{1,10})?", re.DOTALL)
_OLD = 86400.0
"""Seconds after which a temporary file counts as left over on systems without locks."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; move it to `path` when the block succeeds, else remove it.

    The temporary file has the same suffix, so that writers that infer the format from it choose the same one.
    Raises OutputError instead of an OSError that means a full disk or a location that is not writable.
    """
    path = Path(path)
    temporary = path
    with contextlib.ExitStack() as lock:
        try:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = _locked_temporary(path, lock)
            except FileNotFoundError as error:  # a file system that takes no files, such as /proc
                raise OutputError(f"cannot write to {path.parent}; choose another folder with `out`") from error
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            explained = explain_write_error(error, path) if _concerns(error, path) else None
            if explained is None:
                raise
            raise explained from error
        finally:
            if temporary != path:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)


def _locked_temporary(path: Path, lock: contextlib.ExitStack) -> Path:
    """An empty file next to `path`, locked until `lock` is closed."""
    while True:
        # Truncated so that the name stays within the file system's limit even if `path` is at the limit.
        temporary = path.with_name(f".{path.stem[:40]}-{uuid.uuid4().hex[:12]}{path.suffix}")
        # Opened like any new file, so that it gets the default permissions (mkstemp's would be private).
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        if fcntl is None:  # an open file cannot be renamed there
            os.close(descriptor)
            return temporary
        lock.callback(os.close, descriptor)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary
        # Another process swept between opening and locking.


def sweep(folder: Path) -> None:
    """Remove the temporary files in `folder` whose process is gone. Never raises."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_leftover(entry.path)


def _remove_leftover(path: str) -> None:
    """Remove a temporary file, unless somebody is writing it. Raises OSError where that cannot be done."""
    if fcntl is None:
        if time.time() - os.stat(path).st_mtime > _OLD:
            os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if it is being written, or without locks
        # Under the lock, so that a writer who has opened the file but not locked it yet finds it gone once it has.
        os.unlink(path)
    finally:
        os.close(descriptor)


def _concerns(error: OSError, path: Path) -> bool:
    """Whether `error` is about writing `path`, and not about an input that was read inside the block."""
    # A copy that fails names its source, but only writing fills a disk.
    if error.errno in _FULL or not isinstance(error.filename, (str, os.PathLike)):
        return True
    failed = Path(error.filename)
    return failed.parent == path.parent or failed in path.parents or failed in path.absolute().parents


def check_place(path: str | Path) -> None:
    """Raise OutputError, before the work, if the folder in which a file will be written is none or is read-only.

    The folder need not exist; then the nearest one above it must be writable.
    """
    folder = Path(path).absolute().parent
    while not os.path.exists(folder):
        folder = folder.parent
    number = errno.ENOTDIR if not folder.is_dir() else None if os.access(folder, os.W_OK) else errno.EACCES
    if number is not None and (explained := explain_write_error(OSError(number, ""), path)) is not None:
        raise explained


def explain_write_error(error: OSError, path: str | Path) -> OutputError | None:
    """The one-sentence error for a failed write, or None for other errors."""
    folder = Path(path).parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"the disk is full: {path} could not be written; free some space and start again")
    if error.errno == errno.EFBIG:
        return OutputError(
            f"{path} exceeds the file size limit of this disk or account; choose another folder with `out`"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"cannot write to {folder}: permission denied; choose another folder with `out`")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"cannot write {path}: {folder} is not a folder; choose another one with `out`")
    if error.errno == errno.EISDIR:
        return OutputError(f"cannot write {path}: it is a folder; choose another name with `out`")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(f"cannot write {path}: the name is too long; choose a shorter one with `out`")
    return None


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically; numbers that are not finite become null."""
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(value) + "\n", encoding="utf-8")
