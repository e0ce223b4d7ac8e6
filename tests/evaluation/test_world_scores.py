"""W-MPJPE, WA-MPJPE, RTE and the sliding of feet: known errors, and which of them each measure sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinema
from kinema.evaluation.world_scores import chunks, feet_sliding, world_mpjpe
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.contracts.samples import walk

JOINTS = 12


def path(frames, seed=0):
    """A body of random joints that goes somewhere."""
    rng = np.random.default_rng(seed)
    way = np.cumsum(rng.normal(size=(frames, 1, 3)) * 0.02 + [0.03, 0, 0.01], axis=0)
    return rng.normal(size=(1, JOINTS, 3)) * 0.4 + rng.normal(size=(frames, JOINTS, 3)) * 0.05 + way


@given(st.lists(st.integers(1, 350), min_size=1, max_size=4))
def test_pieces_cover_every_row_once_and_cross_no_cut(lengths):
    pieces = np.repeat(np.arange(len(lengths)), lengths)
    found = chunks(pieces)
    assert np.concatenate([np.arange(rows.start, rows.stop) for rows in found]).tolist() == list(range(len(pieces)))
    for rows in found:
        assert len(set(pieces[rows])) == 1
        whole = lengths[pieces[rows][0]]
        assert rows.stop - rows.start == whole or 100 <= rows.stop - rows.start < 200


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-5, 5)] * 3), st.floats(0.5, 2))
def test_another_world_is_no_error(turn, shift, scale):
    truth = path(150)
    result = scale * truth @ axis_angle_to_matrix(np.array(turn)).T + np.array(shift)
    one = np.zeros(150, int)
    for first in (None, 2):
        assert np.max(world_mpjpe(result, truth, one, first=first)) < 1e-9


def test_drift_counts_from_the_first_frames_or_about_the_middle():
    """A path that drifts evenly by 1 m in 100 frames is off by 0.5 m from its beginning on, by 0.25 m on the whole."""
    truth = np.repeat(np.random.default_rng(0).normal(size=(1, JOINTS, 3)), 100, axis=0)
    # Turned to and fro, so that no similarity explains the drift.
    drift = np.linspace(0, 1, 100)[:, None, None] * np.array([0.0, 0.0, 1.0])
    one = np.zeros(100, int)
    assert np.mean(world_mpjpe(truth + drift, truth, one, first=2)) == pytest.approx(0.5, abs=0.02)
    assert np.mean(world_mpjpe(truth + drift, truth, one)) == pytest.approx(0.25, abs=0.02)


def test_a_piece_does_not_pay_for_the_drift_of_others():
    truth = path(200)
    result = truth.copy()
    result[100:] += 3.0
    errors = world_mpjpe(result, truth, np.zeros(200, int), first=2)
    assert np.max(errors) < 1e-9


def test_missing_joints_and_frames_are_left_out():
    truth = path(120)
    result = truth + 0.0
    result[:50] = np.nan
    truth[60:, 3] = np.nan
    errors = world_mpjpe(result, truth, np.zeros(120, int), first=2)
    assert np.isnan(errors[:50]).all()
    assert np.max(errors[50:]) < 1e-9


def test_feet_slide_where_those_of_the_truth_stand():
    truth = np.zeros((40, 2, 3))
    truth[:, 1, 0] = 0.05 * np.arange(40)  # the second foot walks
    result = truth.copy()
    result[:, :, 2] += 0.004 * np.arange(40)[:, None]
    assert feet_sliding(result, truth, np.zeros(40, int)) == pytest.approx(4.0)
    jump = truth.copy()
    jump[20:, 0] += 1.0
    assert feet_sliding(jump, truth, np.repeat([0, 1], 20)) == 0
    assert np.isnan(feet_sliding(truth, truth + 0.05 * np.arange(40)[:, None, None], np.zeros(40, int)))


def test_the_evaluation_reports_them_where_both_sides_know_a_world():
    motion = walk()
    person = motion.people[0]
    # On the spot, or going 3 cm a frame.
    way = 0.03 * np.arange(len(person))[:, None, None] * np.array([1.0, 0, 0])
    going = motion.replace(people=(person.replace(joints_world=person.joints_world + way),))
    same = kinema.evaluate(going, going).total
    for key in ("wa_mpjpe_mm", "w_mpjpe_mm", "rte_percent"):
        assert same[key] == pytest.approx(0, abs=1e-6), key
    farther = motion.replace(people=(person.replace(joints_world=person.joints_world + 1.2 * way),))
    off = kinema.evaluate(farther, going).total
    # An even path that is too long by a fifth is off by a twentieth on average, about its middle.
    assert off["rte_percent"] == pytest.approx(5, abs=1)
    assert off["w_mpjpe_mm"] > off["wa_mpjpe_mm"] > 1
    nowhere = person.replace(joints_world=None, pose_world=None, transl_world=None, contacts=None)
    assert np.isnan(kinema.evaluate(motion.replace(people=(nowhere,)), going).total["w_mpjpe_mm"])
