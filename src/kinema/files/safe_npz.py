"""Reading a user's `.npz` without running anything from it, arrays of objects included.

numpy reads arrays of objects only through pickle, which runs what the file says; here they go through
the reader of `safe_pickle.py`. An archive may unpack to the limits of `pickle_stream.py`.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from kinema.errors import InputError
from kinema.files.pickle_machine import PickleMachine
from kinema.files.pickle_stream import LEAST_UNPACKED, MOST_RATIO, Malformed, PickleStream
from kinema.files.pickle_values import TABLE
from kinema.files.safe_pickle import reading


def load_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` by name. Raises InputError where it cannot be read, UnsafeFileError where it
    names anything that `load_pickle` would not read.
    """
    path = Path(path)
    with reading(path, "an .npz"), zipfile.ZipFile(path) as archive:
        allowance = max(LEAST_UNPACKED, MOST_RATIO * path.stat().st_size)
        if sum(info.file_size for info in archive.infolist()) > allowance:
            raise Malformed(f"it unpacks to more than {allowance // 2**20} MiB, the limit for a file of its size")
        arrays = {}
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                with archive.open(info) as member:
                    arrays[info.filename[: -len(".npy")]] = _read_array(cast(BinaryIO, member), info.file_size)
    if not arrays:
        raise InputError(f"{path} is a zip archive without any array; name an .npz file")
    return arrays


def _read_array(member: BinaryIO, size: int) -> np.ndarray:
    version = npy.read_magic(member)
    header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if header is None:
        raise Malformed(f"an array in it has the unknown format version {version}")
    shape, fortran, dtype = header(member)
    if dtype.hasobject:
        value = PickleMachine(PickleStream(member, None), TABLE).run()
        if not isinstance(value, np.ndarray) or value.shape != shape:
            raise Malformed("an array of objects in it does not fit its header")
        return value
    count = math.prod(shape)
    if count * dtype.itemsize > size or (count and not dtype.itemsize):
        raise Malformed("an array in it is larger than its contents")
    buffer = PickleStream(member, None).read_buffer(count * dtype.itemsize)
    flat = np.frombuffer(buffer, dtype) if buffer else np.empty(0, dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
