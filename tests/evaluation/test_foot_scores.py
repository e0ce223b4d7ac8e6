"""Foot measures on feet of known position."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.evaluation.feet import FOOT_MEASURES, foot_scores
from kinema.motion import Motion
from kinema.person import Person


class Soles:
    """A body whose contact points are where `transl` is, so that the test controls the feet."""

    def posed_points(self, name, pose, betas, transl):
        assert name == "contacts"
        return np.repeat(transl[:, None], 4, axis=1)


def person(height, x, contacts, frames=None):
    n = len(height)
    transl = np.stack([x, height, np.zeros(n)], axis=1)
    frames = np.arange(n) if frames is None else frames
    return Person(
        1, frames, pose_world=np.zeros((n, 72)), betas=np.zeros((n, 10)), transl_world=transl,
        contacts=np.repeat(np.asarray(contacts, dtype=bool)[:, None], 4, axis=1),
    )  # fmt: skip


def test_height_and_sliding_in_contact_only():
    feet = person([0.002, -0.004, 0.5, 0.5], [0, 0.001, 0.3, 0.9], [1, 1, 0, 0])
    scores = foot_scores(Motion(np.arange(4) / 50, 9, 9, (feet,)), feet, Soles())
    assert list(scores) == list(FOOT_MEASURES)
    assert scores["foot_height_mm"] == pytest.approx(3)
    assert scores["foot_height_worst_mm"] == pytest.approx(4)
    assert scores["foot_sliding_mm_s"] == pytest.approx(50)
    assert scores["contact_share"] == pytest.approx(0.5)


def test_nothing_slides_across_a_gap_and_no_contact_is_nan():
    feet = person([0, 0, 0], [0, 1, 1], [1, 1, 1], frames=np.array([0, 5, 6]))
    scores = foot_scores(Motion(np.arange(7) / 50, 9, 9, (feet,)), feet, Soles())
    assert scores["foot_sliding_mm_s"] == 0
    feet = person([0, 0], [0, 1], [0, 0])
    scores = foot_scores(Motion(np.arange(2) / 50, 9, 9, (feet,)), feet, Soles())
    assert np.isnan(scores["foot_height_mm"])
    assert np.isnan(scores["foot_sliding_mm_s"])
    assert scores["contact_share"] == 0


def test_without_a_world_it_is_refused():
    nobody = Person(1, np.arange(2))
    with pytest.raises(UsageError, match="has no pose_world, betas, transl_world, contacts"):
        foot_scores(Motion(np.arange(2) / 50, 9, 9, (nobody,)), nobody, Soles())
