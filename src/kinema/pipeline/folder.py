"""A run's folder: found or created, locked by one process at a time, described by its run.json."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kinema.errors import OutputError
from kinema.formats.containers import RUN_RECORD
from kinema.pipeline.keys import digest
from kinema.storage.atomic import explain_write_error, sweep, write_json
from kinema.storage.text import json_text

RECORD = RUN_RECORD
LOCKS = ".locks"
LONGEST_NAME = 120
"""Longest part of the video's name in a folder's name, bytes: file systems allow 255 in total."""

STAGES = ".stages"
"""Folder of the stages' results in the folder of a run."""

_LONGEST_RECORD = 1 << 26
_CHECK = "check"
_RUN_NAME = re.compile(r"_\d{8}-\d{6}(-\d+)?$")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. state: the status in its run.json when it was found ("new" if just created)."""

    path: Path
    state: str
    record: dict[str, Any]


def folder_stem(video: Path) -> str:
    """The video's name (for a link, the link's) as a prefix of its runs' names."""
    name = Path(os.path.abspath(video)).name
    stem = name if video.is_dir() else Path(name).stem
    return shortened(stem, LONGEST_NAME) or "video"


def shortened(name: str, longest: int) -> str:
    """The start of a name: as many whole characters as fit into `longest` bytes."""
    name = name[:longest]
    while len(os.fsencode(name)) > longest:
        name = name[:-1]
    return name


@contextlib.contextmanager
def only_one(out: Path, key: str, name: str) -> Iterator[None]:
    """Lock the run with this key. Raises OutputError if another process holds it, or `out` cannot be written to.

    It is a lock of the operating system, released when its process ends for any reason.
    """
    path = out / LOCKS / f"{key[:24]}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(blocking=False)
    except Timeout:
        raise OutputError(
            f"the same run of {name} is already going on in another process; wait for it, or give this one other"
            " settings or another folder with `out`"
        ) from None
    except OSError as error:
        raise explain_write_error(error, path.parent) or _unusable(out, error) from error
    except NotImplementedError:  # a file system without locks, where simultaneous runs go unnoticed
        yield
        return
    try:
        yield
    finally:
        lock.release()


def find_run(out: Path, stem: str, key: str) -> RunFolder | None:
    """The newest run under `out` with this key, finished ones first; None if there is none."""
    found = []
    for folder in run_folders(out, stem):
        record = read_record(folder)
        if record.get("key") == key:
            found.append(RunFolder(folder, str(record.get("status")), record))
    done = [run for run in found if run.state == "done"]
    return next(iter(done or found), None)


def run_folders(out: Path, stem: str) -> list[Path]:
    """Folders of the runs of this video under `out`, newest first."""
    pattern = re.compile(re.escape(stem) + r"_\d{8}-\d{6}(-\d+)?")
    try:
        folders = [f for f in out.iterdir() if pattern.fullmatch(f.name) and f.is_dir()]
    except OSError:
        return []
    return sorted(folders, key=lambda f: f.name, reverse=True)


def read_record(folder: Path) -> dict[str, Any]:
    """The run.json of a folder; empty if there is none or it is damaged in any way."""
    with contextlib.suppress(Exception):  # an untrusted file: too deep, too large, not JSON
        path = folder / RECORD
        if path.stat().st_size <= _LONGEST_RECORD:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record.get(_CHECK) in (None, _check(record)):
                return dict(record)
    return {}


def new_run(out: Path, stem: str) -> RunFolder:
    """Create a folder `<out>/<stem>_<date>-<time>`. Raises OutputError."""
    name = f"{stem}_{datetime.now():%Y%m%d-%H%M%S}"
    for number in range(1, 1000):
        path = out / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if path.is_dir():
                continue
            raise OutputError(f"cannot make {path}: a file is in the way; choose another folder with `out`") from None
        except OSError as error:
            raise explain_write_error(error, path) or _unusable(out, error) from error
        return RunFolder(path, "new", {})
    raise OutputError(f"{out} holds a thousand runs of this second; choose another folder with `out`")


def write_record(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Write run.json atomically, with its own sha256. Returns the record as it will be read. Raises OutputError."""
    plain: dict[str, Any] = json.loads(json_text(record))
    plain[_CHECK] = _check(plain)
    write_json(folder / RECORD, plain)
    return plain


def _check(record: dict[str, Any]) -> str:
    """The sha256 of a record without its own."""
    return digest({name: value for name, value in record.items() if name != _CHECK})


def sweep_runs(out: Path) -> None:
    """Remove unfinished files of dead processes in the runs under `out`. Never raises."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(out)):
            if entry.is_dir(follow_symlinks=False) and _RUN_NAME.search(entry.name):
                sweep(Path(entry.path))
                sweep(Path(entry.path) / STAGES)


def _unusable(out: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write to {out}: {error.strerror or error}; choose another folder with `out`")
