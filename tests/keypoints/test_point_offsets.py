"""tools/point_offsets.py finds where a network sees the points of a body."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "point_offsets.py"))
TRUE = np.array([0.01, 0.03, -0.02])


def errors(shift: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(N,9) as tools/keypoint_errors.py writes them, of a point at an offset that is seen with 1 cm of noise."""
    rng = np.random.default_rng(seed)
    turned = Rotation.random(count, random_state=rng).as_matrix()[:, :2]
    seen = turned @ shift + rng.normal(0, 0.01, (count, 2))
    return np.concatenate([seen, np.full((count, 1), 0.9), turned.reshape(count, 6)], axis=1)


def test_an_offset_is_found_from_both_sides():
    sides = errors(TRUE, 300, 0), errors(TRUE * [-1, 1, 1], 300, 1)
    # The standard error of 1 cm of noise over 600 pictures is under a millimetre.
    assert TOOL["offset"](sides) == pytest.approx(TRUE, abs=0.002)
    assert TOOL["left"](errors(TRUE, 100, 2), TRUE) < 0.6 * TOOL["left"](errors(TRUE, 100, 2), np.zeros(3))


def test_other_points_and_unsure_ones_do_not_count():
    good = errors(TRUE, 300, 0)
    wrong, unsure, unseen = (errors(TRUE, 100, seed) for seed in (1, 2, 3))
    wrong[:, :2] += 0.5
    unsure[:, :2] += 0.05
    unsure[:, 2] = 0.2
    unseen[:, :2] = np.nan
    assert np.array_equal(TOOL["offset"]([np.concatenate([good, wrong, unsure, unseen])]), TOOL["offset"]([good]))


def test_without_pictures_there_is_no_offset():
    assert not TOOL["offset"]([np.full((5, 9), np.nan)]).any()
    assert np.isnan(TOOL["left"](np.full((5, 9), np.nan), TRUE))
