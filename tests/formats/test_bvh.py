"""BVH files, read with pybvh."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from kinema.skeleton import SMPL24
from tests.helpers.exchange_motions import camera_only, uneven


def positions(path):
    """(F,24,3) joints by pybvh's forward kinematics, and the frame time."""
    pybvh = pytest.importorskip("pybvh")
    file = pybvh.read_bvh_file(str(path))
    names = [node.name for node in file.nodes]
    return file.node_positions()[:, [names.index(joint) for joint in SMPL24.joints]], file.frame_time


def test_joints_are_exact_within_a_millimetre(walk, tmp_path):
    report = WriteReport()
    path = save_motion(walk, tmp_path / "walk.bvh", report=report)
    assert report.paths == [path, tmp_path / "walk_camera.json"]
    assert not list(report.notes)
    found, frame_time = positions(path)
    assert frame_time == pytest.approx(1 / 30, rel=1e-9)
    # The precision of six decimals in metres and degrees.
    np.testing.assert_allclose(found, walk.people[0].joints_world, atol=2e-5)


@pytest.mark.parametrize("order", ["XYZ", "YXZ", "ZYX"])
def test_any_rotation_order(walk, tmp_path, order):
    path = save_motion(walk, tmp_path / "walk.bvh", rotation_order=order)
    assert f"CHANNELS 3 {order[0]}rotation {order[1]}rotation {order[2]}rotation" in path.read_text()
    np.testing.assert_allclose(positions(path)[0], walk.people[0].joints_world, atol=2e-5)


def test_centimetres(walk, tmp_path):
    found, _ = positions(save_motion(walk, tmp_path / "walk.bvh", units="cm"))
    np.testing.assert_allclose(found / 100, walk.people[0].joints_world, atol=2e-5)


@pytest.mark.filterwarnings("ignore:Rest pose suggests")  # pybvh warns about people lying down
def test_one_file_per_person_with_gaps_filled(pair, tmp_path):
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.bvh", report=report)
    assert [path.name for path in report.paths] == ["pair_4.bvh", "pair_7.bvh", "pair_camera.json"]
    late, lying = pair.people
    found, frame_time = positions(report.paths[0])
    assert frame_time == pytest.approx(1 / 29.97, rel=1e-6)
    assert len(found) == 80
    np.testing.assert_allclose(found[late.frames - 10], late.joints_world, atol=2e-5)
    found, _ = positions(report.paths[1])
    np.testing.assert_allclose(found[lying.frames], lying.joints_world, atol=2e-5)
    notes = " ".join(report.notes)
    assert "pair_4.bvh starts 0.334 s after the clip" in notes
    assert "person 4 was away" in notes


def test_variable_frame_rate_keeps_true_times(walk, tmp_path):
    report = WriteReport()
    path = save_motion(uneven(walk), tmp_path / "walk.bvh", fps=60, report=report)
    found, frame_time = positions(path)
    assert frame_time == pytest.approx(1 / 60)
    assert len(found) == 2 * 59 + 1
    assert any("resampled to 60" in note for note in report.notes)
    assert np.max(np.linalg.norm(found[::2] - walk.people[0].joints_world, axis=-1)) < 0.03  # as in test_tracks


def test_the_cameras_frame(walk, tmp_path):
    found, _ = positions(save_motion(camera_only(walk), tmp_path / "walk.bvh"))
    np.testing.assert_allclose(found, walk.people[0].joints * [1, -1, -1], atol=2e-5)


def test_the_rest_pose_is_the_persons_own(walk, body, tmp_path):
    path = save_motion(walk, tmp_path / "walk.bvh")
    pybvh = pytest.importorskip("pybvh")
    offsets = {node.name: np.array(node.offset) for node in pybvh.read_bvh_file(str(path)).nodes}
    rest = body.rest_joints(walk.people[0].betas[0])
    for joint, parent in zip(SMPL24.joints[1:], SMPL24.parents[1:], strict=True):
        np.testing.assert_allclose(offsets[joint], rest[SMPL24.index(joint)] - rest[parent], atol=1e-6)
    ends = [name for name in offsets if name not in SMPL24]
    assert len(ends) == 5
    height = np.ptp(body.shaped(walk.people[0].betas[0])[:, 1])
    top = rest[15] + next(offsets[name] for name in ends if "head" in name)
    assert top[1] - body.shaped(walk.people[0].betas[0])[:, 1].min() == pytest.approx(height, abs=0.02)


def test_one_frame(walk, tmp_path):
    first = walk.replace(people=(walk.people[0].select(np.array([3])),))
    found, frame_time = positions(save_motion(first, tmp_path / "one.bvh"))
    assert frame_time == pytest.approx(1 / 30)
    np.testing.assert_allclose(found, walk.people[0].joints_world[3:4], atol=2e-5)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"units": "inch"}, "BVH files are written in m or cm"),
        ({"rotation_order": "XYX"}, "unknown rotation order"),
        ({"colour": "red"}, "bvh files are written without colour"),
    ],
)
def test_invalid_options_are_refused(walk, tmp_path, options, match):
    with pytest.raises(UsageError, match=match):
        save_motion(walk, tmp_path / "walk.bvh", **options)
    assert not list(tmp_path.iterdir())
