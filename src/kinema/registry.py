"""Interchangeable implementations by name: formats, refiners, estimators, keypoint sources, trackers, stages.

    FORMATS = Registry("motion format", group="kinema.formats", rows=(...))
    FORMATS.find("bvh")

Rows come from three places: the package that owns the registry; `register`, for programs; and entry points of the
registry's group, for installed packages, whose formats or estimators are then used like the built-in ones:

    [project.entry-points."kinema.refiners"]
    mine = "my_package.refining:REFINER"

A row is any value with a `name`. Listing built-in rows imports nothing; entry points are loaded only for a full listing
or for a name that is not built in.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from kinema.errors import UsageError


class Named(Protocol):
    """What every row must have."""

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named)


class Registry(Generic[Row]):
    """The rows of one kind, in the order they were added. kind: its name in messages; group: of the entry points."""

    def __init__(
        self, kind: str, *, group: str, rows: Iterable[Row] = (), aliases: Mapping[str, str] | None = None
    ) -> None:
        """rows: the built-in ones, kept as `built_in`. aliases: alternative name -> name."""
        self.kind, self.group = kind, group
        self.built_in = tuple(rows)
        self._rows: dict[str, Row] = {row.name: row for row in self.built_in}
        self.aliases = dict(aliases or {})
        self._asked = False

    def register(self, row: Row) -> Row:
        """Add a row and return it. Raises UsageError if its name is taken."""
        if self._rows.get(row.name, row) is not row or row.name in self.aliases:
            raise UsageError(f"there is already a {self.kind} called {row.name!r}; choose another name")
        self._rows[row.name] = row
        return row

    def unregister(self, name: str) -> None:
        """Remove a row that `register` added."""
        self._rows.pop(name, None)

    def find(self, name: str) -> Row:
        """The row called `name`. Raises a UsageError that lists the known names."""
        name = self.aliases.get(name, name)
        if name not in self._rows:
            self._ask()
        if name not in self._rows:
            from difflib import get_close_matches

            near = "".join(f" (did you mean {each}?)" for each in get_close_matches(name, self._rows, 1))
            raise UsageError(f"unknown {self.kind} {name!r}{near}; known: {', '.join(self._rows)}")
        return self._rows[name]

    def rows(self) -> tuple[Row, ...]:
        """All rows, those of installed packages last."""
        self._ask()
        return tuple(self._rows.values())

    def names(self) -> tuple[str, ...]:
        """The name of every row."""
        return tuple(row.name for row in self.rows())

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows())

    def _ask(self) -> None:
        """Add the rows that installed packages offer; one that fails to load gives a warning."""
        if self._asked:
            return
        self._asked = True
        for point in _offered().select(group=self.group):
            try:
                self.register(point.load())
            except Exception as error:  # whatever a stranger's module raises
                warnings.warn(
                    f"the {self.kind} {point.name!r} of an installed package cannot be used: {error}", stacklevel=4
                )


@cache
def _offered() -> Any:  # another type in Python 3.10
    """The entry points of all installed packages, whose files are read once for all registries."""
    from importlib.metadata import entry_points

    return entry_points()


def resolve(place: str) -> Any:
    """The object at "module:name", imported now. Rows refer to code this way, so that it is loaded only when used."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
