"""Ctrl-C in the middle of a native import is still Ctrl-C."""

import os
import signal
import sys
import threading

import pytest

from kinema.models.refiner import load_refiner
from kinema.runtime import import_native

NATIVE_START = """
import time
try:
    time.sleep(0.4)
except KeyboardInterrupt:
    raise ImportError("initialization failed")  # as pybind11 does
started = True
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_waits_for_a_native_import(tmp_path, monkeypatch, number):
    (tmp_path / "slow_native.py").write_text(NATIVE_START)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_native", raising=False)
    before = signal.signal(number, signal.default_int_handler)
    pressed = threading.Timer(0.1, os.kill, (os.getpid(), number))
    try:
        pressed.start()
        with pytest.raises(KeyboardInterrupt):
            import_native("slow_native")
        assert signal.getsignal(number) is signal.default_int_handler
        assert import_native("slow_native").started
    finally:
        pressed.join()
        signal.signal(number, before)


def test_other_threads_and_missing_packages():
    found = []
    thread = threading.Thread(target=lambda: found.append(import_native("json")))
    thread.start()
    thread.join()
    assert found[0].loads("1") == 1
    with pytest.raises(ModuleNotFoundError):
        import_native("kinema_has_no_such_package")


def test_a_runtime_that_does_not_load_is_not_blamed_on_the_file(tmp_path, monkeypatch):
    def missing(*_, **__):
        raise ImportError("no onnxruntime here")

    monkeypatch.setattr("kinema.models.onnx_windows.onnx_session", missing)
    (tmp_path / "refiner.onnx").write_bytes(b"whatever")
    with pytest.raises(ImportError, match="no onnxruntime here"):
        load_refiner(tmp_path / "refiner.onnx", trusted=True)
