"""The hash that identifies a file of the catalogue, and the check of a new file against it.

A published sha256 decides. Without one, the first file fetched is checked for its required contents, its sha256 is
recorded on this machine, and later files are compared with that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from kinema.errors import InputError, WeightsError
from kinema.weights import cache
from kinema.weights.entry import Entry
from kinema.weights.places import Download

Proof = Literal["published", "archive", "digits", "recorded", "none"]
"""What vouches for a file: its own published sha256, that of the archive it came in, the first digits of its sha256,
the one recorded here at first, or nothing yet."""

TOLD: dict[Proof, str] = {
    "published": "published",
    "archive": "published, zip",
    "digits": "first digits",
    "recorded": "recorded here",
    "none": "none yet",
}
"""In a few words."""


def expected_proof(entry: Entry) -> Proof:
    """What can vouch for an entry's file that has not been fetched yet."""
    if entry.sha256:
        return "published"
    if isinstance(entry.place, Download) and entry.place.sha256:
        return "archive"
    return "digits" if entry.digits else "none"


def proof_of(entry: Entry, path: Path) -> Proof:
    """What vouches for the entry's file in the cache."""
    expected = expected_proof(entry)
    if expected in ("published", "digits"):
        return expected
    record = cache.read_record(path)
    return "archive" if record is not None and record.proof == "archive" else "recorded"


def check_new(entry: Entry, origin: str, path: Path, sha256: str) -> None:
    """Raise WeightsError unless a fetched file is the entry's. origin: where it came from, for the message."""
    expected = entry.sha256 or entry.digits
    if not sha256.startswith(expected):
        digits = "" if entry.sha256 else " to begin with"
        raise WeightsError(
            f"{origin} is not the expected file and was refused (sha256 {sha256}, expected{digits} {expected});"
            " check where your network gets it from"
        )
    target = cache.weights_dir() / entry.file
    record = None if entry.sha256 else cache.read_record(target)
    if record is not None and record.sha256 != sha256:
        raise WeightsError(
            f"{origin} has changed since it was first fetched and was refused (sha256 {sha256}, recorded"
            f" {record.sha256}); if its authors have published another, remove {cache.record_path(target)}"
        )
    if entry.sha256 is None:
        from kinema.weights.holdings import check_holds

        try:
            check_holds(path, entry)
        except InputError as error:
            raise WeightsError(str(error).replace(str(path), origin)) from None
