"""The budget of a file: what it refuses, that it grows with the file, and how files are quoted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, quoted
from kinema.storage.budget import LEAST, MAX_OBJECTS, Budget, Malformed
from kinema.storage.fields import array_of, numbers, rate
from kinema.storage.text_lines import MAX_LINE, next_line


@given(st.integers(0, 2**36))
def test_an_honest_file_fits(size):
    """Four copies of its contents; and a small one stays below half a gigabyte."""
    budget = Budget(size)
    budget.charge(4 * size)
    if size < 2**20:
        assert budget.memory < 2**29


def test_memory_values_and_hashes_run_out():
    with pytest.raises(Malformed, match="far more memory"):
        Budget(0).charge(LEAST + 1)
    with pytest.raises(Malformed, match="objects, the limit"):
        Budget(2**40).values(MAX_OBJECTS + 1)
    budget = Budget(0)
    for i in range(64):
        budget.hashed(1, complex(-1000003.0 * i, i))
    with pytest.raises(Malformed, match="same hash"):
        budget.hashed(1, complex(-1000003.0 * 64, 64))
    for owner in range(100):  # one key in each of many containers
        budget.hashed(owner, 1.5)


def test_time_runs_out(monkeypatch):
    budget = Budget(0)
    budget.tick()
    monkeypatch.setattr("kinema.storage.budget.time.thread_time", lambda: budget._begun + 11.0)
    with pytest.raises(Malformed, match="more than 10 s"):
        budget.tick()
    Budget(10**9).tick()


@given(st.text() | st.binary() | st.integers() | st.floats() | st.lists(st.text(), max_size=3))
def test_quotations_are_short_and_printable(value):
    text = quoted(value)
    assert text.isprintable()
    assert quoted(value, 20, mark="") == quoted(value, 20, mark="")
    assert len(text) < 12 * 60  # a character is escaped by at most ten others


def test_what_is_quoted_is_recognised():
    assert quoted("left_hip") == "'left_hip'"
    assert quoted("\x1b[31m") == r"'\x1b[31m'"
    assert quoted("a" * 100) == "'" + "a" * 59 + "…'"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (np.full(3, 1e10), "beyond 1e"), (np.full(3, np.nan), "not finite"), ([[1.0], [1.0, 2.0]], "must be numbers"),
        (["x" * 10**6] * 5000, "must be numbers"), ([1, "2"], "must be numbers"), ({1: 2}, "must be numbers"),
        ([10**400], "must be numbers"),
    ],
)  # fmt: skip
def test_values_that_are_no_numbers_of_a_motion(value, word):
    with pytest.raises(InputError, match=word):
        numbers(value, "trans", "a.pkl")


def test_numbers_are_read_from_nested_lists():
    assert array_of([[1, 2.5], (3, np.float32(4))], "a", "b").tolist() == [[1, 2.5], [3, 4]]
    assert array_of([np.arange(2), [5, True]], "a", "b").shape == (2, 2)


@pytest.mark.parametrize("value", [1e-300, 1e300, 0, -30, np.nan, 10**1000])
def test_rates_that_no_recording_has(value):
    with pytest.raises(InputError, match="fps"):
        rate(value, "fps", "a.pkl")
    assert rate(np.array([240.0]), "fps", "a.pkl") == 240


def test_a_line_without_end_is_not_read(tmp_path):
    path = tmp_path / "a.bvh"
    path.write_text("short\n" + "x" * (2 * MAX_LINE))
    with path.open() as file:
        assert next_line(file, path, 1) == "short\n"
        with pytest.raises(InputError, match="line 2: the line is longer"):
            next_line(file, path, 2)
