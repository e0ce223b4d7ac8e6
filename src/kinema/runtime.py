"""Native packages that are imported on first use, in the middle of a run."""

from __future__ import annotations

import contextlib
import importlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType


def import_native(name: str) -> ModuleType:
    """Import a package with native code.

    Ctrl-C and the other signals that stop are deferred until the import is done: during native initialisation they
    would surface as an ImportError, and a stopped run would look like a broken one.
    """
    with _deferred_interrupt():
        return importlib.import_module(name)


MOST_THREADS = 256
"""Threads that a network may be given; native libraries crash on absurd numbers."""


def onnx_session(model: bytes | str, *, threads: int = 1):  # type: ignore[no-untyped-def]  # onnxruntime has no types
    """An onnxruntime session on the CPU for a model given as bytes or as a file."""
    onnxruntime = import_native("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[None]:
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    if threading.current_thread() is threading.main_thread():  # signals only reach that one
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            handler = None if number is None else signal.getsignal(number)
            if number is not None and callable(handler):  # it may be ignored, or end the process
                handlers[number] = handler
    received: list[tuple[int, FrameType | None]] = []
    for number in handlers:
        signal.signal(number, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            number, frame = received[-1]
            handlers[number](number, frame)
