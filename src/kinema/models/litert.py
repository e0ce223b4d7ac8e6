"""Inference with a `.tflite` network on the CPU (LiteRT with its XNNPACK kernels)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import UsageError, WeightsError
from kinema.models.tflite import only_outputs
from kinema.runtime import import_native


class LiteNetwork:
    """One network with one image input, ready to run.

    An instance must not be used by two threads at once: it owns the buffers of its tensors. threads: CPU threads of a
    single run.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, outputs: Sequence[int] | None = None) -> None:
        """outputs: indices of the outputs to compute (None: all)."""
        make_interpreter = _runtime()
        try:
            content = Path(path).read_bytes()
            if outputs is not None:
                content = only_outputs(content, outputs)
            with _native_stderr_closed():
                self._interpreter = make_interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path} is not a usable .tflite network ({error}); fetch the weights again") from None
        inputs = self._interpreter.get_input_details()
        results = self._interpreter.get_output_details()
        self._input: int = inputs[0]["index"]
        self._outputs: list[int] = [detail["index"] for detail in results]
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in inputs[0]["shape"])
        self.output_shapes: list[tuple[int, ...]] = [tuple(int(n) for n in d["shape"]) for d in results]

    def __call__(self, tensor: np.ndarray) -> list[np.ndarray]:
        """Run once. tensor: `input_shape` float32. Returns a copy of each output, in the network's order."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def _runtime() -> Any:
    """The interpreter's class: LiteRT's, or TensorFlow's, which is the same one, on systems without a LiteRT package.

    Heavy: loaded with the first network. Raises UsageError if neither is installed.
    """
    with contextlib.suppress(ModuleNotFoundError):
        return import_native("ai_edge_litert.interpreter").Interpreter
    try:
        return import_native("tensorflow").lite.Interpreter
    except ModuleNotFoundError:
        raise UsageError(
            "the networks that detect people need ai-edge-litert, of which there is no package for this system; with"
            " Python 3.10 to 3.12 install TensorFlow in its place: pip install 'kinema[tensorflow]'"
        ) from None


_STDERR_LOCK = threading.Lock()


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Discard what is written to the process's stderr, temporarily.

    The runtime announces its kernels there from C++, bypassing Python and all settings, in the middle of a progress
    bar. Errors are raised, not printed.
    """
    with _STDERR_LOCK:  # or one thread would save another's null device as the real stderr
        try:
            kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        except OSError:  # the process has no stderr
            yield
            return
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(null)


def check_shapes(network: LiteNetwork, shape: tuple[int, ...], outputs: Sequence[tuple[int, ...]], name: str) -> None:
    """Raise WeightsError if a file contains a different network from the one that its wrapper was written for."""
    if network.input_shape != shape or network.output_shapes != list(outputs):
        raise WeightsError(
            f"the weights given for {name} contain another network (input {network.input_shape}, expected {shape});"
            " fetch them again"
        )
