"""Native packages that are loaded when they are first needed, in the middle of a run."""

from __future__ import annotations

import contextlib
import importlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, ModuleType


def import_native(name: str) -> ModuleType:
    """Import a package of native code. Ctrl-C waits until that is done: in the middle of a package's native start it
    would come out as an ImportError, and a stopped run would look like a broken one.
    """
    with _ctrl_c_later():
        return importlib.import_module(name)


def onnx_session(model: bytes | str, *, threads: int = 1):  # type: ignore[no-untyped-def]  # onnxruntime has no types
    """An onnxruntime session on the processor, of a model's bytes or of a file."""
    onnxruntime = import_native("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _ctrl_c_later() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # signals reach the main thread alone, and this one may be ignored
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(*came[-1])
