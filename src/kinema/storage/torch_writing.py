"""Writes files for `torch.load` without torch: nested dicts of float32 tensors and plain values.

The format since torch 1.6 is an uncompressed zip archive: `archive/data.pkl`, a pickle (protocol 2) in which a
tensor is a call to `torch._utils._rebuild_tensor_v2` on a numbered storage, `archive/data/<number>` with each
storage's raw data, `archive/byteorder` and `archive/version`. It uses only names that `torch.load(weights_only=True)`
allows.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.storage.atomic import atomic_path

# The C pickler looks up a class's module and would need torch for that; the Python one can be overridden.
_PythonPickler: Any = pickle._Pickler


class _Name:
    """A global of torch, by name only."""

    def __init__(self, module: str, name: str) -> None:
        self.line = f"c{module}\n{name}\n".encode()


class _Storage:
    """A reference to a tensor's data in the pickle."""

    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


class _TorchPickler(_PythonPickler):  # type: ignore[misc]  # it has no types
    """Writes float arrays as tensors and collects their data in `storages`."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2)
        self.storages: list[np.ndarray] = []

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", _Name("torch", "FloatStorage"), obj.key, "cpu", obj.count)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Name):
            self.write(obj.line)
        elif isinstance(obj, np.ndarray):
            self._save_tensor(np.ascontiguousarray(obj, dtype="<f4"))
        else:
            super().save(obj, save_persistent_id)

    def _save_tensor(self, array: np.ndarray) -> None:
        storage = _Storage(str(len(self.storages)), array.size)
        self.storages.append(array)
        strides = tuple(step // array.itemsize for step in array.strides)
        self.save(_Name("torch._utils", "_rebuild_tensor_v2"))
        self.write(pickle.MARK)
        self.save(storage)
        self.save(0)
        self.save(array.shape)
        self.save(strides)
        self.save(False)  # requires_grad
        self.save(_Name("collections", "OrderedDict"))  # its backward hooks: none
        self.write(pickle.EMPTY_TUPLE + pickle.REDUCE)
        self.write(pickle.TUPLE + pickle.REDUCE)


def write_torch(content: Mapping[str, Any], path: Path) -> None:
    """Write nested dicts, lists, numbers, text and arrays (as float32 tensors), atomically."""
    buffer = io.BytesIO()
    pickler = _TorchPickler(buffer)
    pickler.dump(dict(content))
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        archive.writestr("archive/byteorder", "little")
        for number, array in enumerate(pickler.storages):
            archive.writestr(f"archive/data/{number}", array.tobytes())
        archive.writestr("archive/version", "3\n")
