"""Two hundred files that a motion reader must withstand, as (name, bytes); always the same ones."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

COUNT = 200
N = 20


class Call:
    """An object whose pickle asks for a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def touching(marker: object) -> Call:
    """An object whose pickle asks for a shell command that creates the file `marker`."""
    return Call(os.system, f"touch {marker}")


def person(n: int = N, **changes: Any) -> dict[str, Any]:
    """A person in video2pkl's layout."""
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.3, (n, 72))
    fields = {
        "pose": pose, "global_orient": pose[:, :3], "betas": np.zeros((n, 10)), "trans": rng.normal(0, 0.1, (n, 3)),
        "joints3d": rng.normal(0, 0.3, (n, 49, 3)), "frame_ids": np.arange(n),
    }  # fmt: skip
    fields |= changes
    return {key: value for key, value in fields.items() if value is not None}


def hostile_files(marker: str) -> Iterator[tuple[str, bytes]]:
    """All of them. marker: a path that the malicious ones try to create."""
    joblib = pytest.importorskip("joblib")
    made = [*_malicious(marker), *_bombs(), *_wrong_values(), *_npz(), *_not_motion()]
    whole = pickle.dumps({1: person()}, protocol=4)
    buffer = io.BytesIO()
    joblib.dump({1: person()}, buffer)
    archive = _archive(person())
    rng = np.random.default_rng(1)
    # The rest: valid files truncated at any length, or with bytes changed.
    while len(made) < COUNT:
        i = len(made)
        source, suffix = ((whole, "pkl"), (buffer.getvalue(), "pkl"), (archive, "npz"))[i % 3]
        if i % 2:
            data = source[: int(rng.integers(0, len(source)))]
            made.append((f"{i:03}_truncated.{suffix}", data))
        else:
            changed = np.frombuffer(source, np.uint8).copy()
            where = rng.integers(0, min(len(changed), 4000), int(rng.integers(1, 30)))
            changed[where] = rng.integers(0, 256, len(where))
            made.append((f"{i:03}_changed.{suffix}", changed.tobytes()))
    return iter(made[:COUNT])


def _malicious(marker: str) -> list[tuple[str, bytes]]:
    import builtins
    import os
    import subprocess

    command = f"touch {marker}"
    calls = {
        "system": Call(os.system, command),
        "popen": Call(subprocess.Popen, ["touch", marker]),
        "eval": Call(builtins.eval, f"open({marker!r}, 'w')"),
        "exec": Call(builtins.exec, f"open({marker!r}, 'w')"),
        "open": Call(builtins.open, marker, "w"),
        "getattr": Call(builtins.getattr, "system", "upper"),
        "import": Call(builtins.__import__, "os"),
        "numpy_load": Call(np.load, marker),
        "memmap": Call(np.memmap, marker, "float32", "w+", 0, (4,)),
        "mkdir": Call(os.mkdir, marker),
    }
    made = []
    for name, call in calls.items():
        for protocol in (0, 2, 4):
            data = pickle.dumps({1: person(extra=call)} if protocol != 2 else call, protocol=protocol)
            made.append((f"call_{name}_{protocol}.pkl", data))
    made.append(
        ("call_in_npz.npz", _archive({"poses": np.array([calls["system"]], dtype=object), "trans": np.zeros(3)}))
    )
    made.append(("call_gzip.pkl", gzip.compress(pickle.dumps(calls["system"]))))
    made.append(("call_stack_global.pkl", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."))
    made.append(("call_instance.pkl", b"(S'true'\nios\nsystem\n."))
    made.append(("call_persistent.pkl", b"\x80\x04\x8c\x02id\x94Q."))
    made.append(("call_extension.pkl", b"\x80\x04\x82\x01."))
    return made


def _bombs() -> list[tuple[str, bytes]]:
    zeros = zlib.compress(b"\0" * 200_000_000, 9)
    big = io.BytesIO()
    with zipfile.ZipFile(big, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("poses.npy", "w") as entry:
        np.lib.format.write_array_header_1_0(
            entry, {"descr": "<f8", "fortran_order": False, "shape": (4_000_000, 72)}
        )  # fmt: skip
        for _ in range(100):
            entry.write(bytes(4_000_000))
    claims = io.BytesIO()
    np.lib.format.write_array_header_1_0(claims, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 72)})
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive:
        archive.writestr("poses.npy", claims.getvalue())
    deep_list = b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    deep_tuple = b"\x80\x04)" + b"\x85" * 200_000 + b"."
    twice = b"\x80\x04]\x94" + b"(h\x00h\x00e" * 5 + b"."
    laughs = b"\x80\x04]\x94\x94" + b"".join(b"](h%ch%ce\x94" % (i, i) for i in range(40)) + b"."
    length = b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x."
    memo = b"\x80\x04" + b"K\x01r" + struct.pack("<I", 2**31) + b"."
    return [
        ("bomb_zlib.pkl", zeros), ("bomb_gzip.pkl", gzip.compress(b"\0" * 50_000_000)), ("bomb.npz", big.getvalue()),
        ("claims.npz", lying.getvalue()), ("deep_list.pkl", deep_list), ("deep_tuple.pkl", deep_tuple),
        ("itself.pkl", twice), ("laughs.pkl", laughs), ("length.pkl", length), ("memo.pkl", memo),
        ("long_number.pkl", b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"1."),
        ("frame.pkl", b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"."),
    ]  # fmt: skip


def _wrong_values() -> list[tuple[str, bytes]]:
    nan = np.full((N, 72), np.nan)
    one_nan = np.zeros((N, 3))
    one_nan[7, 1] = np.inf
    ragged = np.empty(3, dtype=object)
    ragged[:] = [np.zeros(2), "x", None]
    matrices = np.zeros((N, 24, 3, 3))
    people: dict[str, Any] = {
        "nan_pose": person(pose=nan), "inf_trans": person(trans=one_nan), "text_pose": person(pose="pose"),
        "text_array": person(pose=np.full((N, 72), "a")), "bytes_array": person(trans=np.full((N, 3), b"x")),
        "complex": person(pose=np.zeros((N, 72), complex)), "object_pose": person(pose=ragged),
        "object_trans": person(trans=np.full((N, 3), None)), "bool_pose": person(pose=np.ones((N, 72), bool)),
        "short_trans": person(trans=np.zeros((N - 3, 3))), "flat_pose": person(pose=np.zeros(72 * N)),
        "wide_pose": person(pose=np.zeros((N, 73))), "wide_trans": person(trans=np.zeros((N, 4))),
        "empty_pose": person(pose=np.zeros((0, 72)), trans=np.zeros((0, 3))), "scalar_pose": person(pose=np.array(1.0)),
        "no_trans": person(trans=None), "no_pose": person(pose=None), "no_betas": person(betas=None),
        "odd_betas": person(betas=np.zeros((3, 10))), "many_betas": person(betas=np.zeros((N, 300))),
        "negative_ids": person(frame_ids=np.arange(N) - 5), "falling_ids": person(frame_ids=np.arange(N)[::-1]),
        "same_ids": person(frame_ids=np.zeros(N, int)), "half_ids": person(frame_ids=np.arange(N) + 0.5),
        "nan_ids": person(frame_ids=np.full(N, np.nan)), "huge_ids": person(frame_ids=np.arange(N) + 2**62),
        "far_ids": person(frame_ids=np.arange(N) * 10**9), "few_ids": person(frame_ids=np.arange(3)),
        "zero_matrices": person(pose=matrices), "large_angles": person(pose=np.full((N, 72), 180.0)),
        "huge_values": person(pose=np.full((N, 72), 1e300), trans=np.full((N, 3), 1e300)),
        "far_away": person(trans=np.full((N, 3), 1e12)), "list_pose": person(pose=[[0.0] * 72] * N),
        "ragged_list": person(pose=[[0.0] * 72, [0.0]]), "dict_pose": person(pose={"a": 1}),
        "structured": person(trans=np.zeros(N, dtype=[("x", float), ("y", float)])),
        "wrong_joints": person(joints3d=np.zeros((N, 5, 3))),
        "nan_joints": person(joints3d=np.full((N, 49, 3), np.nan)),
        "other_root": person(global_orient=np.ones((N, 3))), "one_frame": person(1), "two_frames": person(2),
        "big_endian": person(pose=np.zeros((N, 72), ">f4")), "half_floats": person(pose=np.zeros((N, 72), np.float16)),
        "time": person(trans=np.zeros((N, 3), "datetime64[s]")),
    }  # fmt: skip
    made = [(f"{name}.pkl", pickle.dumps({1: value})) for name, value in people.items()]
    tracks: dict[str, Any] = {
        "text_id": {"first": person()}, "none_id": {None: person()}, "float_id": {1.5: person()},
        "tuple_id": {(1, 2): person()}, "same_id": {1: person(), "1": person()}, "huge_id": {10**400: person()},
        "not_a_person": {1: 5}, "mixed": {1: person(), 2: [1, 2, 3]}, "one_bad": {1: person(), 2: person(pose=nan)},
        "nobody": {}, "unprintable": {"\x1b[31m\n": person()},
    }  # fmt: skip
    return made + [(f"{name}.pkl", pickle.dumps(value)) for name, value in tracks.items()]


def _npz() -> list[tuple[str, bytes]]:
    good = {"poses": np.zeros((N, 156)), "trans": np.zeros((N, 3)), "betas": np.zeros(16), "mocap_framerate": 60.0}
    changes: dict[str, dict[str, Any]] = {
        "nan": {"poses": np.full((N, 156), np.nan)}, "rate_zero": {"mocap_framerate": 0.0},
        "rate_nan": {"mocap_framerate": np.nan}, "rate_text": {"mocap_framerate": "fast"},
        "rate_negative": {"mocap_framerate": -30.0}, "rate_tiny": {"mocap_framerate": 1e-300},
        "narrow": {"poses": np.zeros((N, 5))}, "no_frames": {"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))},
        "short": {"trans": np.zeros((N - 1, 3))}, "cube": {"trans": np.zeros((N, 3, 1))},
        "objects": {"poses": np.array([None, 1], dtype=object)}, "text": {"poses": np.array(["a", "b"])},
    }  # fmt: skip
    made = [(f"amass_{name}.npz", _archive(good | change)) for name, change in changes.items()]
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../evil.npy", b"x")
        archive.writestr("poses.npy", b"\x93NUMPY\x01\x00\xff\xff{'descr': '<f8'")
    both = _archive(good)
    encrypted = bytearray(both)
    encrypted[6] |= 1
    return [
        *made, ("outside.npz", outside.getvalue()), ("encrypted.npz", bytes(encrypted)),
        ("no_zip.npz", b"PK\x03\x04junk"),
        ("empty.npz", _archive({})), ("pickle.npz", pickle.dumps({1: person()})), ("archive.pkl", both),
    ]  # fmt: skip


def _not_motion() -> list[tuple[str, bytes]]:
    values: dict[str, Any] = {"number": 5, "text": "pose", "none": None, "list": [person()], "array": np.zeros((N, 72)),
                              "set": {1, 2}, "nested": {1: {1: {1: person()}}}}  # fmt: skip
    made = [(f"just_{name}.pkl", pickle.dumps(value)) for name, value in values.items()]
    return [
        *made, ("empty.pkl", b""), ("text.pkl", b"hello\n"), ("json.pkl", b'{"pose": [1, 2]}'),
        ("png.pkl", b"\x89PNG\r\n"),
        ("zeros.pkl", bytes(1000)), ("random.pkl", np.random.default_rng(2).bytes(5000)), ("stop.pkl", b"."),
        ("model.pt", b"PK\x03\x04"), ("random.pt", np.random.default_rng(3).bytes(3000)), ("notes.txt", b"pose\n"),
        ("html.pkl", b"<!doctype html><title>404</title>"),
    ]  # fmt: skip


def _archive(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()
