"""The profile `video2pkl` gives the numbers and verdicts of video2pkl's own tools."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from kinema.formats import load_motion
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.models.pare.weak_camera import crop_translation
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import validate_motion
from kinema.quality.video2pkl import motion_type_report, turn_rates, validator_report
from kinema.temporal.filters import one_euro, savgol
from tests.helpers.recorded_motions import assert_same_report, each_kind, recorded_motions

FPS = 30.0


@pytest.fixture(scope="module")
def goldens():
    return recorded_motions()


@pytest.mark.golden
@each_kind
@pytest.mark.parametrize(("when", "report"), [("in", "validator"), ("stable", "validator_after")])
def test_reports_are_the_recorded_ones(goldens, kind, when, report):
    arrays, reports = goldens
    expected = reports[kind][report]
    pose, trans, root = (arrays[f"{kind}.{when}.{name}"] for name in ("pose", "trans", "global_orient"))
    assert_same_report(validator_report(pose, trans, root, expected["fps"], expected["pkl_path"]), expected, kind)


@pytest.mark.golden
@each_kind
def test_kinds_of_motion_are_the_recorded_ones(goldens, kind):
    arrays, reports = goldens
    assert_same_report(
        motion_type_report(arrays[f"{kind}.in.trans"], reports[kind]["validator"]["fps"]),
        reports[kind]["motion_type"],
        kind,
    )


@pytest.mark.golden
@each_kind
def test_a_motion_gets_the_recorded_verdict_and_bad_frames(goldens, kind):
    arrays, reports = goldens
    pose, trans = arrays[f"{kind}.in.pose"], arrays[f"{kind}.in.trans"]
    person = Person(id=4, frames=np.arange(len(pose)), pose=pose, transl=-trans)
    times = np.arange(len(pose)) / reports[kind]["validator"]["fps"]
    motion = Motion(times=times, width=0, height=0, people=(person,), body_model="smpl")
    validation = validate_motion(motion, checks=["quality"], profile="video2pkl")
    expected = reports[kind]["validator"]["bad_frames"]
    assert validation.verdict == expected["decision"]
    assert validation.people[0].bad_rows.tolist() == expected["bad_frame_indices"]
    assert {p.frame for p in validation.all_problems()} == set(expected["bad_frame_indices"])


def test_turn_rates_do_not_depend_on_how_a_rotation_is_represented():
    # The same rotation of 0.2 degrees, once across the wrap at 180 degrees and once with a full turn added.
    axis = np.array([0.0, 1.0, 0.0])
    before, after = np.radians(179.9) * axis, np.radians(-179.9) * axis
    assert turn_rates(np.array([before, after]), 10.0) == pytest.approx([2.0], abs=1e-9)
    assert turn_rates(np.array([before, before + 2 * np.pi * axis]), 10.0) == pytest.approx([0.0], abs=1e-9)


def test_a_constant_root_fails():
    person = Person(id=1, frames=np.arange(5), pose=np.zeros((5, 72)), transl=np.ones((5, 3)))
    motion = Motion(times=np.arange(5) / FPS, width=0, height=0, people=(person,), body_model="smpl")
    for profile in ("video2pkl", "fork"):
        validation = validate_motion(motion, profile=profile)
        assert validation.verdicts == {"structure": "PASS", "motion": "FAIL", "quality": "PASS"}
        assert validation.profile == "video2pkl"


@pytest.mark.golden
def test_translations_and_rotations_of_its_inference(goldens):
    """How it derives `trans` from the network's camera and smooths it: what a reader has to undo."""
    arrays, _ = goldens
    raw = -crop_translation(arrays["infer.pred_cam"])
    np.testing.assert_allclose(raw, arrays["infer.trans_raw"], rtol=1e-6, atol=1e-6)
    # Five frames: a window of four intervals.
    smooth = savgol(arrays["infer.trans_raw"].astype(float), np.arange(float(len(raw))), window=4.0)
    np.testing.assert_allclose(smooth, arrays["infer.trans_smooth"], rtol=1e-6, atol=1e-4)
    pose = matrix_to_axis_angle(arrays["infer.rotmat"]).reshape(-1, 72)
    np.testing.assert_allclose(pose, arrays["infer.pose_aa"], atol=1e-5)
    np.testing.assert_array_equal(arrays["infer.pose_aa"][:, :3], arrays["infer.global_orient"])
    angles = arrays["infer.pose_aa"].astype(float)
    filtered = one_euro(angles, np.arange(float(len(angles))), min_cutoff=0.004, beta=0.7, axes=0)
    matrices = axis_angle_to_matrix(filtered.reshape(-1, 24, 3))
    np.testing.assert_allclose(matrices, arrays["infer.smoothed_rotmat"], atol=1e-5)


@pytest.mark.golden
def test_an_output_file_is_read_with_the_true_direction_of_motion(goldens, tmp_path):
    arrays, _ = goldens
    count = min(len(arrays["infer.pose_aa"]), len(arrays["infer.trans_smooth"]))
    pose, trans = arrays["infer.pose_aa"][:count], arrays["infer.trans_smooth"][:count]
    person = {"pose": pose, "global_orient": arrays["infer.global_orient"][:count], "trans": trans,
              "betas": np.zeros((count, 10), np.float32), "frame_ids": np.arange(count)}  # fmt: skip
    path = tmp_path / "video2pkl.pkl"
    path.write_bytes(pickle.dumps({1: person}))
    found = load_motion(path).people[0]
    np.testing.assert_allclose(found.pose, pose, atol=1e-6)
    assert np.all(found.transl[:, 2] > 0)  # in front of the camera, not behind it
    np.testing.assert_allclose(found.transl, -trans, atol=1e-6)
