"""Scores of refiners: the authors' metrics, the columns' meaning, the table of methods."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.evaluation.refiner_methods import compare, method
from kinema.evaluation.refiners import score_refiner
from kinema.models.smoothnet.datasets import RefinerClips
from tests.helpers.goldens import recording


def clips(said: np.ndarray, true: np.ndarray, root=(2, 3)) -> RefinerClips:
    flat = [x.reshape(len(x), -1).astype(np.float64) for x in (said, true)]
    return RefinerClips("toy", "3d", ("a",), (flat[0],), (flat[1],), root, 1000.0)


@pytest.mark.golden
def test_scores_are_the_published_metrics():
    golden = recording("smoothnet/golden_filters_metrics.npz")
    data = clips(golden["met.pred"], golden["met.gt"], root=None)
    plain, padded = (score_refiner(data, data.detected, padded=flag) for flag in (False, True))
    # float32 recordings of metres, in mm
    assert plain.position == pytest.approx(golden["met.mpjpe"].mean() * unit(golden), rel=1e-5)
    assert plain.aligned == pytest.approx(golden["met.pampjpe"].mean() * unit(golden), rel=1e-4)
    assert plain.acceleration == pytest.approx(golden["met.accel_error"].mean() * unit(golden), rel=1e-5)
    assert padded.acceleration == pytest.approx(golden["met.accel_error_padded"].mean() * unit(golden), rel=1e-5)
    frames = len(golden["met.pred"])
    assert padded.acceleration == pytest.approx(plain.acceleration * (frames - 2) / frames)


def unit(golden) -> float:
    """1000 where the recording is in metres."""
    metres = np.linalg.norm(golden["met.pred"] - golden["met.gt"], axis=-1).mean()
    return 1000.0 if golden["met.mpjpe"].mean() < 10 * metres else 1.0


def wave(seed: int, frames: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None] / 30
    truth = 0.3 * np.sin(2 * np.pi * rng.uniform(0.2, 0.6, 12) * t + rng.uniform(0, 6, 12))
    return truth + 0.02 * rng.normal(size=truth.shape), truth


def test_worst_frames_are_those_of_the_input():
    said, truth = wave(0)
    said[50:70] += 0.5 * np.r_[np.ones(3), np.zeros(9)]  # one joint far off in a tenth of the frames
    data = clips(said.reshape(-1, 4, 3), truth.reshape(-1, 4, 3), root=(3,))
    scores = score_refiner(data, [truth])
    assert scores.position == scores.worst == 0
    assert scores.input_worst > 3 * scores.input_position


def test_methods_side_by_side():
    said, truth = wave(1)
    data = clips(said.reshape(-1, 4, 3), truth.reshape(-1, 4, 3))
    names = ["whittaker", "gaus1d", "savgol=0.3", "published-savgol", "published-oneeuro"]
    scores = compare(data, [method(name, data, 30.0) for name in names])
    assert list(scores) == ["whittaker", "gaus1d", "savgol=0.3", "published-savgol", "published-oneeuro"]
    for each in scores.values():
        assert each.acceleration < 0.5 * each.input_acceleration
    assert scores["whittaker"].position < scores["whittaker"].input_position


def test_bad_methods_are_refused_with_a_sentence(tmp_path):
    said, truth = wave(2)
    data = clips(said.reshape(-1, 4, 3), truth.reshape(-1, 4, 3))
    for text, told in (
        ("magic", "unknown method 'magic'; known: whittaker"),
        ("smoothnet", "needs its checkpoint"),
        ("savgol=much", "found 'much'"),
    ):
        with pytest.raises(UsageError, match=told):
            method(text, data, 30.0)
    assert main(["evaluate", "refiner", "--dataset", "pw3d"]) == 2
    assert main(["evaluate", "refiner", "--dataset", "rendered"]) == 2
    assert main(["evaluate", "refiner", "--dataset", "pw3d", "--estimator", "spin", "--data", str(tmp_path)]) == 3


def test_the_command_reads_the_published_layout(tmp_path, capsys):
    base = tmp_path / "h36m_fcn_3D"
    said, truth = wave(3, frames=60)
    said, truth = (np.tile(x, (1, 5))[:, :51] for x in (said, truth))
    for part, values in (("detected/h36m_fcn_3D_test", said), ("groundtruth/h36m_gt_3D_test", truth)):
        (base / part).parent.mkdir(parents=True, exist_ok=True)
        packed = np.empty(1, dtype=object)
        packed[0] = values
        np.savez(base / f"{part}.npz", joints_3d=packed)
    argv = ["evaluate", "refiner", "--data", str(tmp_path), "--dataset", "h36m", "--estimator", "fcn"]
    assert main([*argv, "--method", "whittaker", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["h36m_fcn_3D"]["whittaker"]
    assert told["acceleration"] < told["input_acceleration"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    for text in ("(input)", "whittaker", "published-gaus1d", "accel. error", "PA-MPJPE"):
        assert text in out
