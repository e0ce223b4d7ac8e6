"""Locating the files of NLF's release: given by the user, or in the weights hub."""

from __future__ import annotations

from pathlib import Path

from kinema.errors import WeightsError
from kinema.models.nlf.reading import DATA_FILE
from kinema.weights import consent, hub
from kinema.weights.catalogue import find

NAMES = ("nlf-l", "nlf-l-crop", "nlf-s", "nlf-s-crop")
"""In the weights hub, the best first."""


def weights_file(wanted: str | None = None) -> Path:
    """The weights. wanted: a path, one of `NAMES`, or None for the first available one.

    Raises a WeightsError that says what to get, from where and under which licence.
    """
    if consent.only_cleared():
        consent.require_cleared(find(NAMES[0]))
    if wanted is not None and wanted not in NAMES:
        path = Path(wanted)
        if not path.is_file():
            raise WeightsError(f"{path} is not a file; give weights of NLF, or one of {', '.join(NAMES)}")
        return path
    for name in (wanted,) if wanted is not None else NAMES:
        if hub.status(find(name)).state != "missing":
            return hub.locate(name).path
    entry = find(wanted or NAMES[0])
    raise WeightsError(
        f"NLF's weights are missing: {entry.instructions}, then run `kinema weights add {entry.name} FILE` or give the"
        f" file with `nlf`; they are licensed for {entry.licence.summary} ({entry.licence.url})"
    )


def data_file(weights: Path, wanted: str | None = None) -> Path | None:
    """`nlf_data_files.zip`: the one asked for, or the one beside the weights, or None. Raises WeightsError."""
    if wanted is not None:
        if not Path(wanted).is_file():
            raise WeightsError(f"{wanted} is not a file; give {DATA_FILE} of NLF's release")
        return Path(wanted)
    beside = weights.with_name(DATA_FILE)
    return beside if beside.is_file() else None
