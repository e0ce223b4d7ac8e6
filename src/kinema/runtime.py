"""Native packages that are imported on first use, in the middle of a run."""

from __future__ import annotations

import contextlib
import importlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, ModuleType


def import_native(name: str) -> ModuleType:
    """Import a package with native code. Ctrl-C is deferred until the import is done: during native initialisation it
    would surface as an ImportError, and an interrupted run would look like a broken one.
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
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # signals only reach the main thread, and SIGINT may be ignored
        return
    received: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received:
            before(*received[-1])
