"""A glTF 2.0 asset as a GLB file: a JSON header and one block of numbers.

Both are simple enough to be written here, array by array, so that an hour of motion takes no more memory than one of
its arrays; glTF libraries build the whole file in memory.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from kinema._version import __version__
from kinema.errors import UsageError

FLOAT, UBYTE, USHORT, UINT = 5126, 5121, 5123, 5125
VERTICES, INDICES = 34962, 34963
_SIZES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MAX_SIZE = 2**32 - 1


def require_size(total: float) -> None:
    """Raise a UsageError if a file of this many bytes cannot be a GLB."""
    if total > _MAX_SIZE:
        raise UsageError("a GLB file cannot be larger than 4 GB; export a shorter time range or one person")


@dataclass
class Asset:
    """A glTF file under construction: its JSON, and functions that compute its numbers when they are written."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    meshes: list[dict[str, Any]] = field(default_factory=list)
    skins: list[dict[str, Any]] = field(default_factory=list)
    cameras: list[dict[str, Any]] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)
    samplers: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    sources: list[Callable[[], np.ndarray]] = field(default_factory=list)
    length: int = 0

    def node(self, **entry: Any) -> int:
        self.nodes.append(entry)
        return len(self.nodes) - 1

    def numbers(
        self,
        count: int,
        kind: str,
        source: Callable[[], np.ndarray],
        *,
        component: int = FLOAT,
        target: int | None = None,
        bounds: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> int:
        """An accessor of `count` values of a kind ("VEC3"), whose array `source` computes when it is written."""
        size = {FLOAT: 4, UINT: 4, USHORT: 2, UBYTE: 1}[component] * _SIZES[kind] * count
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": size}
        if target is not None:
            view["target"] = target
        accessor: dict[str, Any] = {
            "bufferView": len(self.views), "componentType": component, "count": count, "type": kind
        }  # fmt: skip
        if bounds is not None:
            accessor["min"], accessor["max"] = ([float(v) for v in side] for side in bounds)
        self.views.append(view)
        self.accessors.append(accessor)
        self.sources.append(source)
        self.length += size + -size % 4
        return len(self.accessors) - 1

    def animate(self, node: int, path: str, times: int, values: int, interpolation: str = "LINEAR") -> None:
        self.channels.append({"sampler": len(self.samplers), "target": {"node": node, "path": path}})
        self.samplers.append({"input": times, "output": values, "interpolation": interpolation})

    def document(self) -> dict[str, Any]:
        # glTF does not allow empty lists.
        lists = {"meshes": self.meshes, "skins": self.skins, "cameras": self.cameras}
        if self.channels:
            lists["animations"] = [{"name": "motion", "channels": self.channels, "samplers": self.samplers}]
        grey = {"baseColorFactor": [0.5, 0.5, 0.5, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
        return {
            "asset": {"version": "2.0", "generator": f"Kinema {__version__}"},
            "scene": 0,
            "scenes": [{"nodes": self.roots}],
            "nodes": self.nodes,
            **{name: entries for name, entries in lists.items() if entries},
            "materials": [{"name": "grey", "pbrMetallicRoughness": grey}],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self.length}],
        }

    def write(self, file: BinaryIO) -> None:
        text = json.dumps(self.document(), separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self.length
        require_size(total)
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", self.length, b"BIN\0"))
        for source in self.sources:
            data = np.ascontiguousarray(source()).tobytes()
            file.write(data + b"\0" * (-len(data) % 4))
