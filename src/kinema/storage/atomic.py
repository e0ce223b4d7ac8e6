"""Atomic file writes: a file appears complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinema.errors import OutputError


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; move it to `path` when the block succeeds, else remove it.

    The temporary file has the same suffix, so that writers that infer the format from it choose the same one.
    Raises OutputError instead of an OSError that means a full disk or a location that is not writable.
    """
    path = Path(path)
    # Truncated so that the temporary name stays within the file system's limit even if `path` is at the limit.
    temporary = path.with_name(f".{path.stem[:40]}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened like any new file, so that it gets the default permissions (mkstemp's would be private).
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
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
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _concerns(error: OSError, path: Path) -> bool:
    """Whether `error` is about writing `path`, and not about an input that was read inside the block."""
    if not isinstance(error.filename, (str, os.PathLike)):
        return True
    failed = Path(error.filename)
    return failed.parent == path.parent or failed in path.parents or failed in path.absolute().parents


def explain_write_error(error: OSError, path: str | Path) -> OutputError | None:
    """The one-sentence error for a failed write, or None if the error is of another kind."""
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
    """Write `value` as indented JSON, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
