"""The free body, loaded once."""

from __future__ import annotations

import pytest

from kinema.body import BodyModel, load_body


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return load_body()
