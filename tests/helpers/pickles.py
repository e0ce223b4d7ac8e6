"""Values that a pickle may contain, and files to read them from."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

VALUES: dict[str, Any] = {
    "array": np.arange(12.0).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "transposed": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    "big_endian": np.arange(3, dtype=">i4"),
    "table": np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8", (2,))]),
    "text": np.array(["ab", "c"]),
    "empty": np.empty((0, 5), np.float32),
    "zero_dim": np.array(5.0),
    "objects": np.array([np.arange(3), "x", None, {"a": 1}], dtype=object),
    "scalar": np.float32(3),
    "dtype": np.dtype("f4"),
    "ordered": OrderedDict(a=1, b=[1, 2]),
    "sets": [{1, 2}, frozenset([3])],
    "numbers": [1j, 2**70, -5, 300, 70000, 0.5, True, None],
    "bytes": [b"abc\xff", bytearray(b"xx"), b""],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "unicode": "ü€𐀀\n",
    "csc": scipy.sparse.csc_matrix(np.eye(3)),
    "csr": scipy.sparse.csr_array(np.eye(3)),
    "coo": scipy.sparse.coo_matrix(np.eye(3)),
}


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    return path
