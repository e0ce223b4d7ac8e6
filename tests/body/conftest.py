"""A stick figure in SMPL's format for every body test, and the recorded outputs of the `smplx` package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kinema.body import BodyModel, load_body


@pytest.fixture(scope="session")
def free() -> BodyModel:
    return load_body()


@pytest.fixture(scope="session")
def maker(goldens_dir: Path) -> ModuleType:
    """The goldens' generator of SMPL files."""
    spec = importlib.util.spec_from_file_location("make_synthetic_smpl", goldens_dir / "smpl/make_synthetic_smpl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
def golden(goldens_dir: Path) -> dict[str, np.ndarray]:
    with np.load(goldens_dir / "smpl/golden.npz") as file:
        return dict(file)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)
