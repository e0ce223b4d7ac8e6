"""A file that cannot be opened is one sentence, whatever reads it."""

from __future__ import annotations

import errno
import os

import pytest

from kinema.errors import InputError
from kinema.evaluation.truth import load_truth
from kinema.formats import load_motion
from kinema.keypoints.files import read_keypoints
from kinema.storage.json_file import load_json
from kinema.storage.unreadable import unreadable

READERS = {
    ".json": (load_json, lambda path: read_keypoints(path, size=(64, 64))),
    ".csv": (lambda path: read_keypoints(path, size=(64, 64)),),
    ".bvh": (load_motion,),
    ".pkl": (load_motion,),
    ".npz": (load_motion,),
    ".trc": (load_truth, load_motion),
    ".c3d": (load_truth, load_motion),
    ".mot": (load_truth,),
}
CASES = [(suffix, number) for suffix, readers in READERS.items() for number in range(len(readers))]


@pytest.mark.parametrize(("suffix", "number"), CASES)
def test_a_missing_file(tmp_path, suffix, number):
    path = tmp_path / f"none{suffix}"
    with pytest.raises(InputError) as caught:
        READERS[suffix][number](path)
    assert str(caught.value) == f"{path} does not exist; check the path"


@pytest.mark.parametrize(("suffix", "number"), CASES)
def test_a_folder_in_its_place(tmp_path, suffix, number):
    path = tmp_path / f"folder{suffix}"
    path.mkdir()
    with pytest.raises(InputError, match=r"is a folder; give|holds no .*; give"):
        READERS[suffix][number](path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(("suffix", "number"), CASES)
def test_a_file_without_permission(tmp_path, suffix, number):
    path = tmp_path / f"secret{suffix}"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        READERS[suffix][number](path)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "does not exist; check the path"),
        (errno.ENOTDIR, "does not exist; check the path"),
        (errno.EISDIR, "is a folder; give a file in it"),
        (errno.EACCES, "permission denied; change its permissions or copy it"),
        (errno.EIO, r"cannot be read \(.+\); copy it to another disk"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(number, words):
    with pytest.raises(InputError, match=f"^a.trc .*{words}"):
        raise unreadable("a.trc", OSError(number, os.strerror(number), "a.trc"))
