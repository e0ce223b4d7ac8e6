"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinema.errors import OutputError


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it onto `path` when the block ends well, else remove it.

    The temporary file has the same suffix, so that writers which look at it choose the same format.
    Raises OutputError in place of an OSError that tells of a full disk or a folder that is not writable.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _publish(temporary, path)
    except OSError as error:
        explained = explain_write_error(error, path)
        if explained is None:
            raise
        raise explained from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path) -> None:
    """Make the data durable, give it the permissions of an ordinary new file, and rename it into place."""
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def explain_write_error(error: OSError, path: str | Path) -> OutputError | None:
    """The sentence for a failed write, or None where the error is of another kind."""
    folder = Path(path).parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"the disk is full: {path} could not be written; free some space and start again")
    if error.errno == errno.EFBIG:
        return OutputError(f"{path} is larger than this disk or account may hold; choose another folder with --out")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"cannot write to {folder}: permission denied; choose another folder with --out")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"cannot write {path}: {folder} is not a folder; choose another one with --out")
    return None


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
