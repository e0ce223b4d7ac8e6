"""Trained refiners as one kind of thing: windows in, smooth windows out, whatever file and library they come in.

All of them run with onnxruntime: the graph of a checkpoint is made from its tensors, an exported file has its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.models.onnx_windows import OnnxWindows
from kinema.temporal.windows import Smoother

KINDS = ("smoothnet", "synsp", "mixer")
"""Networks that files hold."""

_OF_CHECKPOINTS = ("kinema.models.smoothnet.onnx_run", "kinema.models.synsp.onnx_run")
"""Modules that run a checkpoint's tensors: `KIND`, `recognises(tensors)` and `from_checkpoint(tensors, path)`."""


class WindowNetwork(Protocol):
    """Smooths windows (N, W, C) -> (N, W, C). window, coordinates: None where any will do."""

    @property
    def window(self) -> int | None: ...

    @property
    def coordinates(self) -> int | None: ...

    def __call__(self, windows: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class TrainedRefiner:
    """A network and what it is for.

    kind: one of `KINDS`. window: frames of its windows, None for any up to 100 (SynSP). coordinates: numbers
    of one frame, None for any (SmoothNet). representation: "2d", "3d" or "smpl", None where the file does not
    say. rate: frames a second that it was trained at, None where the file does not say. centred: it was trained on
    windows whose mean had been taken away, None where the file does not say. name, sha256: of the file.
    """

    kind: str
    run: WindowNetwork
    window: int | None
    coordinates: int | None
    representation: str | None
    rate: float | None
    centred: bool | None
    name: str
    sha256: str

    def smoother(self, window: int, centred: bool | None) -> Smoother:
        """What `kinema.temporal.windows.slide` calls.

        centred: each window's mean is taken away and put back, and the answer to a window of zeros is taken away, so
        that what stands still stays where it is.
        """
        if not centred:
            return self.run
        rest: dict[int, np.ndarray] = {}

        def smooth(windows: np.ndarray) -> np.ndarray:
            channels = windows.shape[2]
            if channels not in rest:
                rest[channels] = self.run(np.zeros((1, window, channels)))
            mean = windows.mean(axis=1, keepdims=True)
            return self.run(windows - mean) - rest[channels] + mean

        return smooth


def load_refiner(path: str | Path, kind: str | None = None) -> TrainedRefiner:
    """Read a checkpoint (torch, safetensors, ONNX); nothing in it is executed.

    kind: what it must hold. Raises InputError where it holds neither network, and UsageError where it holds another one
    than asked for.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; give the path of a SmoothNet or SynSP file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = _from_onnx(path, digest) if path.suffix == ".onnx" else _from_tensors(path, digest)
    if kind is not None and found.kind != kind:
        raise UsageError(f"{path} holds a {found.kind} network, not a {kind} one; set `method` to {found.kind}")
    return found


def _from_onnx(path: Path, digest: str) -> TrainedRefiner:
    run = OnnxWindows(path)
    about = run.metadata
    if about.get("network") not in KINDS:
        raise InputError(f"{path} is not a refiner that `kinema train refiner` exported: its metadata names no network")
    return TrainedRefiner(
        about["network"], run, run.window, run.coordinates, about.get("representation"),
        float(about["rate"]) if "rate" in about else None, _truth(about.get("centred")), path.name, digest,
    )  # fmt: skip


def _from_tensors(path: Path, digest: str) -> TrainedRefiner:
    from kinema.storage.checkpoints import load_checkpoint

    tensors = {key.removeprefix("module."): value for key, value in load_checkpoint(path).items()}
    about = _beside(path)
    rate = about.get("rate")
    told = (about.get("representation"), None if rate is None else float(rate), _truth(about.get("centred")))
    for module in map(import_module, _OF_CHECKPOINTS):
        if module.recognises(tensors):
            run: WindowNetwork = module.from_checkpoint(tensors, path)
            return TrainedRefiner(module.KIND, run, run.window, run.coordinates, *told, path.name, digest)
    some = ", ".join(list(tensors)[:3])
    raise InputError(f"{path} is neither a SmoothNet nor a SynSP checkpoint; it holds {some}, ...")


def _truth(told: object) -> bool | None:
    """What a file says, as JSON or as text; None where it says nothing."""
    return None if told is None else told in (True, "true")


def _beside(path: Path) -> Mapping[str, Any]:
    """The JSON that `kinema train refiner` writes next to its weights, {} where there is none."""
    meta = path.with_suffix(".json")
    if path.suffix != ".safetensors" or not meta.is_file():
        return {}
    try:
        return dict(json.loads(meta.read_text())["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{meta} does not describe {path.name}: {error}") from None
