"""The catalogue's rows come from the models' own folders and from other packages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kinema.models
from kinema.weights import catalogue, hub
from kinema.weights.places import Download, Npm, Wheel

ROWS = """
from kinema.weights.entry import APACHE, Entry

ENTRIES = (
    Entry(
        name="{name}", group="toy", file="{file}", what="a toy", licence=APACHE, instructions="make it", holds=("w",)
    ),
)
"""


@pytest.fixture
def fresh(monkeypatch):
    """The catalogue is collected again in the test, and again after it."""
    catalogue.entries.cache_clear()
    yield
    monkeypatch.undo()
    catalogue.entries.cache_clear()
    for name in [name for name in sys.modules if "toy" in name.split(".")]:
        del sys.modules[name]


def model_folder(tmp_path: Path, monkeypatch, name: str = "toy-weights", file: str = "toy.npz") -> None:
    """A model `toy` in addition to Kinema's own."""
    folder = tmp_path / "models" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""A toy."""\n')
    (folder / "weights.py").write_text(ROWS.format(name=name, file=file))
    monkeypatch.setattr(kinema.models, "__path__", [*kinema.models.__path__, str(folder.parent)])


def other_package(tmp_path: Path, monkeypatch, content: str) -> None:
    """An installed package that brings a model by its entry point."""
    site = tmp_path / "site"
    (site / "toy").mkdir(parents=True)
    (site / "toy" / "__init__.py").write_text("")
    (site / "toy" / "rows.py").write_text(content)
    about = site / "toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kinema.models]\ntoy = toy.rows\n")
    monkeypatch.syspath_prepend(str(site))


def test_the_listing_has_a_fixed_order():
    names = [entry.name for entry in catalogue.entries()]
    assert names[:9] == [
        "alphapose", "blazepose-detector", "blazepose-landmarks-full", "blazepose-landmarks-heavy", "deeplabv3",
        "droid", "hrnet-w32", "hrnet-w48", "maskrcnn",
    ]  # fmt: skip
    families = [name.split("-")[0] for name in names]
    assert [name for i, name in enumerate(families) if i == 0 or families[i - 1] != name] == [
        "alphapose", "blazepose", "deeplabv3", "droid", "hrnet", "maskrcnn", "nlf", "pare", "rife", "rtmdet", "rtmo",
        "rtmpose", "dwpose", "rtmw", "smoothnet", "smpl", "stcn", "vitpose", "yolov3", "yolox",
    ]  # fmt: skip
    assert {"rtmpose-s-halpe26", "rtmpose-m", "yolox-tiny", "rtmo-s", "vitpose-b"} <= set(names)


def test_every_entry_says_how_to_get_it():
    names = [entry.name for entry in catalogue.entries()]
    assert len(set(names)) == len(names)
    assert len({entry.file for entry in catalogue.entries()}) == len(names)
    for entry in catalogue.entries():
        assert (entry.place is not None) != bool(entry.instructions)
        if isinstance(entry.place, Wheel | Npm):
            assert entry.sha256 is not None
            assert entry.member
        if isinstance(entry.place, Download):
            assert entry.place.url.startswith("https://")
            assert entry.place.suffix in (".zip", Path(entry.file).suffix)
            assert (entry.place.suffix == ".zip") == bool(entry.member)
        assert entry.sha256 is not None or entry.holds or entry.size or entry.file.endswith(".onnx")
        for sha256 in (entry.sha256, entry.place and entry.place.sha256):
            assert sha256 is None or re.fullmatch("[0-9a-f]{64}", sha256)
        assert entry.data is not None or entry.group == "smpl"
        assert (
            entry.licence.use == "any" or "commercial" in entry.licence.summary or "academic" in entry.licence.summary
        )
        assert entry.licence.url.startswith("https://")


def test_a_model_is_one_folder(fresh, tmp_path, monkeypatch):
    before = catalogue.entries()
    catalogue.entries.cache_clear()
    model_folder(tmp_path, monkeypatch)
    assert [entry for entry in catalogue.entries() if entry.name != "toy-weights"] == list(before)
    assert hub.status(catalogue.find("toy-weights")).state == "missing"


def test_other_packages_add_models(fresh, tmp_path, monkeypatch):
    other_package(tmp_path, monkeypatch, ROWS.format(name="toy-weights", file="toy.npz"))
    assert catalogue.entries()[-1].name == "toy-weights"
    assert catalogue.find_group("toy") == (catalogue.find("toy-weights"),)


def test_what_fails_in_another_package_is_left_out(fresh, tmp_path, monkeypatch):
    before = catalogue.entries()
    catalogue.entries.cache_clear()
    other_package(tmp_path, monkeypatch, "raise RuntimeError('no')\n")
    with pytest.warns(UserWarning, match=r"the model 'toy' \(toy\.rows\) are left out: RuntimeError: no"):
        assert catalogue.entries() == before


@pytest.mark.parametrize(("name", "file"), [("pare", "toy.npz"), ("toy-weights", "pose_detection.tflite")])
def test_nobody_takes_the_place_of_another(fresh, tmp_path, monkeypatch, name, file):
    before = catalogue.entries()
    catalogue.entries.cache_clear()
    other_package(tmp_path, monkeypatch, ROWS.format(name=name, file=file))
    with pytest.warns(UserWarning, match=r"left out: UsageError: there are already weights called .*"):
        assert catalogue.entries() == before


def test_listing_loads_no_runtime():
    code = (
        "import sys; from kinema.weights.catalogue import entries; entries(); "
        "print([name for name in ('torch', 'onnxruntime', 'ai_edge_litert', 'cv2', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
