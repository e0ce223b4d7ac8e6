"""Markdown tables and figures in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figure(value: float, digits: int = 0) -> str:
    """A number, or a dash if it is not known."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"
