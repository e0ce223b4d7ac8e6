"""Licences that require agreement: the user is asked once, and the answer is kept in the cache.

Files for non-commercial research are used only after the user has agreed to their licence. The licence, the time and
Kinema's version are recorded; nothing leaves the machine.
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
"""Shows a licence to the user and returns whether they agree to it."""


def _path() -> Path:
    return cache.cache_dir() / "licences.json"


def _recorded() -> dict[str, Any]:
    try:
        value = json.loads(_path().read_text(encoding="utf-8"))
    except Exception:  # whatever a damaged file makes of it
        return {}
    return value if isinstance(value, dict) else {}


def is_agreed(licence: Licence) -> bool:
    """Whether files under this licence may be used: it requires no agreement, or the user has agreed to it."""
    return not licence.research_only or licence.key in _recorded()


def agree(licence: Licence) -> None:
    """Record that the user agrees. Raises WeightsError if the cache cannot be written to."""
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
    """Ensure that the user has agreed to an entry's licence, asking once if possible.

    Raises WeightsError if the user does not agree or cannot be asked.
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
