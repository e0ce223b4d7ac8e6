"""Running out of memory: `ulimit -v`, containers and batch queues limit it; libraries report it in different ways."""

from __future__ import annotations

import errno
import os

from kinema.errors import KinemaError

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

NEEDED = 1_200_000_000
"""Bytes of address space that the networks and the libraries around them take, measured with `ulimit -v`."""

LEAST = 300_000_000
"""Bytes of address space below which no command starts: OpenBLAS would wait for its buffers forever."""

_SIGNS = (
    "failed to map segment",
    "cannot allocate memory",
    "can't start new thread",
    "bad_alloc",
    "bad allocation",
    "insufficient memory",
    "unable to allocate",
    "cannot create thread",
)


class MemoryShortage(KinemaError):
    """There is too little memory for the command."""


def address_space() -> int | None:
    """Bytes of address space that this process may use, None if there is no limit."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def few_threads_in_little_memory() -> None:
    """Keep BLAS to one thread where the address space is limited: it reserves 30 MB for each, and crashes without them.

    To be called before numpy is loaded.
    """
    if address_space() is not None:
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")


def too_little_to_begin() -> MemoryShortage | None:
    """The error for a limit too low to load the libraries, which would fail or hang; None if there is enough."""
    limit = address_space()
    return _shortage() if limit is not None and limit < LEAST else None


def require_memory() -> None:
    """Raise MemoryShortage if the networks cannot be loaded: their libraries end the process instead of saying so."""
    limit = address_space()
    if limit is not None and limit < NEEDED:
        raise _shortage()


def explain_memory(error: BaseException) -> MemoryShortage | None:
    """The sentence for an error that comes from too little memory, None for any other."""
    seen: BaseException | None = error
    while seen is not None:
        words = str(seen).lower()
        if isinstance(seen, MemoryError) or getattr(seen, "errno", None) == errno.ENOMEM:
            return _shortage()
        if any(sign in words for sign in _SIGNS):
            return _shortage()
        seen = seen.__cause__ or seen.__context__
    return None


def _shortage() -> MemoryShortage:
    limit = address_space()
    if limit is None:
        return MemoryShortage("there is not enough memory; close other programs, or use a smaller or shorter input")
    return MemoryShortage(
        f"the process may use only {limit / 1e9:.2f} GB of address space (ulimit -v), which is too little; raise the"
        f" limit, to {NEEDED / 1e9:.1f} GB or more for a run"
    )
