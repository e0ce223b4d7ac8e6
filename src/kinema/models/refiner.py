"""A common interface to trained refiners: windows in, smooth windows out, whatever the file format.

All of them run with onnxruntime: a checkpoint's graph is built from its tensors, an exported file contains its own.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kinema.errors import InputError, UsageError, quoted
from kinema.models import REPRESENTATIONS
from kinema.models.onnx_check import check_network
from kinema.models.onnx_windows import OnnxWindows
from kinema.storage.fields import rate as checked_rate
from kinema.temporal.windows import Smoother

KINDS = ("smoothnet", "synsp", "mixer")
"""Networks that a file may contain."""

_OF_CHECKPOINTS = ("kinema.models.smoothnet.onnx_run", "kinema.models.synsp.onnx_run")
"""Modules that run checkpoints, each with `KIND`, `recognises(tensors)` and `from_checkpoint(tensors, path)`."""


class WindowNetwork(Protocol):
    """Smooths windows (N, W, C) -> (N, W, C). window, coordinates: None for any."""

    @property
    def window(self) -> int | None: ...

    @property
    def coordinates(self) -> int | None: ...

    def __call__(self, windows: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class TrainedRefiner:
    """A network and its properties.

    kind: one of `KINDS`. window: frames of its windows, None for any up to 100 (SynSP). coordinates: numbers per frame,
    None for any (SmoothNet). representation: "2d", "3d" or "smpl"; rate: frames per second that it was trained at;
    centred: whether it was trained on windows with their mean subtracted; all three None if the file does not say.
    name, sha256: of the file.
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
        """The function for `kinema.temporal.windows.slide`.

        centred: each window's mean is subtracted and added back, and the response to a window of zeros is subtracted,
        so that points at rest stay where they are.
        """
        if not centred:
            return self.run
        rest: dict[int, np.ndarray] = {}

        def smooth(windows: np.ndarray) -> np.ndarray:
            channels = windows.shape[2]
            if channels not in rest:
                rest[channels] = self.run(np.zeros((1, window, channels)))
            mean = windows.mean(axis=1, keepdims=True)
            return np.asarray(self.run(windows - mean) - rest[channels] + mean)

        return smooth


def load_refiner(path: str | Path, kind: str | None = None, *, trusted: bool = False) -> TrainedRefiner:
    """Read a checkpoint (torch, safetensors, ONNX); nothing in it is executed.

    kind: the expected network. trusted: an ONNX file that Kinema brings; any other is checked, and run once in a child
    with limits (`kinema.models.onnx_check`). Raises InputError if the file contains none of them, and UsageError if it
    contains a different one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; give the path of a SmoothNet or SynSP file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = _from_onnx(path, digest, trusted) if path.suffix == ".onnx" else _from_tensors(path, digest)
    if kind is not None and found.kind != kind:
        raise UsageError(f"{path} holds a {found.kind} network, not a {kind} one; set `method` to {found.kind}")
    return found


def _from_onnx(path: Path, digest: str, trusted: bool) -> TrainedRefiner:
    if not trusted:
        _check_once(path, digest)
    run = OnnxWindows(path)
    about = run.metadata
    if about.get("network") not in KINDS:
        raise InputError(f"{path} is not a refiner that `kinema train refiner` exported: its metadata names no network")
    return TrainedRefiner(
        about["network"], run, run.window, run.coordinates, *_properties(about, path), path.name, digest
    )


@functools.cache
def _check_once(path: Path, digest: str) -> None:
    """`check_network`, the first time that a file of this content is loaded: a run does so before it begins, too."""
    check_network(path)


def _from_tensors(path: Path, digest: str) -> TrainedRefiner:
    from kinema.storage.checkpoints import load_checkpoint

    tensors = {key.removeprefix("module."): value for key, value in load_checkpoint(path).items()}
    properties = _properties(_sidecar(path), path)
    for module in map(import_module, _OF_CHECKPOINTS):
        if module.recognises(tensors):
            run: WindowNetwork = module.from_checkpoint(tensors, path)
            return TrainedRefiner(module.KIND, run, run.window, run.coordinates, *properties, path.name, digest)
    some = ", ".join(quoted(name, mark="") for name in list(tensors)[:3])
    raise InputError(f"{path} is neither a SmoothNet nor a SynSP checkpoint; it holds {some}, ...")


def _properties(about: Mapping[str, Any], path: Path) -> tuple[str | None, float | None, bool | None]:
    """Representation, rate and whether windows were centred, from a file's metadata. Raises InputError."""
    representation, rate = about.get("representation"), about.get("rate")
    if representation is not None and representation not in REPRESENTATIONS:
        known = ", ".join(REPRESENTATIONS)
        raise InputError(f"{path} was trained on {quoted(representation)}, which Kinema does not know ({known})")
    try:
        number = None if rate is None else float(rate)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: its metadata give the frame rate {quoted(rate)}, which is not a number") from None
    return (
        representation,
        None if number is None else checked_rate(number, "rate", str(path)),
        _boolean(about.get("centred")),
    )


def _boolean(value: object) -> bool | None:
    """A metadata value, JSON or text, as a bool; None if there is none."""
    return None if value is None else value in (True, "true")


def _sidecar(path: Path) -> Mapping[str, Any]:
    """The JSON that `kinema train refiner` writes next to its weights, {} if there is none."""
    meta = path.with_suffix(".json")
    if path.suffix != ".safetensors" or not meta.is_file():
        return {}
    try:
        return dict(json.loads(meta.read_text())["config"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = quoted(str(error), 120, mark="")
        raise InputError(f"{meta} does not describe {path.name}: {reason}") from None
