"""Sources of videos: a path that is checked, or a pipe that is first copied to a file."""

from __future__ import annotations

import contextlib
import os
import re
import select
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kinema.errors import InputError, OutputError
from kinema.storage.atomic import explain_write_error

STDIN = "-"
"""The name of the standard input."""

LARGEST_PIPED = 8_000_000_000
"""Most bytes read from a pipe."""

STALLED_SECONDS = 60.0
"""Longest time without data from a pipe."""

_BLOCK = 1 << 20
# Without waiting for the other end to be opened, which may never happen.
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}")


@contextlib.contextmanager
def local_file(source: str | Path) -> Iterator[Path]:
    """The path of a source: its own, or that of a temporary copy of the standard input (`-`) or a pipe.

    A video is read several times, which a pipe does not allow. Raises InputError if nothing comes for a minute, or more
    than `LARGEST_PIPED`.
    """
    refuse_address(source)
    path = Path(source)
    if str(source) != STDIN and not _is_pipe(path):
        yield path
        return
    name = "the standard input" if str(source) == STDIN else str(source)
    with tempfile.TemporaryDirectory(prefix="kinema-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / ("stdin" if str(source) == STDIN else path.name)
        _copy(str(source), name, copy)
        # The same bytes are the same input, no matter when they were piped.
        os.utime(copy, (0, 0))
        try:
            yield copy
        except InputError as error:
            if str(copy) in str(error):
                raise InputError(str(error).replace(str(copy), name)) from error
            raise


def refuse_address(source: str | Path) -> None:
    """Raise InputError if the source is a URL, and not the name of a file that looks like one."""
    scheme = _URL.match(str(source))
    if scheme is None:
        return
    with contextlib.suppress(OSError, ValueError):
        if Path(source).exists():
            return
    if scheme[1].lower() == "file":
        raise InputError(f"{source} is a URL; give the path of the file without file://")
    raise InputError(
        f"{source} is an address, and Kinema reads files only; download or record the video first, then give the file"
    )


def check_readable(path: Path) -> None:
    """Raise InputError unless `path` exists, is readable and is not empty."""
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}); check the name and the permissions") from None
    if not exists:
        raise InputError(f"{path} does not exist; check the name and the folder")
    if _is_pipe(path):
        raise InputError(f"{path} is a pipe, which can be read once only; save what it gives to a file first")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder; give a video file")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} cannot be read: permission denied; change its permissions or copy it")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or record it again")


def _is_pipe(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return path.is_fifo()
    return False


def _copy(source: str, name: str, copy: Path) -> None:
    """Copy the data of a pipe, until its end. name: of the pipe, for errors."""
    try:
        descriptor = sys.stdin.fileno() if source == STDIN else os.open(source, _READ_ONLY)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{name} cannot be read ({error}); give a video file") from None
    try:
        if os.isatty(descriptor):
            raise InputError("nothing is piped into the standard input; give a video file, or pipe one in")
        size = 0
        with copy.open("wb") as file:
            for block in _blocks(descriptor, name):
                size += len(block)
                if size > LARGEST_PIPED:
                    raise InputError(
                        f"{name} gives more than {LARGEST_PIPED / 1e9:.0f} GB; save it to a file first and give that"
                    )
                file.write(block)
    except OSError as error:
        raise explain_write_error(error, copy) or OutputError(
            f"what {name} gives cannot be copied to {copy.parent} ({error.strerror}); save it to a file first"
        ) from error
    finally:
        if source != STDIN:
            os.close(descriptor)
    if size == 0:
        raise InputError(f"{name} gives nothing (0 bytes); give a video file")


def _blocks(descriptor: int, name: str) -> Iterator[bytes]:
    """The data of a descriptor, until its end. Raises InputError if nothing comes for a minute."""
    waits = stat.S_ISFIFO(os.fstat(descriptor).st_mode) and sys.platform != "win32"
    while True:
        if waits and not select.select([descriptor], [], [], STALLED_SECONDS)[0]:
            raise InputError(f"{name} gave nothing for {STALLED_SECONDS:.0f} s; save the video to a file first")
        block = os.read(descriptor, _BLOCK)
        if not block:
            return
        yield block
