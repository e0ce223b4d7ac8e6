"""Threads of the linear algebra library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Restrict BLAS to one thread while `function` runs.

    The matrices of a fit are small. BLAS distributes them over all cores anyway, and its threads spend their time
    waiting for each other: ten times the CPU time, and much more wall time if something else is running. The networks'
    own threads are not affected.
    """

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
