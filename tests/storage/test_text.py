"""Text from others is shown and never obeyed; JSON is JSON."""

from __future__ import annotations

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.storage.text import json_text, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("clip.mp4", "clip.mp4"),
        ("böse 日本 🤸", "böse 日本 🤸"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj\u202egpm", "gpj\\u202egpm"),
        ("bell\a", "bell\\x07"),
        ("over\rwritten", "over\\x0dwritten"),
        ("one\ttwo\nthree", "one\ttwo\nthree"),
        (os.fsdecode(b"caf\xe9") if os.name == "posix" else "caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert visible(text) == shown
    assert visible(shown) == shown


def test_a_name_stays_in_its_line():
    assert one_line("clip\nkinema: all is well\t.mp4") == "clip\\nkinema: all is well\\t.mp4"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


def finite(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


@given(value=anything, ascii=st.booleans())
def test_json_comes_back_whatever_it_holds(value, ascii):
    text = json_text(value, ascii=ascii)
    assert visible(text) == text
    assert text.isascii() or not ascii
    assert json.loads(text, parse_constant=pytest.fail) == finite(value)
