"""Published weights as arrays by name, from any framework, without executing anything in the file.

    tensors = load_checkpoint("checkpoint_8.pth.tar")      # {"encoder.0.weight": array (512, 8), ...}

Files of torch (both formats), Lightning checkpoints, `.npz`, `.safetensors` and plain pickles of arrays;
the format is detected from the contents, not from the name.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.storage.budget import ARRAY, Budget, Malformed
from kinema.storage.safe_npz import load_npz
from kinema.storage.safe_pickle import load_pickle, reading
from kinema.storage.torch_format import INERT, LEGACY_MAGIC, read_torch_legacy, read_torch_zip
from kinema.storage.zip_archive import open_zip

if TYPE_CHECKING:
    import torch

_WEIGHT_KEYS = ("state_dict", "model_state_dict", "model_state", "model_pos", "model", "net", "network", "params")
_SAFETENSORS_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
_MAX_HEADER = 16 * 2**20


def read_checkpoint(path: str | Path) -> Any:
    """Everything in a weights file: containers as stored, tensors as arrays, unknown objects as `Inert`.

    Raises InputError if it is missing, corrupt or of an unknown format, UnsafeFileError if it references
    anything other than weights and the objects that training frameworks store with them.
    """
    path = Path(path)
    with reading(path, "a weights"), path.open("rb") as file:
        head = file.read(32)
    if head.startswith(b"PK\x03\x04"):
        with reading(path, "a weights"), open_zip(path) as archive:
            arrays = any(name.endswith(".npy") for name in archive.namelist())
        return load_npz(path) if arrays else read_torch_zip(path)
    if LEGACY_MAGIC in head:
        return read_torch_legacy(path)
    if head[8:9] == b"{" and path.suffix == ".safetensors":
        return _read_safetensors(path)
    return load_pickle(path, extra=INERT, kind="a weights")


def load_checkpoint(path: str | Path, *, key: str | None = None) -> dict[str, np.ndarray]:
    """The weights in a file: numeric arrays by name.

    key: their key in the file; by default "state_dict" or one of its common
    alternatives, else the top level. Raises InputError if there are none, and the errors of `read_checkpoint`.
    """
    path = Path(path)
    value = read_checkpoint(path)
    if key is not None:
        inside = value.get(key) if isinstance(value, dict) else None
        if inside is None:
            has = ", ".join(quoted(k, mark="") for k in list(value)[:12]) if isinstance(value, dict) else "no keys"
            raise InputError(f"{path} has no {key!r}; its keys are {has}")
        candidates = [inside]
    else:
        candidates = [value.get(k) for k in _WEIGHT_KEYS] if isinstance(value, dict) else []
        candidates.append(value)
    for candidate in candidates:
        tensors = _tensors(candidate)
        if tensors:
            return tensors
    raise InputError(f"{path} contains no weights; give a file with named arrays or tensors")


def _tensors(value: Any) -> dict[str, np.ndarray]:
    if not isinstance(value, dict):
        return {}
    return {
        name: item
        for name, item in value.items()
        if isinstance(name, str) and isinstance(item, np.ndarray) and item.dtype.kind in "biufc"
    }


def load_torch_checkpoint(path: str | Path, *, key: str | None = None) -> dict[str, torch.Tensor]:
    """`load_checkpoint` as torch tensors on the CPU, for `load_state_dict`. Needs the torch extra."""
    try:
        import torch
    except ImportError:
        raise InputError("this needs torch, which is not installed; run `pip install 'kinema[torch]'`") from None
    return {
        name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in load_checkpoint(path, key=key).items()
    }


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.safetensors` file: a JSON header with type, shape and offsets of each, then the data."""
    size = path.stat().st_size
    with reading(path, "a safetensors"), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, _MAX_HEADER):
            raise Malformed("its header is longer than the file")
        header = json.loads(file.read(length))
        arrays, budget, left = {}, Budget(size), size - 8 - length
        for name, info in header.items():
            if name != "__metadata__":
                first, last = (int(n) for n in info["data_offsets"])
                if not 0 <= first <= last <= size - 8 - length:
                    raise Malformed("a tensor in it extends beyond its data")
                left -= last - first
                if left < 0:
                    raise Malformed("its tensors share their data")
                budget.charge(ARRAY + 4 * (last - first))  # includes the copies for bfloat16
                file.seek(8 + length + first)
                arrays[name] = _safetensor(info, bytearray(file.read(last - first)))
        return arrays


def _safetensor(info: dict[str, Any], raw: bytearray) -> np.ndarray:
    kind = info["dtype"]
    if kind not in _SAFETENSORS_DTYPES:
        raise Malformed(f"it contains tensors of type {str(kind)[:20]}, which Kinema does not read")
    dtype, shape = np.dtype(_SAFETENSORS_DTYPES[kind]), tuple(int(n) for n in info["shape"])
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(raw):
        raise Malformed("a tensor in it does not fit its shape")
    array = (np.frombuffer(raw, dtype) if raw else np.empty(0, dtype)).reshape(shape)
    return (array.astype("<u4") << 16).view("<f4") if kind == "BF16" else array
