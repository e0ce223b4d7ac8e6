"""Progress reporting. A stage never prints: it calls the `Progress` that it was given."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called by a stage with the work done so far and the total, in the stage's own unit (frames).

    total is None while it is unknown. Raising from it (KeyboardInterrupt) stops the stage.
    """

    def __call__(self, done: int, total: int | None) -> None: ...


def silent(done: int, total: int | None) -> None:
    """Reports nothing: the default of every stage."""
