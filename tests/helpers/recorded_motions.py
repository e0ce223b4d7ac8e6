"""Recorded motions of video2pkl, and the reports of its own tools on them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.helpers.goldens import each_case, goldens, recording

each_kind = each_case("kind", "pare/motion.npz", r"(\w+)\.in\.pose")


def recorded_motions() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All arrays, and the reports by kind of motion."""
    return recording("pare/motion.npz"), json.loads((goldens() / "pare" / "motion_reports.json").read_text())


def assert_same_report(found: Any, expected: Any, where: str = "") -> None:
    """Equal in keys and counts; floats to 1e-6 (degrees per second, centimetres), to which the reports are rounded."""
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for key, value in expected.items():
            assert_same_report(found[key], value, f"{where}/{key}")
    elif isinstance(expected, float) or (isinstance(expected, list) and any(isinstance(v, float) for v in expected)):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6, err_msg=where)
    else:
        assert found == expected, where
