"""Files of NASA's Common Data Format: what is read, and files that declare more than they hold."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.storage.cdf import load_cdf
from tests.helpers.original_datasets import write_cdf

VALUES = np.arange(4 * 96.0).reshape(4, 96)


def test_the_numbers_of_a_variable(tmp_path):
    path = write_cdf(tmp_path / "a.cdf", VALUES)
    np.testing.assert_array_equal(np.squeeze(load_cdf(path, "Pose")), VALUES)


def counted(path, place: int, count: int) -> None:
    """Write one of the counts of the file's global record, whose place is in the first."""
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from(">q", data, 20)
    struct.pack_into(">i", data, first + place, count)
    path.write_bytes(data)


@pytest.mark.parametrize("place", [44, 48, 60])  # numbers of r-variables, attributes, z-variables
def test_records_without_end(tmp_path, place):
    path = write_cdf(tmp_path / "a.cdf", VALUES)
    counted(path, place, 2**31 - 1)
    with pytest.raises(InputError, match=r"a\.cdf is corrupt"):
        load_cdf(path, "Pose")


def test_damaged_and_other_files(tmp_path):
    path = write_cdf(tmp_path / "a.cdf", VALUES)
    whole = path.read_bytes()
    for content in (
        b"",
        b"PK\x03\x04" + whole[4:],
        whole[:40],
        whole[: len(whole) // 2],
        whole[:4] + bytes(4) + whole[8:],
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.cdf is corrupt"):
            load_cdf(path, "Pose")
    with pytest.raises(InputError, match="does not exist"):
        load_cdf(tmp_path / "no.cdf", "Pose")
