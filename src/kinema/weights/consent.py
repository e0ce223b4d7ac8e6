"""Licences that require agreement, and the refusal of what is not cleared for commercial use.

Files for non-commercial research are used only after the user has agreed to their licence: they are asked once, and the
licence, the time and Kinema's version are recorded; nothing leaves the machine. To use only files cleared for
commercial use, set `KINEMA_COMMERCIAL_ONLY`, or `commercial_only` for one run.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kinema._version import __version__
from kinema.errors import WeightsError
from kinema.storage.atomic import write_json
from kinema.weights import cache
from kinema.weights.cache import is_set
from kinema.weights.entry import Entry, Licence

Ask = Callable[[Licence], bool]
"""Shows a licence to the user and returns whether they agree to it."""


_WANTED: ContextVar[bool] = ContextVar("only_cleared", default=False)


def only_cleared() -> bool:
    """Whether the user allows only files cleared for commercial use: in this block, or in every command."""
    return _WANTED.get() or is_set("KINEMA_COMMERCIAL_ONLY")


@contextlib.contextmanager
def clearing(wanted: bool) -> Iterator[None]:
    """Within the block only cleared files are located, if `wanted`."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


def require_cleared(entry: Entry) -> None:
    """Raise WeightsError, with the reason, if an entry is not cleared for commercial use."""
    if entry.licence.use == "any":
        return
    data = "" if entry.data is None else f"; trained on {entry.data.name}: {entry.data.terms}"
    _refuse(entry.name, f"{entry.licence.name}, {entry.licence.summary}{data}")


def require_cleared_file(path: str | Path, entries: Iterable[Entry]) -> None:
    """Raise WeightsError for a checkpoint or body that the user names: for the entry of `entries` with that name, else
    because its licence is unknown."""
    for entry in entries:
        if entry.file == Path(path).name:
            require_cleared(entry)
            return
    _refuse(Path(path).name, "Kinema does not know the licence of a file that you name, and published ones restrict it")


def _refuse(name: str, why: str) -> None:
    raise WeightsError(
        f"{name} is not cleared for commercial use ({why}), and nothing else is wanted (`commercial_only` or"
        " KINEMA_COMMERCIAL_ONLY); choose another, or settle its licence and leave that out"
    )


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
    if only_cleared():
        require_cleared(entry)
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
