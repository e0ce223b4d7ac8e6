"""A trial run of an untrusted network, in a separate process: `python -m kinema.models.onnx_probe KIND FILE`.

Prints JSON: {"problem": null}, or a sentence that says what is wrong. The process limits its own memory and CPU time
where the system can (not on Windows), so a crash or a kill counts as a result, too.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.runtime import onnx_session

KINDS = {"windows": (2**30, 12), "image": (3 * 2**30, 60), "depth": (6 * 2**30, 170)}
"""Bytes that a network may take on top of the process and several times its file, and seconds, by what it takes."""

DEPTH_SIDE = 672
"""Side in pixels of the image on which a depth network is tried: a multiple of the usual patches and strides."""

COPIES = 4
"""Times that a network's weights may be held while it is loaded."""

BATCH = 400_000
"""Numbers given to the network at once."""

_WINDOW, _COORDINATES = 32, 72
_MOST_SIDE = 10_000


def limit(memory: int, seconds: int) -> None:
    """Limit the process's additional memory in bytes, and its CPU time in seconds."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = Path("/proc/self/statm")
    if used.is_file():
        most = int(used.read_text().split()[0]) * resource.getpagesize() + memory
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def problem_of(path: str) -> str | None:
    """What is wrong with the network, None if nothing is."""
    try:
        session = onnx_session(path)
    except Exception as error:  # onnxruntime's own exceptions share no base
        return f"it is not a readable ONNX file ({_first_line(error)})"
    inputs = session.get_inputs()
    if [value.name for value in inputs] != ["windows"] or inputs[0].type != "tensor(float)":
        return "it does not take one input `windows` of float32"
    shape = inputs[0].shape
    if len(shape) != 3 or any(isinstance(side, int) and not 1 <= side <= _MOST_SIDE for side in shape):
        return f"its input has the shape {shape}, not (windows, frames, coordinates)"
    window, coordinates = (
        side if isinstance(side, int) else usual for side, usual in zip(shape[1:], (_WINDOW, _COORDINATES), strict=True)
    )
    count = shape[0] if isinstance(shape[0], int) else max(1, BATCH // (window * coordinates))
    given = np.random.default_rng(0).normal(0, 0.3, (count, window, coordinates)).astype(np.float32)
    try:
        out = session.run(None, {"windows": given})[0]
    except Exception as error:
        return f"it cannot be run ({_first_line(error)})"
    if not isinstance(out, np.ndarray) or out.shape != given.shape:
        return f"it returns {np.shape(out)} for windows of {given.shape}"
    if not np.isfinite(out).all():
        return "it returns values that are not finite"
    return None


def problem_of_image(path: str, side: int | None = None) -> str | None:
    """What is wrong with a network of one image, None if nothing is. side: of the image where the file leaves it
    open, pixels."""
    from kinema.models.image_network import USUAL, ImageNetwork

    try:
        ImageNetwork(path, usual=(side or USUAL,) * 2)
    except (InputError, MemoryError) as error:
        return _first_line(error).replace(f"{path} ", "it ", 1)
    return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def main() -> None:
    problem = None
    with contextlib.suppress(ImportError):  # not the file's fault: whoever runs the network will say so
        import onnxruntime  # noqa: F401  # before the limit: its libraries are no part of the network

        kind, path = sys.argv[1:]
        memory, seconds = KINDS[kind]
        if kind != "windows":
            memory += COPIES * Path(path).stat().st_size
        limit(memory, seconds)
        side = DEPTH_SIDE if kind == "depth" else None
        problem = problem_of(path) if kind == "windows" else problem_of_image(path, side)
    print(json.dumps({"problem": problem}))


if __name__ == "__main__":
    main()
