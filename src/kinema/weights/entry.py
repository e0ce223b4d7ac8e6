"""One row of the weights catalogue: what a file is, its licence, and how to get it.

A file is either fetched from where it is published (`place`) or supplied by the user (`instructions`), because its
licence does not allow redistribution. `licence.research_only` files are used only after the user has agreed to the
licence once.
"""

from __future__ import annotations

from dataclasses import dataclass

from kinema.weights.places import Place


@dataclass(frozen=True)
class Licence:
    """The terms of use of a file. key: under which consent is recorded; url: of the full text; unclear: nobody grants
    the weights in writing, though the code is free."""

    key: str
    name: str
    url: str
    summary: str
    research_only: bool = False
    unclear: bool = False

    @property
    def use(self) -> str:
        """What the file may be used for, in one word."""
        return "research" if self.research_only else "unclear" if self.unclear else "any"


@dataclass(frozen=True)
class Entry:
    """One file. name: in commands and code; group: a set that is fetched and added together.

    file: its name in the cache. sha256 and size: None if published copies differ or are not available to us; such a
    file is recognised by its content: `holds` names tensors (or, for a body model, keys) that it must contain. member:
    its path inside the archive at `place`. companions: files next to it that are copied as well, if they exist.
    """

    name: str
    group: str
    file: str
    what: str
    licence: Licence
    sha256: str | None = None
    size: int | None = None
    place: Place | None = None
    member: str = ""
    instructions: str = ""
    holds: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()


APACHE = Licence(
    key="apache-2.0",
    name="Apache-2.0",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    summary="free for any use, commercial use included",
)

OPENMMLAB = Licence(
    key="openmmlab",
    name="Apache-2.0 (code); training data unclear",
    url="https://github.com/open-mmlab/mmpose/blob/main/LICENSE",
    summary="published with Apache-2.0 code; some of the pictures that it was trained on are for academic use",
    unclear=True,
)
