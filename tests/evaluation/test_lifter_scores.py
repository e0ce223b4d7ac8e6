"""Scores of lifters: the authors' numbers, numbers by hand, and how they are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from kinema import metrics
from kinema.datasets import mpi3dhp
from kinema.evaluation.lifter_published import H36M_ACTIONS, PUBLISHED, published_for
from kinema.evaluation.lifter_scores import averaged, pooled, score_clip
from tests.helpers.goldens import recording

GOLDEN = "videopose3d/golden_metrics_cameras.npz"


@pytest.mark.golden
def test_videopose3d_s_measures():
    """The authors compute in float32: 1e-5 of the value."""
    golden = recording(GOLDEN)
    result, truth = golden["met.pred"], golden["met.target"]
    scores = score_clip(result, truth, range(1, result.shape[1]))
    assert scores is not None
    for name, key in {"mpjpe": "mpjpe", "pa_mpjpe": "p_mpjpe", "n_mpjpe": "n_mpjpe", "velocity": "mpjve"}.items():
        assert getattr(scores, name) == pytest.approx(float(golden[f"met.{key}"]), rel=1e-5), key
    np.testing.assert_allclose(metrics.pa_mpjpe(result, truth), golden["met.p_mpjpe_per_frame"], rtol=1e-4)
    weighted = (golden["met.w"] * metrics.joint_errors(result, truth)).mean()
    assert weighted == pytest.approx(float(golden["met.weighted_mpjpe"]), rel=1e-5)


@pytest.mark.golden
def test_3dhp_s_measures():
    """PCK and AUC are shares of counted joints, so that they agree exactly but for float32's last digits."""
    golden = recording(GOLDEN)
    result, truth = (golden[f"pck.{side}_mm"].astype(np.float64) for side in ("pred", "gt"))
    root = slice(mpi3dhp.ROOT, mpi3dhp.ROOT + 1)
    scores = score_clip(result - result[:, root], truth - truth[:, root], mpi3dhp.SCORED, groups=mpi3dhp.GROUPS)
    assert scores is not None
    assert scores.pck == pytest.approx(float(golden["pck.pck_total"]), abs=1e-9)
    assert scores.auc == pytest.approx(float(golden["pck.auc_total"]), abs=1e-9)
    assert scores.mpjpe == pytest.approx(float(golden["pck.mpjpe"]), rel=1e-6)
    np.testing.assert_allclose([pck for pck, _ in scores.groups.values()], golden["pck.pck_groups"], atol=1e-9)
    np.testing.assert_allclose([auc for _, auc in scores.groups.values()], golden["pck.auc_groups"], atol=1e-9)


def clip(frames: int = 6, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(scale=300, size=(frames, 17, 3))
    return points - points[:, :1]


def test_an_offset_by_hand():
    truth = clip()
    lifted = truth.copy()
    lifted[:, 5] += [30, 40, 0]  # 50 mm of one joint of 17
    lifted[3:, 6] += [0, 0, 150]  # exactly at the threshold, in half of the frames, from one frame to the next
    scores = score_clip(lifted, truth, (5, 6))
    assert scores is not None
    assert scores.mpjpe == pytest.approx((50 + 75) / 17)
    assert scores.velocity == pytest.approx(150 / 5 / 17)
    assert scores.pck == pytest.approx(75)  # 150 is not below 150
    # 50 mm counts at 55, 60, ... 150: 20 of 31; 0 counts at all but 0: 30 of 31.
    assert scores.auc == pytest.approx(100 * (20 / 31 + 0.5 * 30 / 31) / 2)


def test_a_similarity_costs_p1_alone():
    truth = clip()
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    scores = score_clip(1.2 * truth @ turn.T, truth, (1,))
    assert scores is not None
    assert scores.mpjpe > 100
    assert scores.pa_mpjpe == pytest.approx(0, abs=1e-9)
    larger = score_clip(1.2 * truth, truth, (1,))
    assert larger is not None
    assert larger.n_mpjpe == pytest.approx(0, abs=1e-9)
    assert larger.mpjpe == pytest.approx(0.2 * np.linalg.norm(truth, axis=-1).mean())


def test_invalid_frames_and_steps_across_them_do_not_count():
    truth = clip(5)
    lifted = truth.copy()
    lifted[2] += 1000
    truth[2, 4] = np.nan
    scores = score_clip(lifted, truth, (1, 2), np.array([1, 1, 0, 1, 1], dtype=bool))
    assert scores is not None
    assert (scores.frames, scores.mpjpe, scores.velocity) == (4, 0, 0)
    assert score_clip(lifted, truth, (1,), np.zeros(5, dtype=bool)) is None


def test_frames_weigh_clips_and_actions_count_the_same():
    truth = clip(9)
    near, far = (score_clip(truth[: 3 * n] + n * np.eye(17, 3) * 17, truth[: 3 * n], (1,)) for n in (1, 3))
    assert near is not None
    assert far is not None
    assert (near.mpjpe, far.mpjpe) == (3, 9)
    assert pooled([near, far]).mpjpe == pytest.approx((3 * 3 + 9 * 9) / 12)
    assert averaged([near, far]).mpjpe == pytest.approx(6)
    one = score_clip(truth[:1], truth[:1], (1,))  # has no velocity
    assert one is not None
    assert np.isnan(one.velocity)
    assert pooled([one, far]).velocity == far.velocity


def test_published_rows_agree_with_their_own_average():
    """What was typed: the mean of the 15 actions is the printed average, both rounded to 0.1."""
    rows = [row for row in PUBLISHED if row.actions]
    assert len(rows) == 5
    for row in rows:
        assert tuple(row.actions) == H36M_ACTIONS
        assert np.mean(list(row.actions.values())) == pytest.approx(next(iter(row.scores.values())), abs=0.1)


def test_rows_beside_are_those_of_the_same_keypoints():
    assert {row.keypoints for row in published_for("h36m", "cpn_ft_h36m_dbb")} == {"cpn"}
    assert {row.keypoints for row in published_for("h36m", "my_own")} == {"cpn", "detectron", "gt"}
    assert [row.scores["mpjpe"] for row in published_for("3dhp", "gt")] == [84.0, 77.1, 42.5, 32.2]
