"""Running a `.tflite` network on the CPU (LiteRT with its XNNPACK kernels)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kinema.errors import WeightsError
from kinema.models.tflite import only_outputs
from kinema.runtime import import_native


class LiteNetwork:
    """One network with one image input, ready to run.

    An instance must not be used by two threads at once: it owns the buffers of its tensors. `threads`
    are the CPU threads that a single run is spread over.
    """

    def __init__(self, path: str | Path, *, threads: int = 1, outputs: Sequence[int] | None = None) -> None:
        """outputs: the places of the outputs that are wanted (None: all); what only others need is not computed."""
        interpreter = import_native("ai_edge_litert.interpreter")  # heavy: loaded with the first network
        try:
            content = Path(path).read_bytes()
            if outputs is not None:
                content = only_outputs(content, outputs)
            with _native_stderr_closed():
                self._interpreter = interpreter.Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path} is no .tflite network that runs ({error}); fetch the weights again") from None
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


_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Send what is written to the process's stderr nowhere, for a moment.

    The runtime announces its kernels there from C++, past Python and past every setting, in the middle of a
    progress bar. What goes wrong it raises.
    """
    with _ONE_AT_A_TIME:  # or one thread would take another's nowhere for the true stderr
        try:
            kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        except OSError:  # the process has no stderr
            yield
            return
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def check_shapes(network: LiteNetwork, shape: tuple[int, ...], outputs: Sequence[tuple[int, ...]], name: str) -> None:
    """Raise WeightsError where a file holds another network than the one that its wrapper was written for."""
    if network.input_shape != shape or network.output_shapes != list(outputs):
        raise WeightsError(
            f"the weights given for {name} hold another network (input {network.input_shape}, expected {shape});"
            " fetch them again"
        )
