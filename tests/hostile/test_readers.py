"""Readers of camera paths and masks on files made to harm: a sentence, and little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from kinema.errors import InputError
from kinema.formats.camera_files import read_camera_path
from kinema.segmentation.files import read_masks
from tests.hostile.cameras import CAMERAS, COLMAP, MASKS

MOST = 600 * 2**20
"""Bytes: what the smallest file may ask for (`kinema.storage.budget.LEAST`), and a copy."""


def refused(read: Callable[[Path], object], path: Path) -> None:
    """The reader refuses the file with one sentence, within the memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as found:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    sentence = str(found.value)
    assert peak < MOST
    assert len(sentence) < 1000
    assert all(character.isprintable() for character in sentence)


@pytest.mark.parametrize("name", CAMERAS)
def test_camera_paths(tmp_path, name):
    (tmp_path / name).write_bytes(CAMERAS[name]())
    refused(read_camera_path, tmp_path / name)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("name", COLMAP)
def test_models_of_colmap(tmp_path, name):
    for file, content in COLMAP[name].items():
        (tmp_path / file).write_bytes(content)
    refused(read_camera_path, tmp_path)


@pytest.mark.parametrize("name", MASKS)
def test_masks(tmp_path, name):
    (tmp_path / name).write_bytes(MASKS[name]())
    refused(read_masks, tmp_path / name)


def test_what_is_fuzzed_starts_from_files_of_its_kind(tmp_path, monkeypatch):
    """Every target of tools/fuzz has a suffix, and those of camera paths and masks run on their corpus."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "tools" / "fuzz"))
    targets, corpus = import_module("targets"), import_module("corpus")
    assert set(targets.TARGETS) == set(corpus.SUFFIXES)
    for name, target in targets.TARGETS.items():
        if name.partition("-")[0] in ("camera", "colmap", "masks"):
            assert corpus.write_corpus(name, tmp_path / name) > 4
            for seed in list((tmp_path / name).iterdir())[:20]:
                target(seed.read_bytes())
