"""Every weights file that Kinema knows, collected from the models that declare them.

A model is a folder of `kinema.models`; its module `weights`, if it has one, holds its rows (`ENTRIES`). Other packages
add theirs through an entry point of the group `kinema.models` that names such a module. The rows are collected on first
use, and none of these modules loads a network's runtime.
"""

from __future__ import annotations

import pkgutil
import warnings
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from kinema.errors import UsageError
from kinema.weights.entry import Entry

MODELS = "kinema.models"
"""The package whose folders are models, and the entry point group for models of other packages."""


@cache
def entries() -> tuple[Entry, ...]:
    """Every weights file: Kinema's own models in order of folder name, then those of other packages by entry point.

    A package whose rows fail to load, or collide with an existing name or file, is left out with a warning.
    """
    rows: list[Entry] = []
    for folder in sorted(each.name for each in pkgutil.iter_modules(import_module(MODELS).__path__) if each.ispkg):
        place = f"{MODELS}.{folder}.weights"
        if find_spec(place) is not None:
            rows += import_module(place).ENTRIES
    for point in sorted(set(entry_points(group=MODELS)), key=lambda point: (point.name, point.value)):
        try:
            rows += _of_another_package(point, rows)
        except Exception as error:  # a third-party module can raise anything
            warnings.warn(
                f"the weights of the model {point.name!r} ({point.value}) are left out: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
    return tuple(rows)


def _of_another_package(point: EntryPoint, rows: list[Entry]) -> tuple[Entry, ...]:
    """The rows that an entry point adds to `rows`. Raises UsageError if they collide."""
    offered = tuple(point.load().ENTRIES)
    taken = {row.name for row in rows} | {row.file for row in rows}
    for one in offered:
        if one.name in taken or one.file in taken:
            raise UsageError(f"there are already weights called {one.name!r} or a file {one.file!r}")
    return offered


def find(name: str) -> Entry:
    """The entry of that name. Raises a UsageError that lists the names like it."""
    for entry in entries():
        if entry.name == name:
            return entry
    names = [entry.name for entry in entries()]
    alike = [each for each in names if each.startswith(name)] if name else []
    alike = alike or get_close_matches(name, names, 3)
    choice = f"choose one of {', '.join(alike)}, or see" if alike else "see all of them with"
    raise UsageError(f"there are no weights called {name!r}; {choice} `kinema weights list`")


def find_group(name: str) -> tuple[Entry, ...]:
    """The entries of a group, or the one entry of that name. Raises a UsageError that lists the names like it."""
    group = tuple(entry for entry in entries() if entry.group == name and entry.name != name)
    alone = tuple(entry for entry in entries() if entry.name == name)
    if alone or not group:
        return alone or (find(name),)
    return group
