"""Reads `torch.save` files without torch and without executing anything in them.

There are two formats. Since torch 1.6: a zip archive with a pickle `*/data.pkl` and one raw file `*/data/KEY` per
storage. Before that: one stream with three small pickles, the main pickle, the list of storage keys, and the
storages themselves. In both, the pickle refers to storages by "persistent ids", and tensors are calls to
`torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`.

A TorchScript program is a zip archive of the same kind, whose pickle holds the program's modules; its tensors are read
(`torch_program.py`), its code is not.

Tensors become numpy arrays: bfloat16 as float32, GPU storages like any other. Objects of
training frameworks become `Inert`; every other name is refused.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kinema.storage.budget import ARRAY, VALUE, Budget, Malformed
from kinema.storage.pickle_machine import PickleMachine
from kinema.storage.pickle_objects import Inert, Token
from kinema.storage.pickle_stream import PickleStream, open_stream
from kinema.storage.pickle_values import TABLE, Make, only_named
from kinema.storage.safe_pickle import reading
from kinema.storage.torch_program import PROGRAM, program_tensors
from kinema.storage.zip_archive import open_zip

LEGACY_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""Contents of the old format's first pickle, after its header: one ten-byte integer."""

INERT = (
    "yacs.*",
    "pytorch_lightning.*",
    "lightning.*",
    "lightning_fabric.*",
    "lightning_utilities.*",
    "omegaconf.*",
    "argparse.Namespace",
    "types.SimpleNamespace",
    "easydict.*",
    "addict.*",
    "mmcv.*",
    "mmengine.*",
    "pathlib.*",
    "datetime.*",
    "typing.*",
    "collections.Counter",
    "collections.deque",
    "numpy.random.*",
    "torch.nn.modules.*",
    "torch.optim.*",
    "pare.*",
)
"""Classes of objects that published checkpoints contain in addition to the weights."""

_BFLOAT16 = "bfloat16"
_DTYPES = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": _BFLOAT16,
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
    "ComplexFloat": "<c8",
    "ComplexDouble": "<c16",
}
_TORCH_DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": _BFLOAT16,
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "i1",
    "uint8": "u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "?",
    "complex64": "<c8",
    "complex128": "<c16",
}


class _Storage:
    """Raw memory and its element type; `data` is None in the first pass, which only collects the storages."""

    def __init__(self, data: np.ndarray | None, dtype: str) -> None:
        self.data = data  # (bytes,) uint8
        self.dtype = dtype


def read_torch_zip(path: Path) -> Any:
    """The contents of a file in the zip format, tensors as arrays. Raises InputError or UnsafeFileError."""
    with reading(path, "a torch"), open_zip(path) as archive:
        names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(names) != 1:
            raise Malformed("it is a zip archive without torch's data.pkl")
        prefix = names[0][: -len("data.pkl")]
        program = f"{prefix}constants.pkl" in archive.namelist()
        members = _Members(archive, Budget(path.stat().st_size))
        if f"{prefix}byteorder" in archive.namelist() and bytes(members.read(f"{prefix}byteorder", 16)) != b"little":
            raise Malformed("it was written on a big-endian machine")
        storages: dict[str, np.ndarray] = {}

        def storage(key: str, dtype: str, count: int) -> _Storage:
            if key not in storages:
                storages[key] = members.read(f"{prefix}data/{key}")
            if len(storages[key]) != count * _itemsize(dtype):
                raise Malformed("a tensor in it has less data than it needs")
            return _Storage(storages[key], dtype)

        data = members.read(names[0])
        stream = PickleStream(io.BytesIO(data.data), len(data), members.budget)
        value = _machine(stream, storage, inert=(*INERT, *PROGRAM) if program else INERT).run()
        return program_tensors(value, members.budget) if program else value


class _Members:
    """The files in an archive, read within its budget."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        self._archive, self.budget = archive, budget

    def read(self, name: str, most: int | None = None) -> np.ndarray:
        """The contents of one file: (bytes,) uint8, in a new buffer. most: bytes accepted."""
        info = self._archive.getinfo(name)
        if most is not None and info.file_size > most:
            raise Malformed(f"its {name.rpartition('/')[2]} has {info.file_size} bytes")
        self.budget.charge(ARRAY + info.file_size)
        data = np.empty(info.file_size, np.uint8)
        done = 0
        with self._archive.open(info) as member:
            while done < len(data):
                count = member.readinto(data.data[done:])  # type: ignore[attr-defined]
                if not count:
                    raise Malformed("it is truncated")
                done += count
        return data


def read_torch_legacy(path: Path) -> Any:
    """The contents of a file in the format before torch 1.6. Raises InputError or UnsafeFileError.

    The storages follow the pickle that needs them, so it is read twice: first to collect which
    storages it uses, then with their data.
    """
    stream = open_stream(path)
    with stream.file, reading(path, "a torch"):
        for _ in range(2):
            PickleMachine(stream, TABLE).run()
        system = PickleMachine(stream, TABLE).run()
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise Malformed("it was written on a big-endian machine")
        start = stream.file.tell()
        seen: dict[str, tuple[str, int]] = {}

        def note(key: str, dtype: str, count: int) -> _Storage:
            seen[key] = dtype, count
            return _Storage(None, dtype)

        _machine(stream, note).run()
        storages: dict[str, _Storage] = {}
        for key in PickleMachine(stream, TABLE).run():
            dtype, count = seen[key]
            if int.from_bytes(stream.read(8), "little") != count:
                raise Malformed("a tensor in it has less data than it needs")
            stream.budget.charge(ARRAY)
            data = np.frombuffer(stream.read_buffer(count * _itemsize(dtype)) or bytearray(1), np.uint8)
            storages[key] = _Storage(data[: count * _itemsize(dtype)], dtype)
        stream.file.seek(start)
        return _machine(stream, lambda key, dtype, count: storages[key]).run()


def _itemsize(dtype: str) -> int:
    return 2 if dtype == _BFLOAT16 else np.dtype(dtype).itemsize


def _machine(
    stream: PickleStream, storage: Callable[[str, str, int], _Storage], *, inert: tuple[str, ...] = INERT
) -> PickleMachine:
    """A machine for torch's pickles; `storage` returns the storage for a key, type and length."""

    def persistent(value: Any) -> _Storage:
        if not isinstance(value, tuple) or len(value) < 5:
            raise Malformed("it refers to something that is not a storage")
        kind, token, key, _, count, *view = value
        if kind != "storage" or not isinstance(token, Token) or not isinstance(key, str) or type(count) is not int:
            raise Malformed("it refers to something that is not a storage")
        name = token.name.rpartition(".")[2]
        dtype = "u1" if name == "UntypedStorage" else _DTYPES.get(name.removesuffix("Storage"))
        if dtype is None or count < 0:
            raise Malformed(f"it contains tensors of type {name[:40]}, which Kinema does not read")
        stream.budget.charge(ARRAY)
        whole = storage(key, dtype, count)
        if view and view[0] is not None and whole.data is not None:
            _, start, length = view[0]
            size = _itemsize(dtype)
            return _Storage(whole.data[start * size : (start + length) * size], dtype)
        return whole

    return PickleMachine(stream, _TORCH_TABLE, inert=inert, persistent=persistent)


def _typed_tensor(machine: PickleMachine, args: tuple[Any, ...]) -> np.ndarray:
    storage, offset, size, stride, _, _, token, *_ = args
    name = token.name.rpartition(".")[2] if isinstance(token, Token) else ""
    if not isinstance(storage, _Storage) or name not in _TORCH_DTYPES:
        raise Malformed("it contains a tensor of a type that Kinema does not read")
    return _tensor(machine, (_Storage(storage.data, _TORCH_DTYPES[name]), offset, size, stride))


def _tensor(machine: PickleMachine, args: tuple[Any, ...]) -> np.ndarray:
    storage, offset, size, stride, *_ = args
    if not isinstance(storage, _Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise Malformed("a tensor in it is incomplete")
    if len(size) != len(stride) or len(size) > 32:
        raise Malformed("a tensor in it has an invalid shape")
    if any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise Malformed("a tensor in it has an invalid shape")
    machine.charge(ARRAY)
    if storage.data is None:
        return np.empty(0)
    flat = storage.data.view("<u2" if storage.dtype == _BFLOAT16 else storage.dtype)
    if 0 in size:
        return np.zeros(size, np.float32 if storage.dtype == _BFLOAT16 else flat.dtype)
    if offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= len(flat):
        raise Malformed("a tensor in it extends beyond its data")
    view = np.lib.stride_tricks.as_strided(flat[offset:], size, [step * flat.itemsize for step in stride])
    if storage.dtype == _BFLOAT16:
        machine.charge(2 * view.size * 4)
        return (view.astype("<u4") << 16).view("<f4")
    if view.flags.c_contiguous:
        return view
    machine.charge(view.nbytes)
    return np.ascontiguousarray(view).reshape(size)


def _size(machine: PickleMachine, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(args) > 1 or not all(isinstance(arg, (list, tuple)) and len(arg) <= 32 for arg in args):
        raise Malformed("a tensor in it has an invalid shape")
    return tuple(args[0]) if args else ()


def _device(machine: PickleMachine, args: tuple[Any, ...]) -> Inert:
    machine.charge(4 * VALUE)
    return Inert("torch.device", args)


def _rebuild_from_type(machine: PickleMachine, args: tuple[Any, ...]) -> Any:
    """A tensor subclass or a tensor with attributes: only the tensor."""
    function, _, arguments, _ = args
    if not isinstance(function, Token) or not isinstance(arguments, tuple):
        raise Malformed("a tensor in it is incomplete")
    return function.make(machine, arguments)


def _table() -> dict[str, Make]:
    table: dict[str, Make] = {
        **TABLE,
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_tensor_v3": _typed_tensor,
        "torch._utils._rebuild_parameter": lambda machine, args: args[0],
        "torch._utils._rebuild_parameter_with_state": lambda machine, args: args[0],
        "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
        "torch.Size": _size,
        "torch.device": _device,
    }
    for name in ("Tensor", "nn.parameter.Parameter", "nn.Parameter", *_TORCH_DTYPES):
        table[f"torch.{name}"] = only_named
    for name in _DTYPES:
        for module in ("torch", "torch.cuda", "torch.storage"):
            table[f"{module}.{name}Storage"] = only_named
    for module in ("torch", "torch.storage"):
        table[f"{module}.UntypedStorage"] = only_named
    return table


_TORCH_TABLE = _table()
