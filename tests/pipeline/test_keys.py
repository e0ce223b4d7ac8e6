"""The identity of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import kinema
from kinema.errors import InputError
from kinema.pipeline.keys import code_identity, digest, input_identity


def test_the_end_of_a_file_counts(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a" * 3_000_000)
    first = input_identity(path)
    stamp = path.stat()
    path.write_bytes(b"a" * 2_999_999 + b"b")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert input_identity(path)["sample"] != first["sample"]


def test_the_time_counts_where_the_sample_cannot_see(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a" * 3_000_000)
    first = input_identity(path)
    path.write_bytes(b"a" * 1_500_000 + b"b" + b"a" * 1_499_999)
    os.utime(path, ns=(1, 1))
    assert input_identity(path)["sample"] == first["sample"]
    assert input_identity(path) != first


def test_a_folder_is_its_list_of_files(tmp_path):
    for name in ("1.png", "2.png", "3.png"):
        (tmp_path / name).write_bytes(name.encode())
    first = input_identity(tmp_path)
    (tmp_path / "2.png").unlink()
    assert input_identity(tmp_path) != first


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        input_identity(tmp_path / "missing.mp4")


def test_shipped_data_is_part_of_the_program(monkeypatch, tmp_path):
    """Bundled networks and tables affect results as much as the modules do."""
    package = tmp_path / "kinema"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.onnx").write_bytes(b"one")
    monkeypatch.setattr("kinema.pipeline.keys.PACKAGE", package)
    first = code_identity.__wrapped__()
    (package / "net.onnx").write_bytes(b"two")
    assert code_identity.__wrapped__() != first
    before = code_identity.__wrapped__()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert code_identity.__wrapped__() == before


def test_rooms_alone():
    assert code_identity("synthetic", "body") != code_identity("body") != code_identity()
    assert (Path(kinema.__file__).parent / "synthetic").is_dir()


def test_digest_tells_values_apart():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
