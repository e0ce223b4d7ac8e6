"""Every weights file that Kinema knows, collected from the models that declare them.

A model is a folder of `kinema.models`; its module `weights`, where it has one, holds its rows (`ENTRIES`). Other
packages add theirs by an entry point of the group `kinema.models` that names such a module. All of them are looked
for when the catalogue is first asked, and none of these modules loads a network's runtime.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from kinema.errors import UsageError, WeightsError
from kinema.weights.entry import Entry

MODELS = "kinema.models"
"""The package whose folders are models, and the group of entry points for models of other packages."""


@cache
def entries() -> tuple[Entry, ...]:
    """Every weights file: Kinema's own models by the names of their folders, then other packages' by theirs.

    Raises WeightsError where another package's rows cannot be loaded or take a name or file that is already taken.
    """
    rows: list[Entry] = []
    taken: dict[str, str] = {}
    for place, found in _declared():
        for row in found:
            for what in dict.fromkeys((row.name, row.file)):
                if what in taken:
                    raise WeightsError(
                        f"{place} declares weights called {what!r}, as {taken[what]} does; uninstall one of the two"
                    )
                taken[what] = place
            rows.append(row)
    return tuple(rows)


def _declared() -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """Each module that declares weights, and its rows."""
    for folder in sorted(each.name for each in pkgutil.iter_modules(import_module(MODELS).__path__) if each.ispkg):
        place = f"{MODELS}.{folder}.weights"
        if find_spec(place) is not None:
            yield place, tuple(import_module(place).ENTRIES)
    for name, place in sorted({(point.name, point.value) for point in entry_points(group=MODELS)}):
        try:
            found = tuple(import_module(place).ENTRIES)
        except Exception as error:  # whatever a stranger's module raises
            raise WeightsError(
                f"the weights of the model {name} cannot be listed: {place} fails with {error!r}; "
                "update or uninstall the package that it comes with"
            ) from error
        yield place, found


def find(name: str) -> Entry:
    """The entry of that name. Raises UsageError that lists the names."""
    for entry in entries():
        if entry.name == name:
            return entry
    raise UsageError(f"there are no weights called {name!r}; choose one of {', '.join(e.name for e in entries())}")


def find_group(name: str) -> tuple[Entry, ...]:
    """The entries of a group, or the one entry of that name. Raises UsageError that lists the names."""
    group = tuple(entry for entry in entries() if entry.group == name and entry.name != name)
    alone = tuple(entry for entry in entries() if entry.name == name)
    if alone or not group:
        return alone or (find(name),)
    return group
