"""Pickles, archives and weights that ask for far more than they hold, or that crash an unwary reader."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

Maker = Callable[[], bytes]

_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
_ARRAY = _RECONSTRUCT + b"q\x01cnumpy\nndarray\nq\x02K\x00\x85q\x03U\x01bq\x040000"
_NEW = b"h\x01h\x02h\x03h\x04\x87R"


def _dtype(name: bytes, order: bytes = b"<") -> bytes:
    sizes = b"J\xff\xff\xff\xff" * 2 + b"K\x00"
    length = bytes([len(name)])
    return b"cnumpy\ndtype\nU" + length + name + b"K\x00K\x01\x87R(K\x03U\x01" + order + b"NNN" + sizes + b"tb"


_OBJECTS, _FLOATS = _dtype(b"O8", b"|") + b"q\x050", _dtype(b"f8") + b"q\x070"


def _packed(data: bytes) -> bytes:
    return zlib.compress(b"\x80\x04" + data + b".", 9)


def _nested_dicts(name: bytes) -> bytes:
    count = 100_000
    return _packed(b"ccollections\n" + name + b"\nq\x000" + b"h\x00)RK\x01" * count + b"N" + b"s" * count)


def _nested_arrays() -> bytes:
    count = 60_000
    return _packed(
        _ARRAY + _OBJECTS + (_NEW + b"(K\x01K\x01\x85h\x05\x89]") * count + b"K\x01" + b"atb" * count + b"0N"
    )


def _arrays_of_one_list() -> bytes:
    shape = b"J" + struct.pack("<i", 100_000) + b"\x85"
    one = _NEW + b"(K\x01" + shape + b"h\x05\x89h\x06tb"
    return _packed(_ARRAY + _OBJECTS + b"]q\x06(" + b"N" * 100_000 + b"e0(" + one * 6000 + b"l")


def _small_arrays() -> bytes:
    one = _NEW + b"(K\x01K\x01\x85h\x07\x89h\x08tb"
    return _packed(_ARRAY + _FLOATS + b"U\x08" + b"a" * 8 + b"q\x080(" + one * 2_000_000 + b"l")


def _columns() -> bytes:
    """A structured type of a structured type, each with a thousand columns."""
    one = b"(K\x03U\x01|N(" + b"".join(b"U\x04c%03d" % i for i in range(1000)) + b"t}("
    one += b"".join(b"U\x04c%03dh\x09K\x00\x86" % i for i in range(1000)) + b"uK\x08K\x01K\x00tb"
    new = b"cnumpy\ndtype\nU\x02V8K\x00K\x01\x87R"
    return _packed(_dtype(b"f8") + b"q\x090" + (new + one + b"q\x090") * 200 + b"h\x09")


def _keys(one: Callable[[int], bytes], count: int) -> bytes:
    return b"\x80\x02}(" + b"".join(one(i) + b"N" for i in range(1, count + 1)) + b"u."


def _complex_key(i: int) -> bytes:
    real, imaginary = struct.pack(">d", -1000003.0 * i), struct.pack(">d", float(i))
    return b"c__builtin__\ncomplex\nG" + real + b"G" + imaginary + b"\x86R"


def _tuple_key(i: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", -1 - (i >> bit & 1)) for bit in range(16)) + b"t"


def _float_key(i: int) -> bytes:
    powers = [2.0 ** (61 * (i >> shift & 7)) for shift in (0, 3, 6, 9, 12)]
    return b"(" + b"".join(b"G" + struct.pack(">d", power) for power in powers) + b"t"


def _whole_key(i: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", i << 41)


def _shared_text() -> bytes:
    """A list of one long text many times over, where numbers are expected: as an array it would take 20 GB."""
    text = b"X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"q\x000"
    return b"\x80\x02" + text + b"K\x01}(U\x04pose](" + b"h\x00" * 5000 + b"eU\x05transNU\x08pred_camNu\x86}q\x010."


def _laughs(depth: int) -> bytes:
    levels = b"".join(b"q%c0](h%ch%ce" % (i, i, i) for i in range(depth))
    return b"\x80\x02}K\x01}U\x04poseG" + struct.pack(">d", 1.0) + levels + b"sU\x05transK\x01ss."


def _texts() -> bytes:
    return _packed(b"\x8d" + struct.pack("<Q", 100 << 20) + b"a" * ((100 << 20) - 4) + "😀".encode())


PICKLES: dict[str, Maker] = {
    "nested_defaultdicts": lambda: _nested_dicts(b"defaultdict"),
    "nested_ordered_dicts": lambda: _nested_dicts(b"OrderedDict"),
    "nested_arrays": _nested_arrays,
    "nested_lists": lambda: _packed(b"]" * 200_000 + b"a" * 199_999),
    "nested_tuples": lambda: _packed(b")" + b"\x85" * 300_000),
    "arrays_of_one_list": _arrays_of_one_list,
    "small_arrays": _small_arrays,
    "columns": _columns,
    "long_items": lambda: _packed(
        _ARRAY + (_NEW + b"(K\x01K\x00\x85" + _dtype(b"V999999999", b"|") + b"\x89U\x00tb") * 9
    ),
    "complex_keys": lambda: _keys(_complex_key, 40_000),
    "tuple_keys": lambda: _keys(_tuple_key, 65_000),
    "float_keys": lambda: _keys(_float_key, 32_000),
    "whole_keys": lambda: _keys(_whole_key, 100_000),
    "sets": lambda: _packed(b"(" + b"\x8f" * 5_000_000 + b"l"),
    "lists": lambda: _packed(b"(" + b"]" * 9_000_000 + b"l"),
    "dicts": lambda: _packed(b"(" + b"}K\x01K\x01s" * 2_500_000 + b"l"),
    "numbers": lambda: _packed(b"(" + b"K\x01" * 9_900_000 + b"l"),
    "memo": lambda: _packed(b"(" + b"N\x94" * 4_900_000 + b"l"),
    "bytes": lambda: _packed(b"\x8e" + struct.pack("<Q", 200 << 20) + bytes(200 << 20)),
    "wide_text": _texts,
    "shared_text": _shared_text,
    "laughs_20": lambda: _laughs(20),
    "laughs_40": lambda: _laughs(40),
    "digits": lambda: b"\x80\x02L" + b"9" * 1_000_000 + b"L\n.",
    "long_number": lambda: b"\x80\x02\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6 + b".",
    "long_name": lambda: b"c" + b"a" * 10**6 + b"\nb\n.",
    "long_key": lambda: b"\x80\x02}X" + struct.pack("<I", 10**6) + b"k" * 10**6 + b"K\x01s.",
    "wide_sparse": lambda: _sparse(2**45),
}


def _sparse(columns: int) -> bytes:
    import pickle

    import scipy.sparse

    matrix = scipy.sparse.csr_matrix(np.eye(24))
    data = pickle.dumps({"J_regressor": matrix}, 2)
    return data.replace(b"K\x18K\x18\x86", b"K\x18\x8a\x06" + columns.to_bytes(6, "little") + b"\x86")


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def stored(members: dict[str, bytes]) -> bytes:
    """As `zipped` without compression, in an eighth of the time: for archives of very many entries."""
    parts, directory, place = [], [], 0
    for name, data in members.items():
        raw = name.encode()
        entry = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(raw), 0)
        parts.append(b"PK\x03\x04" + entry + raw + data)
        directory.append(b"PK\x01\x02\x14\x00" + entry + struct.pack("<HHHII", 0, 0, 0, 0, place) + raw)
        place += len(parts[-1])
    size, count = sum(map(len, directory)), len(parts)
    end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, place)
    end += struct.pack("<4sIQI", b"PK\x06\x07", 0, place + size, 1)
    end += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, size, place, 0)
    return b"".join([*parts, *directory, end])


def safetensors(header: object, data: bytes) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def _overlapping() -> bytes:
    size = 50_000_000
    one = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
    return safetensors({f"t{i}": one for i in range(200)}, bytes(size))


def _sizes() -> bytes:
    numbers = b"\x80\x02](" + b"N" * 1_000_000 + b"eq\x00ctorch\nSize\nq\x01("
    return zipped({"archive/data.pkl": numbers + b"h\x01h\x00\x85R" * 2000 + b"l."})


def _tensors(count: int) -> bytes:
    storage = b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQq\x000"
    one = b"h\x01(h\x00K\x00K\x01\x85K\x01\x85tR"
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\nq\x010"
    return zipped(
        {"archive/data.pkl": b"\x80\x02" + storage + rebuild + b"(" + one * count + b"l.", "archive/data/0": bytes(16)}
    )


WEIGHTS: dict[str, Maker] = {
    "overlapping.safetensors": _overlapping,
    "deep.safetensors": lambda: safetensors(b'{"a":' + b"[" * 100_000, b""),
    "wide.safetensors": lambda: safetensors(b'{"a":[' + b"[]," * 2_000_000 + b"[]]}", b""),
    "text.safetensors": lambda: safetensors(
        {"a": {"dtype": "F" * 10**6, "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "list.safetensors": lambda: safetensors([1, 2], bytes(4)),
    "huge_offset.safetensors": lambda: safetensors(
        b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', bytes(4)
    ),
    "digits.safetensors": lambda: safetensors(b'{"a":' + b"9" * 100_000 + b"}", bytes(4)),
    "byteorder.pt": lambda: zipped({"archive/data.pkl": b"\x80\x02N.", "archive/byteorder": bytes(1 << 30)}),
    "size.pt": _sizes,
    "tensors.pt": lambda: _tensors(2_000_000),
    "entries.pt": lambda: stored({f"archive/{i:07}": b"" for i in range(120_000)} | {"archive/data.pkl": b"N."}),
    "inert.pt": lambda: zipped(
        {"archive/data.pkl": b"\x80\x02cyacs.config\nCfgNode\nq\x00(" + b"h\x00)R" * 3_000_000 + b"l."}
    ),
}


def _npy(header: bytes, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    form = "<H" if version == b"\x01\x00" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(header)) + header + data


_HEADERS: dict[str, bytes] = {
    "open_bracket": b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,\n",
    "quote": b"{'descr': '<f8, 'fortran_order': False, 'shape': (2,)}\n",
    "tabs": b"\t{'descr':\n  '<f8'\n }\n\t\tx\n",
    "bytes": b"\xff\xfe\x00\x01\x02\n",
    "deep": b"(" * 9000 + b"\n",
    "minus": b"-" * 9000 + b"1\n",
    "digits": b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 8000 + b",)}\n",
    "many_sides": b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1," * 4000 + b")}\n",
    "wide_item": b"{'descr': '|V2147483647', 'fortran_order': False, 'shape': (0,)}\n",
    "columns": b"{'descr': [" + b",".join(b"('%d', '<f8')" % i for i in range(500)) + b"], 'fortran_order': False,"
    b" 'shape': (3,)}\n",
    "none": b"None\n",
    "number": b"5\n",
    "no_shape": b"{'descr': '<f8'}\n",
    "shape_of_text": b"{'descr': '<f8', 'fortran_order': False, 'shape': ('a',)}\n",
    "true_shape": b"{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2)}\n",
    "dates": b"{'descr': '<M8[10000000s]', 'fortran_order': False, 'shape': (2,)}\n",
    "long": b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}" + b" " * 100_000 + b"\n",
    "empty": b"",
}

ARCHIVES: dict[str, Maker] = {
    **{
        f"header_{name}.npz": (
            lambda header=header: zipped({"poses.npy": _npy(header, bytes(16), b"\x02\x00"), "trans.npy": b"x"})
        )
        for name, header in _HEADERS.items()
    },
    "entries.npz": lambda: stored({f"{i:07}.npy": b"" for i in range(120_000)}),
    "zeros.npz": lambda: zipped({"poses.npy": _npy(
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (400000, 156)}\n", bytes(8 * 156 * 400_000))}),
    "names.npz": lambda: zipped({"\x1b[31m\n" * 1000 + ".npy": b"x", "poses.npy": b"y"}),
}  # fmt: skip
