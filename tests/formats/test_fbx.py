"""FBX through the user's Blender: how it is found, and errors in one sentence. (test_blender.py runs a real one.)"""

from __future__ import annotations

import pytest

from kinema.errors import InputError, UsageError
from kinema.formats import fbx, save_motion


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without Blender."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(fbx.VARIABLE, raising=False)
    monkeypatch.setattr(fbx, "_USUAL", (str(tmp_path / "*" / "blender"),))


def program(path, lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + lines)
    path.chmod(0o755)
    return path


def test_without_blender_the_error_says_what_to_do(walk, tmp_path, nowhere):
    with pytest.raises(UsageError, match=r"install it from blender\.org, name it with `blender` or KINEMA_BLENDER"):
        save_motion(walk, tmp_path / "walk.fbx")
    assert not (tmp_path / "walk.fbx").exists()


def test_blender_is_found_in_its_usual_locations(tmp_path, nowhere, monkeypatch):
    usual = program(tmp_path / "4.5" / "blender", "exit 0\n")
    assert fbx.find_blender() == usual
    named = program(tmp_path / "mine", "exit 0\n")
    monkeypatch.setenv(fbx.VARIABLE, str(named))
    assert fbx.find_blender() == named
    with pytest.raises(UsageError, match=r"`blender` names .*not an executable program"):
        fbx.find_blender(tmp_path / "missing")


def test_blenders_last_message_is_passed_on(walk, tmp_path):
    failing = program(tmp_path / "blender", "echo starting; echo 'Error: add-on not found' >&2; exit 1\n")
    with pytest.raises(InputError, match="did not write the FBX; its last output: Error: add-on not found"):
        save_motion(walk, tmp_path / "walk.fbx", blender=failing)
    silent = program(tmp_path / "silent", "exit 0\n")
    with pytest.raises(InputError, match="its last output: none"):
        save_motion(walk, tmp_path / "walk.fbx", blender=silent)
    assert not (tmp_path / "walk.fbx").exists()
