"""Threads of the linear algebra library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let BLAS use one thread while `function` runs.

    The matrices of a fit are small. BLAS spreads them over all cores all the same, where its threads spend their
    time waiting for each other: ten times the CPU time, and much more wall time when something else runs too.
    The networks' own threads are not touched.
    """

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
