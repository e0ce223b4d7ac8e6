"""The scores of a camera's path: known errors come out as what they are, and alignments take out what they should."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.__main__ import main
from kinema.errors import InputError, KinemaError, UsageError
from kinema.evaluation.camera import evaluate_camera
from kinema.evaluation.filmed import FilmedPath, load_filmed_path
from kinema.formats.camera_files import write_camera_path
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion

FRAMES, RATE = 90, 30.0


def walk(frames=FRAMES, metric=True):
    """A camera that walks a curve of a few metres, looking around."""
    t = np.arange(frames) / RATE
    centre = np.stack([t, 0.05 * np.sin(9 * t), 0.4 * t**2], axis=1)
    turns = np.stack([0.02 * np.sin(5 * t), 0.3 * t, 0.01 * np.cos(3 * t)], axis=1)
    intrinsics = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
    return FilmedPath("truth", t, CameraPath(axis_angle_to_matrix(turns), centre, intrinsics, metric=metric))


def changed(filmed, turn=(0, 0, 0), shift=(0, 0, 0), scale=1.0, **fields):
    """The same path in a world that is turned, shifted and scaled."""
    world = axis_angle_to_matrix(np.array(turn, dtype=float))
    path = filmed.path.replace(
        rotation=filmed.path.rotation @ world.T, centre=scale * filmed.path.centre @ world.T + shift, **fields
    )
    return FilmedPath("result", filmed.times, path, filmed.cuts)


vectors = st.tuples(*[st.floats(-3, 3)] * 3)


@given(vectors, vectors)
def test_another_world_is_no_error(turn, shift):
    total = evaluate_camera(changed(walk(), turn, shift), walk()).total
    # 1e-5 degrees: the angle of a product of matrices is known to the root of their precision.
    for key in ("ate", "ate_similarity", "rpe_translation", "scale_error_percent", "focal_error_percent"):
        assert abs(total[key]) < 1e-6, key
    assert total["rotation_worst_deg"] < 1e-5
    assert total["rpe_rotation_deg"] < 1e-5
    assert total["coverage"] == 1


@given(st.floats(0.2, 5))
def test_a_wrong_scale_is_the_scale_error_and_nothing_else(scale):
    total = evaluate_camera(changed(walk(), turn=(0.1, 2, 0.3), scale=scale), walk()).total
    assert total["scale_error_percent"] == pytest.approx(100 * (scale - 1), abs=1e-6)
    assert total["ate_similarity"] < 1e-9
    if abs(scale - 1) > 0.01:
        assert total["ate"] > 1e-3
        # The path covers about a metre a second.
        assert total["rpe_translation"] > 0.5 * abs(scale - 1)


def test_a_result_without_metres_is_scaled_first():
    scores = evaluate_camera(changed(walk(), scale=7.0, metric=False), walk())
    assert np.isnan(scores.total["ate"])
    assert np.isnan(scores.total["scale_error_percent"])
    assert scores.total["rpe_translation"] < 1e-9
    assert any("scaled to the truth" in note for note in scores.notes)
    assert scores.to_dict()["total"]["ate"] is None
    assert not evaluate_camera(changed(walk(), metric=False), walk(metric=False)).metric


def test_known_errors_of_position_and_rotation():
    truth = walk()
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(FRAMES, 3)) * 0.02
    wrong = truth.path.replace(centre=truth.path.centre + noise)
    total = evaluate_camera(FilmedPath("r", truth.times, wrong), truth).total
    # The alignment of 90 frames explains 6 or 7 of the noise's 270 degrees of freedom.
    assert total["ate"] == pytest.approx(0.02 * np.sqrt(3), rel=0.1)
    assert total["rpe_translation"] == pytest.approx(0.02 * np.sqrt(6), rel=0.1)
    assert total["rotation_worst_deg"] < 1e-5
    # One frame of 90 turned by 9 degrees: the worst, hardly the mean, not the median.
    turned = truth.path.rotation.copy()
    turned[40] = axis_angle_to_matrix(np.radians([0.0, 9, 0])) @ turned[40]
    total = evaluate_camera(FilmedPath("r", truth.times, truth.path.replace(rotation=turned)), truth).total
    assert total["rotation_worst_deg"] == pytest.approx(9, abs=0.2)
    assert total["rotation_mean_deg"] == pytest.approx(0.2, abs=0.02)
    assert total["rotation_median_deg"] == pytest.approx(0.1, abs=0.02)


def test_drift_shows_in_steps_of_one_second():
    truth = walk()
    drift = truth.path.replace(centre=truth.path.centre + 0.1 * truth.times[:, None] * np.array([0.0, 1, 0]))
    total = evaluate_camera(FilmedPath("r", truth.times, drift), truth).total
    assert total["rpe_translation"] == pytest.approx(0.1, abs=1e-9)


def test_a_camera_that_stands_has_no_path_to_align():
    truth = walk()
    standing = truth.path.replace(centre=np.zeros((FRAMES, 3)), kind="rotation")
    shaky = truth.path.replace(centre=np.random.default_rng(1).normal(size=(FRAMES, 3)) * 0.03)
    total = evaluate_camera(FilmedPath("r", truth.times, shaky), FilmedPath("t", truth.times, standing)).total
    assert total["ate"] == pytest.approx(0.03 * np.sqrt(3), rel=0.15)
    for key in ("ate_similarity", "ate_percent", "scale_error_percent"):
        assert np.isnan(total[key]), key
    assert total["rotation_worst_deg"] < 1e-5


def test_each_shot_is_aligned_on_its_own():
    whole = walk()
    cut = np.array([50])
    first, second = (changed(whole, turn, shift) for turn, shift in (((0, 1, 0), (5, 0, 0)), ((0.5, 0, 1), (0, 9, 0))))
    rotation = np.concatenate([first.path.rotation[:50], second.path.rotation[50:]])
    centre = np.concatenate([first.path.centre[:50], second.path.centre[50:]])
    result = FilmedPath("r", whole.times, whole.path.replace(rotation=rotation, centre=centre), cut)
    scores = evaluate_camera(result, whole)
    assert [shot.frames for shot in scores.shots] == [50, 40]
    assert scores.total["ate"] < 1e-9
    assert scores.total["rotation_worst_deg"] < 1e-5
    assert evaluate_camera(FilmedPath("r", whole.times, result.path), whole).total["ate"] > 1


def test_each_piece_is_aligned_on_its_own(tmp_path):
    """Where the camera was lost, another unit and another world begin, which is no error of either piece."""
    truth = walk()
    first, second = changed(truth, turn=(0.1, 1, 0), scale=3.0), changed(truth, turn=(1, 0, 2), shift=(5, 0, 1))
    later = np.arange(FRAMES) >= 40
    joined = truth.path.replace(
        rotation=np.where(later[:, None, None], second.path.rotation, first.path.rotation),
        centre=np.where(later[:, None], second.path.centre, first.path.centre),
        metric=False,
        breaks=np.array([40]),
    )
    write_camera_path(joined, tmp_path / "pieces.npz", truth.times, (1280, 720))
    scores = evaluate_camera(load_filmed_path(tmp_path / "pieces.npz"), truth)
    assert [shot.frames for shot in scores.shots] == [40, 50]
    assert scores.total["ate_percent"] < 1e-6
    assert scores.total["rotation_worst_deg"] < 1e-5
    assert sum("2 pieces" in note for note in scores.notes) == 1
    as_one = evaluate_camera(FilmedPath("one", truth.times, joined.replace(breaks=np.zeros(0, int))), truth)
    assert as_one.total["ate_percent"] > 5


def test_moments_are_matched_by_time():
    truth = walk()
    every_other = FilmedPath("r", truth.times[::2] + 1e-4, truth.path.part(np.arange(0, FRAMES, 2)))
    scores = evaluate_camera(every_other, truth)
    assert scores.shots[0].frames == FRAMES // 2
    assert scores.total["ate"] < 1e-9
    assert scores.total["coverage"] == 0.5
    with pytest.raises(UsageError, match=r"no two moments of r \(100.00 to 102.97 s\)"):
        evaluate_camera(FilmedPath("r", truth.times + 100, truth.path), truth)


def test_what_the_truth_does_not_know_is_left_out():
    truth = walk()
    found = np.ones(FRAMES, bool)
    found[30:40] = False
    wild = truth.path.centre.copy()
    wild[30:40] += 50
    unsure = FilmedPath("t", truth.times, truth.path.replace(found=found, centre=wild))
    assert evaluate_camera(truth, unsure).total["ate"] < 1e-9


def test_frame_numbers_where_a_side_has_no_times():
    truth = dataclasses.replace(walk(), numbers=np.arange(FRAMES))
    some = np.array([3, 4, 10, 40, 80])
    numbered = FilmedPath("r", None, truth.path.part(some), numbers=some)
    for result, other in ((numbered, truth), (truth, numbered)):
        scores = evaluate_camera(result, other)
        assert scores.shots[0].frames == 5
        assert scores.shots[0].end == pytest.approx(80 / RATE)
        assert scores.total["ate"] < 1e-9
    with pytest.raises(UsageError, match="frame numbers and no times"):
        evaluate_camera(numbered, walk())
    with pytest.raises(InputError, match="times or frame numbers"):
        FilmedPath("r", None, truth.path)


def test_focal_length_of_another_picture_size():
    truth = dataclasses.replace(walk(), width=1280)
    half = truth.path.intrinsics * [[0.5], [0.5], [1]]
    small = dataclasses.replace(truth, path=truth.path.replace(intrinsics=half), width=640)
    assert evaluate_camera(small, truth).total["focal_error_percent"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(evaluate_camera(dataclasses.replace(small, lens=False), truth).total["focal_error_percent"])


def test_focal_length_with_zoom():
    truth = walk()
    zoomed = np.repeat(truth.path.intrinsics[None], FRAMES, axis=0)
    zoomed[:, :2, :2] *= np.linspace(1.0, 1.2, FRAMES)[:, None, None]
    total = evaluate_camera(FilmedPath("r", truth.times, truth.path.replace(intrinsics=zoomed)), truth).total
    assert total["focal_error_percent"] == pytest.approx(10, abs=0.01)


def test_every_file_that_has_a_path_is_read(tmp_path, capsys):
    truth = walk()
    files = [tmp_path / name for name in ("a.npz", "a.txt", "a.json")]
    for file in files:
        write_camera_path(truth.path, file, truth.times, (1280, 720))
    motion = Motion(truth.times, 1280, 720, data=path_data(truth.path))
    files.append(motion.save(tmp_path / "motion.npz"))
    for file in files:
        assert evaluate_camera(load_filmed_path(file), truth).total["rotation_worst_deg"] < 1e-4, file.name
    assert main(["evaluate", "camera", str(files[1]), "--truth", str(files[0])]) == 0
    shown = capsys.readouterr().out
    assert "ATE with scale, RMSE, m" in shown
    assert "focal length" not in shown  # a TUM trajectory has no lens
    assert main(["evaluate", "camera", str(files[3]), "--truth", str(files[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["coverage"] == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"no arrays", "a.npz"),
        ("a.txt", b"1 2 3", "a.txt"),
        ("a.bvh", b"HIERARCHY", "camera path"),
        ("missing.npz", None, "missing.npz"),
    ],
)
def test_files_without_a_path_are_refused_in_a_sentence(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(KinemaError, match=message) as error:
        load_filmed_path(tmp_path / name)
    assert "\n" not in str(error.value)
    Motion(np.arange(3.0), 64, 48).save(tmp_path / "nothing.npz")
    with pytest.raises(KinemaError, match="camera path"):
        load_filmed_path(tmp_path / "nothing.npz")
