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
# Dozens of tests start Python again, and each would compile all that it imports of Kinema.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several processes take the files with the most slow tests first: a file stays in one process, and a long one that
    begins last would be waited for.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """OpenCV and the tracker use every core unless they are told otherwise. So does the process of tests beside this
    one, and threads that wait for each other spin: a sixth of tracking's time. What several threads do is tested where
    they are asked for.
    """
    cv2.setNumThreads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinema.tracking.tracker._available_threads", lambda: 1)
        yield


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
