"""Background threads: they decode frames ahead, and run what need not be waited for, such as a detector."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """One background thread that runs calls in the order in which they are submitted. A context manager.

        with Worker() as worker:
            found = worker.submit(detect, frame)
            ...
            found.result()

    What a call returns or raises comes out of its future, so results do not depend on thread timing, and
    no error is lost as long as every future is queried. Without a thread of its own (`own_thread` False)
    the call is made immediately, in the caller's. At the end of the block, however it ends, calls that have
    not started are dropped, and a running one is waited for.
    """

    def __init__(self, *, own_thread: bool = True) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kinema") if own_thread else None

    @property
    def own_thread(self) -> bool:
        return self._pool is not None

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue the call `work(*args, **kwargs)`."""
        if self._pool is not None:
            return self._pool.submit(work, *args, **kwargs)
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


class Trailing:
    """Calls that a worker may be some behind with: `submit` waits only when more than `most` are unfinished."""

    def __init__(self, worker: Worker, most: int) -> None:
        self._worker, self._most = worker, most
        self._unfinished: deque[Future[Any]] = deque()

    def submit(self, work: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """Queue the call `work(*args, **kwargs)`. Raises what an earlier call raised."""
        self._unfinished.append(self._worker.submit(work, *args, **kwargs))
        if len(self._unfinished) > self._most:
            self._unfinished.popleft().result()

    def finish(self) -> None:
        """Wait for all calls. Raises what one of them raised."""
        while self._unfinished:
            self._unfinished.popleft().result()


_END = object()


def prefetched(items: Iterable[T], worker: Worker, depth: int) -> Generator[T, None, None]:
    """The items in order, up to `depth` of them produced ahead by the worker, from now on.

    The worker must have no other calls that wait for the consumer. An exception is raised when the turn of its
    item comes.
    """
    iterator = iter(items)
    waiting: deque[Future[object]] = deque()
    if worker.own_thread:
        waiting.extend(worker.submit(next, iterator, _END) for _ in range(depth))
    return _in_turn(iterator, worker, waiting)


def _in_turn(iterator: Iterator[T], worker: Worker, waiting: deque[Future[object]]) -> Generator[T, None, None]:
    if not waiting:
        yield from iterator
        return
    try:
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(worker.submit(next, iterator, _END))
            yield item  # type: ignore[misc]
    finally:
        for future in waiting:
            future.cancel()
        close = getattr(iterator, "close", None)
        if close is not None:  # a generator: close it in its own thread, after a step in progress
            worker.submit(close).result()
