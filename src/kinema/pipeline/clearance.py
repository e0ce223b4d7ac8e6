"""Refuses, under `commercial_only` and before any work, what is not cleared for commercial use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kinema.weights.catalogue import entries, find
from kinema.weights.consent import only_cleared, require_cleared, require_cleared_file


def require_all_cleared(wanted: bool, *, networks: Iterable[str] = (), files: Iterable[str | Path | None] = ()) -> None:
    """Raise WeightsError, with the reason, for the first that is not cleared, if `wanted` or required by the
    environment.

    networks: names in the weights hub; files: checkpoints and bodies that the user names, None for none.
    """
    if not (wanted or only_cleared()):
        return
    for name in networks:
        require_cleared(find(name))
    for path in files:
        if path is not None:
            require_cleared_file(path, entries())
