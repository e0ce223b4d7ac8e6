"""Checks that a file contains what its catalogue entry requires."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.errors import InputError
from kinema.storage.checkpoints import load_checkpoint
from kinema.storage.safe_pickle import load_pickle
from kinema.weights.onnx_outputs import onnx_outputs

if TYPE_CHECKING:
    from kinema.weights.entry import Entry


def check_holds(path: Path, entry: Entry) -> None:
    """Raise InputError if a file is not as long as its entry says, is no network, or lacks tensors, keys or outputs."""
    size = path.stat().st_size
    if entry.size is not None and size != entry.size:
        raise InputError(f"{path} is not {entry.name}: it has {size} bytes, not {entry.size}; {entry.by_hand}")
    names: set[Any]
    if entry.file.endswith(".onnx"):  # without names to look for, too: it must be a network at all
        names = set(onnx_outputs(path))
    elif not entry.holds:
        return
    elif entry.file.endswith(".pkl"):
        value = load_pickle(path)
        names = set(value) if isinstance(value, dict) else set()
    else:
        names = set(load_checkpoint(path))
    missing = [name for name in entry.holds if name not in names]
    if missing:
        raise InputError(f"{path} is not {entry.name}: it lacks {', '.join(missing)}; {entry.by_hand}")
