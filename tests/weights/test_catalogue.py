"""The catalogue's rows come from the models' own folders and from other packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kinema.models
from kinema.weights import catalogue, hub

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
    assert [entry.name for entry in catalogue.entries()][:11] == [
        "blazepose-detector", "blazepose-landmarks-full", "blazepose-landmarks-heavy", "pare", "pare-3dpw",
        "rtmpose-s-halpe26", "smoothnet-8", "smoothnet-16", "smoothnet-32", "smoothnet-64", "smpl-neutral",
    ]  # fmt: skip


def test_a_model_is_one_folder(fresh, tmp_path, monkeypatch):
    before = catalogue.entries()
    catalogue.entries.cache_clear()
    model_folder(tmp_path, monkeypatch)
    assert [entry.name for entry in catalogue.entries()] == [*(entry.name for entry in before), "toy-weights"]
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
