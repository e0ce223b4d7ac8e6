"""FBX through the user's Blender: how it is found, and errors in one sentence. (test_blender.py runs a real one.)"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from kinema.errors import InputError, UsageError
from kinema.formats import blender, save_motion
from kinema.formats.blender import Blender, find_blender


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without Blender."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(blender.VARIABLE, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(blender, "_USUAL", (str(tmp_path / "*" / "blender"),))


def program(path, lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + lines)
    path.chmod(0o755)
    return path


def test_without_blender_the_error_says_what_to_do(walk, tmp_path, nowhere):
    with pytest.raises(
        UsageError,
        match=r"install it from blender\.org or with `pip install bpy` .* name its program .* KINEMA_BLENDER",
    ):
        save_motion(walk, tmp_path / "walk.fbx")
    assert not (tmp_path / "walk.fbx").exists()


def test_blender_is_found_in_its_usual_locations(tmp_path, nowhere, monkeypatch):
    usual = program(tmp_path / "4.5" / "blender", "exit 0\n")
    assert find_blender() == Blender(usual)
    named = program(tmp_path / "mine", "exit 0\n")
    monkeypatch.setenv(blender.VARIABLE, str(named))
    assert find_blender() == Blender(named)
    with pytest.raises(UsageError, match=r"`blender` names .*not an executable program"):
        find_blender(tmp_path / "missing")


def test_blenders_last_message_is_passed_on(walk, tmp_path):
    failing = program(tmp_path / "blender", "echo starting; echo 'Error: add-on not found' >&2; exit 1\n")
    with pytest.raises(InputError, match="did not write the FBX; its last output: Error: add-on not found"):
        save_motion(walk, tmp_path / "walk.fbx", blender=failing)
    silent = program(tmp_path / "silent", "exit 0\n")
    with pytest.raises(InputError, match="its last output: none"):
        save_motion(walk, tmp_path / "walk.fbx", blender=silent)
    assert not (tmp_path / "walk.fbx").exists()


def test_a_python_that_has_bpy_serves_as_blender(walk, tmp_path, nowhere, monkeypatch):
    with_bpy = program(tmp_path / "python3.11", 'case "$1" in -c) exit 0 ;; esac; echo "$@" >&2; exit 3\n')
    assert find_blender(with_bpy) == Blender(with_bpy, module=True)
    with pytest.raises(InputError, match=r"its last output: .*blender_fbx\.py -- "):
        save_motion(walk, tmp_path / "walk.fbx", blender=with_bpy)
    without = program(tmp_path / "python3", "exit 1\n")
    monkeypatch.setenv(blender.VARIABLE, str(without))
    with pytest.raises(
        UsageError, match=r"KINEMA_BLENDER names .*python3, a Python without the package bpy; run .*pip"
    ):
        find_blender()
    monkeypatch.delenv(blender.VARIABLE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "bpy" or None)
    assert find_blender() == Blender(Path(sys.executable), module=True)
    assert "bpy" not in sys.modules


def test_an_output_that_is_no_binary_fbx_is_an_error(walk, tmp_path):
    text = program(tmp_path / "blender", 'for last; do :; done; shift 7; echo "; FBX 6.1.0" > "$2"; exit 0\n')
    with pytest.raises(InputError, match=r"what Blender wrote is not a binary FBX; use another version of Blender"):
        save_motion(walk, tmp_path / "walk.fbx", blender=text)
    assert not (tmp_path / "walk.fbx").exists()
