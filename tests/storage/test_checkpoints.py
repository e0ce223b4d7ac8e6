"""Weights files as arrays: compared with torch where it is installed; hostile and corrupt files."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import sys
import tracemalloc
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, KinemaError, UnsafeFileError
from kinema.storage.checkpoints import load_checkpoint, load_torch_checkpoint, read_checkpoint
from kinema.storage.safe_npz import load_npz
from kinema.storage.safe_pickle import Inert
from tests.helpers.hostile_files import Call

FORMATS = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="the torch extra is not installed")


def saved(torch, path: Path, value, *, new: bool, protocol: int = 2) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=new, pickle_protocol=protocol)
    return path


def tensors(torch) -> dict:
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(6, 8, generator=generator)
    kinds = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64")
    return OrderedDict(
        {kind: (10 * torch.randn(3, 4, generator=generator)).to(getattr(torch, kind)) for kind in kinds},
        bfloat16=torch.tensor([[1.5, -2.25], [3e38, float("inf")]], dtype=torch.bfloat16),
        transposed=base.t(),
        part=base[2:5, 1:7:2],
        expanded=base[:1].expand(5, 8),
        channels_last=torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last),
        same=base,
        scalar=torch.tensor(7),
        empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.ones(2, 2)),
        grad=torch.ones(2, requires_grad=True),
    )


@pytest.mark.torch
@FORMATS
@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_equal_those_read_by_torch(torch, tmp_path, new, protocol):
    path = saved(torch, tmp_path / "weights.pth", tensors(torch), new=new, protocol=protocol)
    expected = {name: tensor.detach() for name, tensor in torch.load(path, weights_only=False).items()}
    loaded = load_checkpoint(path)
    assert list(loaded) == list(expected)
    for name, tensor in expected.items():
        wanted = tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
        assert loaded[name].dtype == wanted.dtype, name
        assert loaded[name].shape == wanted.shape, name
        assert np.array_equal(loaded[name], wanted), name
        assert loaded[name].flags.writeable, name
    back = load_torch_checkpoint(path)
    assert torch.equal(back["transposed"], expected["transposed"])


@pytest.mark.torch
@FORMATS
def test_gpu_tensors_are_read_without_a_gpu(torch, tmp_path, new):
    path = saved(torch, tmp_path / "weights.pth", {"w": torch.arange(3.0)}, new=new)
    place, gpu = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    if new:
        members = {}
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name).replace(place, gpu) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        path.write_bytes(path.read_bytes().replace(place, gpu))
    assert np.array_equal(load_checkpoint(path)["w"], [0.0, 1.0, 2.0])


@pytest.mark.torch
def test_the_weights_are_found_under_every_common_key(torch, tmp_path):
    weights = {"layer.weight": torch.ones(2)}
    for value in (
        weights,
        {"state_dict": weights, "epoch": 3, "best": torch.tensor(1.0)},
        {"model_state_dict": weights, "optimizer": {"step": torch.tensor(5)}},
        {"model": weights, "lr": 0.1},
    ):
        path = saved(torch, tmp_path / "weights.pth", value, new=True)
        assert list(load_checkpoint(path)) == ["layer.weight"]
    path = saved(torch, tmp_path / "two.pth", {"gen": weights, "disc": {"other": torch.zeros(1)}}, new=True)
    assert list(load_checkpoint(path, key="disc")) == ["other"]
    with pytest.raises(InputError, match="has no 'net'; its keys are gen, disc"):
        load_checkpoint(path, key="net")
    with pytest.raises(InputError, match="contains no weights"):
        load_checkpoint(saved(torch, tmp_path / "none.pth", {"epoch": 3}, new=True))


@pytest.fixture
def foreign_classes(monkeypatch):
    """Modules named like Lightning's and yacs', whose classes torch can pickle."""

    class CfgNode(dict):
        def __init__(self, values):
            super().__init__(values)
            self.__dict__["_frozen"] = True

    class AttributeDict(dict):
        pass

    class ModelCheckpoint:
        def __init__(self):
            self.monitor = "val_loss"

    for module, kinds in {
        "yacs.config": [CfgNode],
        "pytorch_lightning.utilities.parsing": [AttributeDict],
        "pytorch_lightning.callbacks.model_checkpoint": [ModelCheckpoint],
    }.items():
        parts = module.split(".")
        for end in range(1, len(parts)):
            monkeypatch.setitem(sys.modules, ".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
        fake = types.ModuleType(module)
        for kind in kinds:
            kind.__module__, kind.__qualname__ = module, kind.__name__
            setattr(fake, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, module, fake)
    return CfgNode, AttributeDict, ModelCheckpoint


@pytest.mark.torch
@FORMATS
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_lightning_checkpoint_with_yacs_objects(torch, tmp_path, foreign_classes, new, protocol):
    node, attributes, callback = foreign_classes
    value = {
        "epoch": 12,
        "pytorch-lightning_version": "1.1.8",
        "state_dict": OrderedDict({"model.backbone.conv1.weight": torch.randn(4, 3, 3, 3)}),
        "callbacks": {callback: {"best": torch.tensor(0.5), "object": callback()}},
        "hyper_parameters": attributes(cfg=node({"LR": 1e-4, "DATASET": node({"IMG_RES": 224})}), args=Namespace(a=1)),
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}],
    }
    path = saved(torch, tmp_path / "pare.ckpt", value, new=new, protocol=protocol)
    loaded = read_checkpoint(path)
    assert list(load_checkpoint(path)) == ["model.backbone.conv1.weight"]
    parameters = loaded["hyper_parameters"]
    assert isinstance(parameters, Inert)
    assert parameters.name == "pytorch_lightning.utilities.parsing.AttributeDict"
    inside = dict(parameters.entries)
    assert inside["args"].state == {"a": 1}
    assert dict(inside["cfg"].entries)["LR"] == 1e-4
    assert inside["cfg"].state == {"_frozen": True}
    ((key, inside),) = loaded["callbacks"].items()
    assert key.name == "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"
    assert inside["object"].state == {"monitor": "val_loss"}
    assert loaded["optimizer_states"][0]["state"][0]["exp_avg"].tolist() == [0, 0]


@pytest.mark.torch
@FORMATS
def test_a_hostile_checkpoint_is_refused_by_name_and_executes_nothing(torch, tmp_path, new):
    touched = tmp_path / "touched"
    path = saved(
        torch,
        tmp_path / "evil.ckpt",
        {"state_dict": {"w": torch.ones(1)}, "x": Call(os.system, f"touch {touched}")},
        new=new,
    )
    with pytest.raises(UnsafeFileError, match=r"\.system"):
        load_checkpoint(path)
    assert not touched.exists()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_tensors_of_a_torchscript_program_are_read_by_name(torch, tmp_path):
    """Those of its state dict, and attributes that are no part of it; halves stay halves."""
    inner = torch.nn.Sequential(torch.nn.Linear(2, 3).half(), torch.nn.BatchNorm1d(3))
    inner[1].register_buffer("fixed", torch.arange(3.0), persistent=False)
    program = torch.jit.script(torch.nn.Sequential(inner, torch.nn.Linear(3, 1)))
    torch.jit.save(program, str(tmp_path / "program.pt"))
    found = load_checkpoint(tmp_path / "program.pt")
    expected = {**program.state_dict(), "0.1.fixed": torch.arange(3.0)}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.numpy())
    assert found["0.0.weight"].dtype == np.float16


def test_modules_that_hold_each_other_many_times_are_refused(tmp_path):
    """Two names for one module, sixty levels deep: more names than memory could hold."""
    lines = [b"\x80\x02c__torch__\nM\n)\x81}bq\x00"]
    lines += [b"c__torch__\nM\n)\x81}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00ubq\x00"] * 60
    path = tmp_path / "program.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p/data.pkl", b"".join(lines) + b".")
        archive.writestr("p/constants.pkl", b"")
    with pytest.raises(InputError, match=r"program\.pt is corrupt"):
        load_checkpoint(path)


@pytest.mark.torch
@FORMATS
def test_a_file_truncated_anywhere_is_an_input_error(torch, tmp_path, new):
    path = saved(torch, tmp_path / "weights.pth", {"w": torch.arange(40.0), "b": torch.zeros(3)}, new=new)
    data = path.read_bytes()
    for end in range(0, len(data) - 1, 7):
        path.write_bytes(data[:end])
        with pytest.raises(InputError):
            load_checkpoint(path)


@pytest.mark.torch
@FORMATS
@given(st.data())
def test_corrupt_files_raise_only_kinema_errors(torch, tmp_path_factory, new, data):
    path = tmp_path_factory.getbasetemp() / "corrupt.pth"
    saved(torch, path, {"w": torch.arange(12.0).reshape(3, 4).t(), "n": [1, "x"]}, new=new)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(KinemaError):
        load_checkpoint(path)


# Hand-made torch files with inconsistent contents. GLOBAL and the tuple opcodes are those of pickletools.


def zip_file(path: Path, data: bytes, storages: dict[str, bytes], **extra: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for key, raw in storages.items():
            archive.writestr(f"archive/data/{key}", raw)
        for name, raw in extra.items():
            archive.writestr(f"archive/{name}", raw)
    return path


def tensor_pickle(offset: int, size: tuple, stride: tuple, *, count: int = 4, kind: str = "FloatStorage") -> bytes:
    def number(n: int) -> bytes:
        raw = n.to_bytes(9, "little", signed=True)
        return b"\x8a\x09" + raw

    def numbers(values: tuple) -> bytes:
        return b"(" + b"".join(number(n) for n in values) + b"t"

    storage = f"(U\x07storagectorch\n{kind}\nU\x010U\x03cpu".encode() + number(count) + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + numbers(size) + numbers(stride)
    return b"\x80\x02}U\x01w" + call + b"\x89ccollections\nOrderedDict\n)RtRs."


def test_a_hand_made_tensor_is_read_without_torch(tmp_path):
    raw = struct.pack("<4f", 1, 2, 3, 4)
    path = zip_file(tmp_path / "w.pth", tensor_pickle(0, (2, 2), (1, 2)), {"0": raw})
    assert np.array_equal(load_checkpoint(path)["w"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (tensor_pickle(0, (5,), (1,)), "beyond its data"),
        (tensor_pickle(3, (2,), (1,)), "beyond its data"),
        (tensor_pickle(2**62, (2,), (1,)), "beyond its data"),
        (tensor_pickle(0, (2, 2), (2**62, 1)), "beyond its data"),
        (tensor_pickle(-1, (2,), (1,)), "invalid shape"),
        (tensor_pickle(0, (-2,), (1,)), "invalid shape"),
        (tensor_pickle(3, (2,), (-1,)), "invalid shape"),
        (tensor_pickle(0, (2,), (1, 1)), "invalid shape"),
        (tensor_pickle(0, (2**40,), (0,)), "far more memory"),
        (tensor_pickle(0, (2**20, 2**20, 2**20), (0, 0, 0)), "far more memory"),
        (tensor_pickle(0, (2,), (1,), count=400), "less data than it needs"),
        (tensor_pickle(0, (2,), (1,), count=-4), "which Kinema does not read"),
        (tensor_pickle(0, (2,), (1,), kind="DoubleStorage"), "less data than it needs"),
        (tensor_pickle(0, (2,), (1,)).replace(b"U\x010", b"U\x019"), "violate the format"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01K\x01K\x01tR.", "tensor in it is incomplete"),
        (b"\x80\x02K\x01Q.", "not a storage"),
    ],
)
def test_tensors_with_inconsistent_sizes(tmp_path, data, word):
    path = zip_file(tmp_path / "w.pth", data, {"0": bytes(16)})
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=word):
            load_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "name", ["torch.load", "torch.hub.load", "torch.storage._load_from_bytes", "torch.QInt8Storage"]
)
def test_other_names_of_torch_are_refused(tmp_path, name):
    module, _, leaf = name.rpartition(".")
    path = zip_file(tmp_path / "w.pth", f"\x80\x02c{module}\n{leaf}\n.".encode("latin1"), {})
    with pytest.raises(UnsafeFileError, match=name):
        load_checkpoint(path)


def test_other_zip_archives(tmp_path):
    good = tensor_pickle(0, (2,), (1,))
    with pytest.raises(InputError, match="big-endian"):
        load_checkpoint(zip_file(tmp_path / "w.pth", good, {"0": bytes(16)}, byteorder=b"big"))
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("word/document.xml", "x")
    with pytest.raises(InputError, match=r"without torch's data\.pkl"):
        load_checkpoint(tmp_path / "w.pth")


def test_an_archive_that_inflates_is_stopped(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", tensor_pickle(0, (2,), (1,), count=2**27))
        with archive.open("archive/data/0", "w") as member:
            for _ in range(2**9):
                member.write(bytes(2**20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="far more memory"):
            load_checkpoint(tmp_path / "w.pth")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_plain_pickle_of_arrays(tmp_path):
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"model": {"w": np.ones(2)}, "epoch": 1}))
    assert list(load_checkpoint(tmp_path / "w.pkl")) == ["w"]


@pytest.mark.parametrize(
    ("content", "word"), [(b"<!DOCTYPE html>", "web page"), (b"", "empty"), (b"version https://g", "Git LFS")]
)
def test_failed_downloads_are_identified(tmp_path, content, word):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=word):
        load_checkpoint(tmp_path / "w.pth")


def test_what_is_no_checkpoint_is_called_no_weights_file(tmp_path):
    """Not a pickle, of which whoever adds weights need not know; and no name of an exception."""
    (tmp_path / "t.txt").write_bytes(b"hello\n")
    with pytest.raises(InputError, match=r"not a weights file: its contents violate the format; get a fresh copy"):
        load_checkpoint(tmp_path / "t.txt")


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(tmp_path / "w.pth")
    with pytest.raises(InputError, match="does not exist"):
        load_npz(tmp_path / "w.npz")


@pytest.mark.real
@pytest.mark.parametrize("window", [8, 16, 32, 64])
def test_published_smoothnet_files(data_dir, window):
    path = data_dir.parent / f"weights/smoothnet/pw3d_spin_3D/checkpoint_{window}.pth.tar"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    loaded = load_checkpoint(path)
    assert loaded["encoder.0.weight"].shape == (512, window)
    assert loaded["decoder.weight"].shape == (window, 512)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in loaded.values())
    assert {"epoch", "performance", "optimizer"} <= set(read_checkpoint(path))


def test_reading_weights_imports_no_torch(tmp_path):
    import subprocess

    path = zip_file(tmp_path / "w.pth", tensor_pickle(0, (2,), (1,)), {"0": bytes(16)})
    script = (
        "import sys; from kinema.weights.holdings import load_checkpoint; "
        f"load_checkpoint({str(path)!r}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
