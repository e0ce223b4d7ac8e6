"""Markdown tables and figures in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    return "\n".join([heading(columns), *map(line, rows)])


def heading(columns: Sequence[str]) -> str:
    """The first two lines of a table, for one whose rows are printed as they become known."""
    return f"{line(columns)}\n{line(['---'] * len(columns))}"


def line(cells: Iterable[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def figure(value: float, digits: int = 0) -> str:
    """A number, or a dash if it is not known."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"
