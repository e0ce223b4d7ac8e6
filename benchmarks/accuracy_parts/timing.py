"""How long calls take, and how many times as fast one way is as another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def wall_seconds(work: Callable[[], object]) -> float:
    """Seconds that a call takes, by the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds(functions: Mapping[str, Callable[[], object]], turns: int) -> dict[str, np.ndarray]:
    """Seconds of CPU time (turns,) of each; they alternate, after one turn to warm up."""
    times = {name: np.zeros(turns + 1) for name in functions}
    for turn in range(turns + 1):
        for name, function in functions.items():
            start = time.process_time()
            function()
            times[name][turn] = time.process_time() - start
    return {name: each[1:] for name, each in times.items()}


def ratio(plain: np.ndarray, ours: np.ndarray) -> str:
    """How many times as fast ours is: the median over the turns, and the quartiles."""
    low, middle, high = np.percentile(plain / ours, [25, 50, 75])
    return f"x{middle:.2f} ({low:.2f} to {high:.2f})"
