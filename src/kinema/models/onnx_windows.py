"""Refiners exported by `kinema train refiner`, run with onnxruntime."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.runtime import onnx_session


class OnnxWindows:
    """An exported refiner: input "windows" (N, W, C), output "smooth" (N, W, C)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _session(self):  # type: ignore[no-untyped-def]  # onnxruntime has no types
        try:
            return onnx_session(str(self._path))
        except ImportError:  # not the file's fault
            raise
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise InputError(f"{self._path} is not a readable ONNX file: {quoted(str(error), 200, mark='')}") from None

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The metadata that training wrote."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def _shape(self) -> list[Any]:
        return list(self._session.get_inputs()[0].shape)

    @property
    def window(self) -> int | None:
        return self._shape[1] if isinstance(self._shape[1], int) else None

    @property
    def coordinates(self) -> int | None:
        return self._shape[2] if isinstance(self._shape[2], int) else None

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(N, W, C) -> (N, W, C) float32, a bounded number of windows at a time."""
        most = max(1, 400_000 // max(1, windows[0].size)) if len(windows) else 1
        parts = [self._part(windows[i : i + most]) for i in range(0, len(windows), most)]
        return np.concatenate(parts) if parts else windows.astype(np.float32)

    def _part(self, windows: np.ndarray) -> np.ndarray:
        try:
            out = self._session.run(None, {"windows": np.ascontiguousarray(windows, dtype=np.float32)})[0]
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise InputError(f"{self._path} cannot be run: {quoted(str(error), 200, mark='')}") from None
        if np.shape(out) != windows.shape:
            raise InputError(f"{self._path} returns {np.shape(out)} for windows of {windows.shape}")
        if not np.isfinite(out).all():
            raise InputError(f"{self._path} returned values that are not finite; its file may be corrupt")
        return np.asarray(out)
