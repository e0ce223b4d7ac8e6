"""The user's weights cache: its location, the records of its files, and writing to it.

    <cache>/weights/pose_detection.tflite
    <cache>/weights/pose_detection.tflite.json     sha256, size and time of the file when it was last hashed

A file that is about to be used is hashed, once in a process and again if it has changed: disks flip bits, and 10 MB
take 10 ms. Only listings trust the recorded sha256 of a file whose size and modification time match its record.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kinema.errors import OutputError, WeightsError
from kinema.storage.atomic import atomic_path, write_json

CHUNK = 2**20
"""Bytes that are read at once."""


def cache_dir() -> Path:
    """The folder for everything that can be fetched again: `KINEMA_CACHE`, or the platform's cache folder."""
    chosen = os.environ.get("KINEMA_CACHE")
    if chosen:
        try:
            return Path(chosen).expanduser().absolute()
        except RuntimeError:  # ~user, for a user unknown to this system
            raise WeightsError(
                f"KINEMA_CACHE is {chosen}, but there is no such home folder; set it to a folder that you can write to"
            ) from None
    import platformdirs

    return Path(platformdirs.user_cache_dir("kinema", appauthor=False))


def is_set(variable: str) -> bool:
    """Whether an environment variable is set to anything but the empty string, 0, no or false."""
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "no", "false")


def weights_dir() -> Path:
    return cache_dir() / "weights"


@dataclass(frozen=True)
class Record:
    """The state of a file when it was hashed. source: where it came from, for display. proof: "archive" if the archive
    that it came in had the published sha256."""

    sha256: str
    size: int
    mtime_ns: int
    source: str
    proof: str = ""


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in constant memory. Raises WeightsError if it cannot be read."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """The contents of a file, in chunks. Raises WeightsError if it cannot be read."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None


def record_path(path: Path) -> Path:
    """The path of a file's record."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> Record | None:
    """The record of the file `path`; None if there is no usable one."""
    try:
        fields = json.loads(record_path(path).read_text(encoding="utf-8"))
        return Record(
            str(fields["sha256"]), int(fields["size"]), int(fields["mtime_ns"]), str(fields["source"]),
            str(fields.get("proof", "")),
        )  # fmt: skip
    except Exception:  # a damaged file can raise anything
        return None


_HASHED: dict[tuple[str, int, int, int, int], str] = {}
"""sha256 of the files that this process has hashed, by path, inode, size and times."""


def hashed(path: Path) -> str:
    """The sha256 of a file by its contents, hashed again unless this process has done so and it is unchanged since.

    Raises WeightsError if it cannot be read.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    state = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if state not in _HASHED:
        _HASHED[state] = file_sha256(path)
    return _HASHED[state]


def known_sha256(path: Path, *, full: bool = False) -> str:
    """The sha256 of a file in the cache: from its record while that matches the file, else by hashing.

    full: always by its contents. Raises WeightsError if the file cannot be read.
    """
    record = read_record(path)
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None
    if record and not full and (record.size, record.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
        return record.sha256
    return hashed(path)


def write_record(path: Path, sha256: str, source: str, proof: str = "") -> None:
    """Write the file's record. A read-only cache keeps no records, which only costs time."""
    stat = path.stat()
    record = Record(sha256, stat.st_size, stat.st_mtime_ns, source, proof)
    with contextlib.suppress(OSError, OutputError):
        write_json(record_path(path), asdict(record))


def install(
    chunks: Iterable[bytes], file: str, origin: str, *, accept: Callable[[Path, str], None] | None = None,
    proof: str = "",
) -> Path:  # fmt: skip
    """Store the contents that `chunks` yields in the cache under the name `file`, atomically, with its record. Returns
    its path.

    accept: called with the complete file and its sha256 before it is moved into place; an exception from it refuses the
    file. Raises WeightsError if the cache cannot be written to.
    """
    target, digest = weights_dir() / file, hashlib.sha256()
    with explained():
        with atomic_path(target) as temporary:
            with temporary.open("wb") as written:
                for chunk in chunks:
                    digest.update(chunk)
                    written.write(chunk)
            if accept is not None:
                accept(temporary, digest.hexdigest())
        write_record(target, digest.hexdigest(), origin, proof)
    return target


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn a failed write to the cache into a WeightsError that says how to choose another folder."""
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
    """Lock the cache for this process. Raises WeightsError after waiting `timeout` seconds."""
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
