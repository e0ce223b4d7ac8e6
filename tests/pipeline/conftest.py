"""Fixtures for runs: a chain of fake stages, and a small rendered clip of a person for the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinema.body import load_body
from kinema.motion import Motion
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_frames
from tests.helpers.fakes import FakeChain, write_clip

SIZE = (640, 480)
FPS = 10
FRAMES = 16


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def fake() -> FakeChain:
    return FakeChain()


@pytest.fixture(scope="session")
def truth() -> Motion:
    """A person who stands in front of a camera of 640x480 and reaches out, 16 frames at 10 fps."""
    body = load_body()
    whole = procedural_motion(body, "on-the-spot", fps=FPS, camera=studio_camera(*SIZE))
    people = tuple(person.select(np.arange(FRAMES)) for person in whole)
    return whole.replace(times=whole.times[:FRAMES], people=people)


@pytest.fixture(scope="session")
def pictures(truth) -> list[np.ndarray]:
    """The rendered frames of `truth`: (480,640,3) uint8 each."""
    return list(render_frames(truth, load_body()))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of weights."""
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
