"""Where the tests find what lies outside the repository, and the limits of property tests."""

from __future__ import annotations

import os

# Before numpy is loaded: the matrices here are small, and BLAS threads that wait for each other would take
# most of the tests' time on a machine with few cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Nor torch's: with a process of tests on each core they spin, at up to eight times the CPU time of one thread. Where a
# test or a stage asks for more, those sleep while they wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pathlib import Path

import pytest
from hypothesis import settings

from kinema.body import BodyModel, free_body, load_body
from kinema.errors import WeightsError
from kinema.motion import Motion
from kinema.synthetic import procedural_motion
from tests.helpers.goldens import goldens, outside

# Shared machines stall for longer than hypothesis' default deadline; a time limit is not what we test.
# In CI the examples are the same each time: a change is judged by what it changes.
settings.register_profile("kinema", deadline=None, max_examples=40, derandomize="CI" in os.environ)
# What `make compat` needs of property tests: whether they run at all with other versions.
settings.register_profile("quick", deadline=None, max_examples=3, derandomize=True)
settings.load_profile("kinema")


@pytest.fixture(scope="session")
def goldens_dir() -> Path:
    """The folder of recorded outputs of the original authors' code."""
    return goldens()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real clips, ground truth and motion capture."""
    return outside("KINEMA_DATA", "../shared/data")


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The free body."""
    return load_body()


@pytest.fixture(scope="session")
def walk() -> Motion:
    """Fifteen seconds of walking, squatting and reaching on the free body, world and camera known."""
    return procedural_motion(free_body(), "demo")


@pytest.fixture(scope="session")
def networks() -> None:
    """The default networks are in the cache; fetched if they can be, else the test is skipped."""
    from kinema.weights import locate

    for name in ("blazepose-detector", "blazepose-landmarks-full"):
        try:
            locate(name)
        except WeightsError as error:
            pytest.skip(f"the networks cannot be had: {error}")
