r"""Shows untrusted text safely, and writes JSON that every program can read.

A file name or a sentence from a file may contain terminal escapes, line breaks and characters that reverse the text
direction, which a terminal obeys. `visible` shows them as Python would write them: `\x1b`, `\udcff`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

# C0 controls except tab and line feed, DEL and C1 controls, line and paragraph separators, directional marks, the byte
# order mark, tags, and surrogates, which stand for the bytes of names that are not UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BYTE = range(0xDC80, 0xDD00)
"""The surrogates with which Python represents bytes that are not UTF-8."""


def visible(text: str) -> str:
    """`text` with everything that a terminal would obey rather than show written as an escape."""
    return _UNSAFE.sub(_escaped, text)


def one_line(text: str) -> str:
    """`visible` text, line breaks included: for names and sentences."""
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in _BYTE:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_text(value: Any, *, ascii: bool = False, indent: int | None = 2) -> str:
    """`value` as JSON (RFC 8259).

    A number that is not finite becomes null, and characters that `visible` would escape become JSON escapes. ascii: so
    do all others beyond ASCII.
    """
    text = json.dumps(_finite(value), indent=indent, ensure_ascii=ascii, allow_nan=False)
    return text if ascii else _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
