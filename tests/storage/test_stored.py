"""StoredArray: a reference to an array in a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, ShapeError
from kinema.storage.stored import StoredArray


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "vertices.npy"
    np.save(path, np.arange(60.0).reshape(10, 2, 3))
    return StoredArray(path)


def test_all_rows_are_memory_mapped(stored):
    opened = stored.open()
    assert isinstance(opened, np.memmap)
    assert opened.shape == (10, 2, 3)
    with pytest.raises(ValueError, match="read-only"):
        opened[0] = 1


@given(st.lists(st.booleans(), min_size=10, max_size=10), st.data())
def test_selecting_twice_is_selecting_from_the_array(stored, mask, data):
    once = stored.select(np.array(mask), 10)
    again = data.draw(st.lists(st.booleans(), min_size=sum(mask), max_size=sum(mask)))
    twice = once.select(np.array(again, bool), sum(mask))
    expected = stored.open()[np.array(mask)]
    np.testing.assert_array_equal(once.open(), expected)
    np.testing.assert_array_equal(twice.open(), expected[np.array(again, bool)])
    with pytest.raises(ValueError, match="read-only"):
        twice.rows[...] = 0


def test_selecting_does_not_need_the_file(tmp_path):
    part = StoredArray(tmp_path / "gone.npy").select(np.array([1, 3]), 5)
    assert part.rows.tolist() == [1, 3]
    with pytest.raises(InputError, match=r"gone\.npy does not exist any more; run the stage that wrote it again"):
        part.open()


@pytest.mark.parametrize("rows", [[[1]], [-1], [0.5], ["a"], [True], [2**64 - 1]])
def test_rows_that_are_none(rows, tmp_path):
    with pytest.raises(ShapeError, match=r"rows of .*x\.npy must be \(F,\) integers from 0"):
        StoredArray(tmp_path / "x.npy", np.array(rows))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array", b"PK\x03\x04"])
def test_a_file_that_is_no_array(content, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.npy is not a \.npy file of numbers"):
        StoredArray(path).open()


def test_an_array_that_is_not_one_of_numbers(tmp_path):
    for number, array in enumerate((np.array(1.0), np.array(["a"]), np.array([{}], dtype=object))):
        np.save(tmp_path / f"{number}.npy", array, allow_pickle=True)
        with pytest.raises(InputError, match=r"is not a \.npy file of numbers"):
            StoredArray(tmp_path / f"{number}.npy").open()
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    with pytest.raises(InputError, match=r"is not a \.npy file of numbers"):
        StoredArray(tmp_path / "several.npz").open()


def test_a_file_that_was_replaced(stored, tmp_path):
    path = tmp_path / "short.npy"
    np.save(path, np.zeros((3, 2)))
    with pytest.raises(InputError, match="has 3 rows but row 5 is needed"):
        StoredArray(path, np.array([0, 5])).open()


def test_plain_values_and_back(stored):
    for one in (stored, stored.select(np.array([2, 5]), 10)):
        again = StoredArray.from_plain(json.loads(json.dumps(one.to_plain())), "a file")
        assert again.path == one.path
        np.testing.assert_array_equal(again.open(), one.open())


def test_a_folder_that_is_moved_with_its_arrays(stored, tmp_path):
    """The way from the file that refers to the array counts first, then the place where it was."""
    run = tmp_path / "run"
    (run / "arrays").mkdir(parents=True)
    moved = run / "arrays" / "surface.npy"
    np.save(moved, stored.open())
    plain = json.loads(json.dumps(StoredArray(moved).to_plain(run)))
    assert plain["beside"] == "arrays/surface.npy"
    copy = tmp_path / "copies"
    copy.mkdir()
    assert StoredArray.from_plain(plain, "a file", copy).path == moved
    run.rename(tmp_path / "elsewhere")
    again = StoredArray.from_plain(plain, "a file", tmp_path / "elsewhere")
    np.testing.assert_array_equal(again.open(), stored.open())
    with pytest.raises(InputError, match="does not exist any more"):
        StoredArray.from_plain(plain, "a file", copy).open()
    for strange in (3, "\0", "x" * 5000):
        assert StoredArray.from_plain({**plain, "beside": strange}, "a file", copy).path == moved


@pytest.mark.parametrize(
    "plain",
    [
        None, [], {}, {"path": 3}, {"path": "x", "rows": "many"}, {"path": "x", "rows": [1.5]},
        {"path": "x", "rows": [[1], [2, 3]]}, {"path": "x", "rows": [10**30]},
    ],
)  # fmt: skip
def test_plain_values_of_strangers(plain):
    with pytest.raises(InputError, match=r"a file"):
        StoredArray.from_plain(plain, "a file")
