"""Licences that ask for agreement: asked once, remembered in the cache.

Files for non-commercial research are used only after their licence was agreed to here. What is recorded
is the licence, the day and Kinema's version; nothing leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kinema._version import __version__
from kinema.errors import WeightsError
from kinema.storage.atomic import write_json
from kinema.weights import cache
from kinema.weights.entry import Entry, Licence

Ask = Callable[[Licence], bool]
"""Shows a licence to the user and returns whether they agree."""


def _path() -> Path:
    return cache.cache_dir() / "licences.json"


def _recorded() -> dict[str, Any]:
    try:
        value = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def is_agreed(licence: Licence) -> bool:
    """Whether files under this licence may be used: it asks for nothing, or the user has agreed to it."""
    return not licence.research_only or licence.key in _recorded()


def agree(licence: Licence) -> None:
    """Record that the user agrees. Raises WeightsError where the cache cannot be written to."""
    agreed = {
        **_recorded(),
        licence.key: {
            "name": licence.name,
            "url": licence.url,
            "agreed": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "kinema": __version__,
        },
    }
    with cache.explained():
        write_json(_path(), agreed)


def require(entry: Entry, ask: Ask | None = None) -> None:
    """Make sure that the licence of an entry is agreed to, asking once where that is possible.

    Raises WeightsError where the user does not agree or cannot be asked.
    """
    if is_agreed(entry.licence):
        return
    if ask is None:
        raise WeightsError(
            f"{entry.name} is licensed for {entry.licence.summary} ({entry.licence.url}); "
            f"run `kinema weights get {entry.name}` once to read and accept that"
        )
    if not ask(entry.licence):
        raise WeightsError(
            f"{entry.name} is not used without agreement to its licence ({entry.licence.url}); "
            "the default estimator needs no such file"
        )
    agree(entry.licence)
