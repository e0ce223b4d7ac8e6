"""ONNX networks that look at one image, for keypoints and for boxes: opened, checked, tried once, run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.models.onnx_check import OPERATORS, check_graph
from kinema.models.onnx_fields import first_filters
from kinema.runtime import onnx_session

IMAGE_OPERATORS = OPERATORS | {"NonMaxSuppression", "NonZero", "GlobalMaxPool", "LpNormalization"}
"""What a network of images may consist of."""

USUAL = 640
"""Side of the input in pixels where the file leaves it open, as detectors' files do."""

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class ImageNetwork:
    """A network with one input (1, 3, height, width) of float32 or float16.

    path: of its file. height, width: of the input in pixels. outputs: the sizes of its outputs by name, as a run on a
    grey image gives them; most files leave some open. raw: what that run gave. filters: channels that its first
    convolution takes, None if that is unknown.

    An instance must not be used by two threads at once.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, usual: tuple[int, int] = (USUAL, USUAL)) -> None:
        """usual: height and width of the input where the file leaves them open. Raises InputError, in one sentence, for
        a file that is damaged, or whose network does not take one image."""
        self.path = Path(path)
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror or error}); check its name") from None
        check_graph(content, self.path, IMAGE_OPERATORS)
        self.filters = first_filters(content)
        del content  # up to 2 GB, which onnxruntime holds, too
        try:
            self._session = onnx_session(str(self.path), threads=threads)
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise InputError(f"{path} is not a network that onnxruntime can run: {_first_line(error)}") from None
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape) if inputs else []
        one = len(inputs) == 1 and len(shape) == 4 and shape[1] in (3, None) and inputs[0].type in _TYPES
        if not one or (isinstance(shape[0], int) and shape[0] != 1):
            found = ", ".join(f"{value.name} {value.shape} {value.type}" for value in inputs) or "nothing"
            raise InputError(f"{path} takes {quoted(found, 200, mark='')}, not one image as (1, 3, height, width)")
        self.height, self.width = (
            side if isinstance(side, int) and side > 0 else open_ for side, open_ in zip(shape[2:], usual, strict=True)
        )
        self._input, self._type = inputs[0].name, _TYPES[inputs[0].type]
        self._names = [value.name for value in self._session.get_outputs()]
        self.raw = self(np.full((1, 3, self.height, self.width), 114.0, dtype=np.float32))
        self.outputs = {name: np.shape(value) for name, value in zip(self._names, self.raw, strict=True)}

    def __call__(self, tensor: np.ndarray) -> list[np.ndarray]:
        """The outputs for a tensor (1, 3, height, width) float32. Raises InputError if the network fails."""
        try:
            outputs: list[Any] = self._session.run(None, {self._input: tensor.astype(self._type, copy=False)})
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise InputError(f"{self.path} cannot be run: {_first_line(error)}") from None
        return outputs

    @property
    def found(self) -> str:
        """Its input and outputs in words, for messages."""
        shapes = ", ".join(f"{name} {tuple(shape)}" for name, shape in self.outputs.items())
        return f"for an image of {self.width} x {self.height} pixels it gives {shapes}"


def tensor_of(pixels: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) as a tensor (1, 3, H, W) float32, normalised; channels in the order of the pixels'."""
    tensor = (pixels.astype(np.float32) - mean) / std
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None], dtype=np.float32)


def _first_line(error: Exception) -> str:
    return quoted((str(error) or type(error).__name__).splitlines()[0], 200, mark="")
