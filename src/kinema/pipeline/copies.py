"""Copies of results in one folder, `output-pkl-files/`: no result replaces that of another input or other settings.

    output-pkl-files/trial.pkl                      of a/trial.mp4
    output-pkl-files/b-trial.pkl                    of b/trial.mp4
    output-pkl-files/trial_2-8s.pkl                 of seconds 2 to 8 of it
    output-pkl-files/trial_20260131-142501.pkl      of a/trial.mp4 with other settings; named like the run's folder
    output-pkl-files/index.json                     the origin of each copy

A copy is replaced only by a result of the same input with the same settings. A file that is not in the index and has
other contents is never replaced.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kinema.errors import OutputError
from kinema.pipeline.folder import shortened
from kinema.pipeline.outputs import file_facts
from kinema.storage.atomic import atomic_path, explain_write_error, sweep, write_json
from kinema.video.frames import TimeRange

FOLDER = "output-pkl-files"
INDEX = "index.json"
_LOCK = ".index.lock"
_WAIT = 60.0
_LONGEST_INDEX = 1 << 26
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Origin:
    """The origin of a copy.

    input: absolute path, as given. source: sha256 of the input's identity. settings: sha256 of everything that
    determines the result except the input and the program. run: the folder of the run.
    """

    input: str
    source: str
    settings: str
    run: str

    def is_again(self, other: Origin) -> bool:
        """Whether this is the same work as the earlier `other`; a video may have been moved in between."""
        if (self.source, self.settings) != (other.source, other.settings):
            return False
        return self.input == other.input or not os.path.lexists(other.input)


@dataclass(frozen=True)
class Copy:
    """path: of the copy. held: the plain name if another result has it, else None."""

    path: Path
    held: str | None = None


def suffix_of(time_range: TimeRange) -> str:
    """The time range as the end of a name: "_2-8s", "_from-2s", "_to-8s"; "" for the whole clip."""
    start, end = time_range.start, time_range.end
    if start is None and end is None:
        return ""
    if start is None:
        return f"_to-{end:g}s"
    return f"_from-{start:g}s" if end is None else f"_{start:g}-{end:g}s"


def keep_copy(pkl: Path, copies: Path, stem: str, time_range: TimeRange, origin: Origin) -> Copy:
    """Copy the result to `copies` under a name of its own, atomically. Raises OutputError.

    stem: the beginning of the run folder's name.
    """
    with _locked(copies):
        sweep(copies)
        known = _read_index(copies)
        facts = file_facts(pkl)
        plain = f"{stem}{suffix_of(time_range)}.pkl"
        name = _name(copies, known, plain, origin, facts)
        target = copies / name
        if not _holds(target, facts):
            with atomic_path(target) as temporary:
                shutil.copyfile(pkl, temporary)
        entry = asdict(origin) | facts
        if known.get(name) != entry:
            write_json(copies / INDEX, {"format": 1, "copies": dict(sorted((known | {name: entry}).items()))})
    return Copy(target, None if name == plain else plain)


def _name(copies: Path, known: dict[str, dict[str, Any]], plain: str, origin: Origin, facts: dict[str, Any]) -> str:
    """The file name for this result: the one it had before, else the first free one."""
    holders = {name: _origin(entry) for name, entry in known.items()}
    before = [name for name, holder in holders.items() if holder is not None and origin.is_again(holder)]
    if before:
        return before[0]
    taken = {name.casefold(): holder for name, holder in holders.items()}
    for name in _candidates(plain, origin, taken.get(plain.casefold())):
        path = copies / name
        if not os.path.lexists(path) and name.casefold() not in taken:
            return name
        # The same result under the same name: from settings that made no difference, or from before there was an index.
        if name.casefold() not in taken and _holds(path, facts):
            return name
    raise AssertionError("the names never end")


def _candidates(plain: str, origin: Origin, holder: Origin | None) -> Iterator[str]:
    """Candidate names, plainest first. holder: the origin of the plain name's result, None if free or unknown."""
    yield plain
    stem, input = plain.removesuffix(".pkl"), Path(origin.input)
    if holder is None or holder.input != origin.input:
        if holder is not None and Path(holder.input).parent == input.parent:
            yield f"{shortened(stem + input.suffix, _LONGEST_NAME)}.pkl"
        prefixed = stem
        for parent in input.parents:
            if not parent.name:
                break
            prefixed = f"{parent.name}-{prefixed}"
            if len(os.fsencode(prefixed)) > _LONGEST_NAME:
                break
            yield f"{prefixed}.pkl"
    dated = f"{shortened(stem, _LONGEST_NAME)}_{'_'.join(Path(origin.run).name.rsplit('_', 1)[1:])}"
    yield f"{dated}.pkl"
    yield from (f"{dated}_{number}.pkl" for number in itertools.count(2))


def _holds(path: Path, facts: dict[str, Any]) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and file_facts(path) == facts
    except OSError:
        return False


def _origin(entry: dict[str, Any]) -> Origin | None:
    """The origin in an entry of the index; None if the entry is damaged."""
    values = {name: value for name, value in entry.items() if isinstance(value, str)}
    try:
        return Origin(values["input"], values["source"], values["settings"], values["run"])
    except KeyError:
        return None


def _read_index(copies: Path) -> dict[str, dict[str, Any]]:
    """The entries of existing copies, by name; none if the index is damaged in any way."""
    path = copies / INDEX
    with contextlib.suppress(Exception):
        if path.stat().st_size <= _LONGEST_INDEX:
            entries = json.loads(path.read_text(encoding="utf-8"))["copies"]
            return {name: e for name, e in entries.items() if isinstance(e, dict) and (copies / name).is_file()}
    return {}


@contextlib.contextmanager
def _locked(copies: Path) -> Iterator[None]:
    """Only one process at a time assigns names in this folder. Raises OutputError."""
    try:
        copies.mkdir(parents=True, exist_ok=True)
        lock = FileLock(copies / _LOCK)
        lock.acquire(timeout=_WAIT)
    except Timeout:
        raise OutputError(f"another process has been writing to {copies} for a minute; start again later") from None
    except NotImplementedError:  # a file system without locks
        yield
        return
    except OSError as error:
        raise explain_write_error(error, copies / INDEX) or OutputError(
            f"cannot write to {copies}: {error.strerror or error}; choose another folder with `out`"
        ) from error
    try:
        yield
    finally:
        lock.release()
