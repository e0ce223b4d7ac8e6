"""Fixtures for runs on a chain of fake stages."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeChain, write_clip


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def fake() -> FakeChain:
    return FakeChain()
