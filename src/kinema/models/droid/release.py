"""Locating DROID-SLAM's checkpoint: given by the user, or in the weights hub."""

from __future__ import annotations

from pathlib import Path

from kinema.errors import WeightsError
from kinema.models.droid.facts import NAME
from kinema.weights import consent, hub
from kinema.weights.catalogue import find


def weights_file(wanted: str | None = None) -> Path:
    """The checkpoint. wanted: a path; None or "droid" for the one in the weights hub.

    Raises a WeightsError that says what to get, and from where.
    """
    entry = find(NAME)
    if consent.only_cleared():
        consent.require_cleared(entry)
    if wanted is not None and wanted != NAME:
        path = Path(wanted)
        if not path.is_file():
            raise WeightsError(f"{path} is not a file; give droid.pth of DROID-SLAM")
        return path
    if hub.status(entry).state != "missing":
        return hub.locate(NAME).path
    raise WeightsError(
        f"DROID-SLAM's weights are missing: {entry.instructions}, and name the file with `droid`, or keep it with"
        f" `kinema weights add {NAME} FILE`"
    )
