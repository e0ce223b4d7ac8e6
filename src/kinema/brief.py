"""Short representations of values that hold arrays: what they are, not what is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

LONGEST = 80
"""Characters of one field; what is longer is described."""


class Brief:
    """A dataclass (`repr=False`) whose repr is one line that says of arrays and large collections only their size."""

    def __repr__(self) -> str:
        shown = [f"{f.name}={brief(getattr(self, f.name))}" for f in dataclasses.fields(self) if f.repr]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"


def brief(value: Any) -> str:
    """A value in at most `LONGEST` characters."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, (Mapping, Sequence, Set)) and not isinstance(value, (str, bytes)):
        short = len(value) <= 5 and all(isinstance(each, (str, int, float, bool, type(None))) for each in value)
        if short and not isinstance(value, Mapping) and len(repr(value)) <= LONGEST:
            return repr(value)
        return f"<{len(value)} entries>" if value else repr(value)
    text = repr(value)
    if len(text) <= LONGEST and "\n" not in text:
        return text
    return f"{text[: LONGEST - 4]}...'" if isinstance(value, str) else f"<{type(value).__name__}>"


def brief_list(values: Sequence[object], most: int = 8) -> str:
    """The first few of many values, and how many there are."""
    more = f", ... ({len(values)} in all)" if len(values) > most else ""
    return ", ".join(str(value) for value in values[:most]) + more
