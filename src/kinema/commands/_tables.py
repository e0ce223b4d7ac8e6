"""Tables on stdout."""

from __future__ import annotations

import math

from kinema.storage.text import one_line


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout, as wide as its contents; all but the first and the last column are right-aligned."""
    lines = [[one_line(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = [
            cell if i == len(line) - 1 else cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("   ".join(cells).rstrip())


def number(value: float) -> str:
    """A measure in a table: one decimal, three of what is below 1, a dash for what is not known."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if 0 < abs(value) < 1 else f"{value:.1f}"
