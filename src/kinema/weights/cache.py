"""The user's cache of weights: where it is, what is known of its files, and writing into it.

    <cache>/weights/pose_detection.tflite
    <cache>/weights/pose_detection.tflite.json     sha256, size and time of the file when it was last hashed

Hashing 10 MB at every start would be waste, so a file whose size and time of change are those of its
record is taken to have the recorded sha256; `kinema weights check` hashes everything again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kinema.errors import OutputError, WeightsError
from kinema.storage.atomic import atomic_path, write_json

_CHUNK = 2**20


def cache_dir() -> Path:
    """The folder for everything that can be fetched again: `KINEMA_CACHE`, or the platform's own place."""
    chosen = os.environ.get("KINEMA_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("kinema", appauthor=False))


def weights_dir() -> Path:
    return cache_dir() / "weights"


@dataclass(frozen=True)
class Record:
    """What was true of a file when it was hashed. source: where it came from, for people."""

    sha256: str
    size: int
    mtime_ns: int
    source: str


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in constant memory. Raises WeightsError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    return digest.hexdigest()


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> Record | None:
    """What is recorded of the file `path`; None where there is no usable record."""
    try:
        fields = json.loads(_record_path(path).read_text(encoding="utf-8"))
        return Record(str(fields["sha256"]), int(fields["size"]), int(fields["mtime_ns"]), str(fields["source"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def known_sha256(path: Path, *, full: bool = False) -> str:
    """The sha256 of a file in the cache: from its record while that fits the file, else by hashing.

    full: hash in any case. Raises WeightsError where the file cannot be read.
    """
    record = read_record(path)
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    if record and not full and (record.size, record.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
        return record.sha256
    return file_sha256(path)


def write_record(path: Path, sha256: str, source: str) -> None:
    """Record what is known of the file. A cache that cannot be written to keeps no records; that only costs time."""
    stat = path.stat()
    record = Record(sha256, stat.st_size, stat.st_mtime_ns, source)
    with contextlib.suppress(OSError, OutputError):
        write_json(_record_path(path), asdict(record))


def install(content: bytes | Path, file: str, sha256: str, origin: str) -> Path:
    """Put bytes, or a copy of a file, into the cache under the name `file`, whole or not at all, with its record.

    Returns its path. Raises WeightsError where the cache cannot be written to.
    """
    target = weights_dir() / file
    with explained():
        with atomic_path(target) as temporary:
            if isinstance(content, bytes):
                temporary.write_bytes(content)
            else:
                shutil.copyfile(content, temporary)
        write_record(target, sha256, origin)
    return target


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn a failed write into the cache into a sentence that says how to choose another place."""
    try:
        yield
    except (OSError, OutputError) as error:
        cause = error.__cause__ if isinstance(error, OutputError) else error
        folder = weights_dir()
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"the disk is full: weights could not be written to {folder}; free some space, "
                "or set KINEMA_CACHE to a folder on another disk"
            ) from error
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
        raise WeightsError(
            f"cannot write weights to {folder} ({reason}); set KINEMA_CACHE to a folder that you can write to"
        ) from error


@contextlib.contextmanager
def locked(timeout: float = 900.0) -> Iterator[None]:
    """Hold the cache for one process at a time. Raises WeightsError after `timeout` seconds of waiting."""
    from filelock import FileLock, Timeout

    path = weights_dir() / ".lock"
    with explained():
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            raise WeightsError(
                f"another Kinema has been fetching weights for {timeout / 60:.0f} minutes; "
                f"wait for it, or stop it and remove {path}"
            ) from None
        except NotImplementedError:
            raise WeightsError(
                f"the disk of {path.parent} does not support file locks; set KINEMA_CACHE to a folder on a local disk"
            ) from None
    try:
        yield
    finally:
        lock.release()
