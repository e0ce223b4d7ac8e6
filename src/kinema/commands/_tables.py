"""Tables on stdout."""

from __future__ import annotations

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
