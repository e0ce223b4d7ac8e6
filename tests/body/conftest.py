"""A stick figure in SMPL's format for every body test, and the recorded outputs of the `smplx` package."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kinema.body import BodyModel, load_body
from tests.helpers.goldens import recording, smpl_maker


@pytest.fixture(scope="session")
def free() -> BodyModel:
    return load_body()


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The goldens' generator of SMPL files."""
    return smpl_maker()


@pytest.fixture(scope="session")
def neutral(maker: ModuleType) -> dict:
    """The neutral model's dict; not to be written into."""
    return maker.model("neutral")


@pytest.fixture(scope="session")
def neutral_file(maker: ModuleType, neutral: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.pkl"
    maker.write(path, neutral)
    return path


@pytest.fixture(scope="session")
def file_body(neutral_file: Path) -> BodyModel:
    """The neutral model as our reader gives it."""
    return load_body(neutral_file)


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    return recording("smpl/golden.npz")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)
