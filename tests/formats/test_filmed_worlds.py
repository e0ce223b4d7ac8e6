"""Data sets with a moving camera, EMDB and 3DPW: synthetic files of their layouts."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.evaluation.filmed import filmed_path
from kinema.formats import load_motion
from kinema.formats.foreign import REST_PELVIS
from kinema.geometry.camera import to_camera
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.helpers.foreign_samples import camera_path, emdb, threedpw, write_pkl
from tests.helpers.motion_samples import rotations_apart


def test_emdb_person_and_camera(tmp_path):
    content = emdb()
    motion = load_motion(write_pkl(content, tmp_path / "P0_00_walk_data.pkl"))
    (person,) = motion.people
    assert person.frames.tolist() == [0, 2, 3, 4, 5]  # good_frames_mask leaves out the second
    assert motion.num_frames == 6
    assert motion.fps == pytest.approx(30)
    assert (motion.width, motion.height) == (1440, 1920)
    good = content["good_frames_mask"]
    np.testing.assert_allclose(person.transl_world, content["smpl"]["trans"][good])
    np.testing.assert_allclose(person.pose_world[:, :3], content["smpl"]["poses_root"][good])
    np.testing.assert_allclose(person.betas, np.tile(content["smpl"]["betas"], (5, 1)))
    # The pelvis in the camera's frame is that of the world, seen by the file's extrinsics.
    pelvis = person.transl_world + REST_PELVIS["smpl"]
    poses = content["camera"]["extrinsics"][good]
    seen = np.einsum("tij,tj->ti", poses[:, :3, :3], pelvis) + poses[:, :3, 3]
    np.testing.assert_allclose(person.transl + REST_PELVIS["smpl"], seen, atol=1e-9)
    turned = poses[:, :3, :3] @ axis_angle_to_matrix(person.pose_world[:, :3])
    np.testing.assert_allclose(axis_angle_to_matrix(person.pose[:, :3]), turned, atol=1e-9)
    assert rotations_apart(person.pose[:, 3:], person.pose_world[:, 3:]) == 0
    assert "gender male" in str(motion.provenance[0].arguments["notes"])
    path = filmed_path(motion).path
    assert path.metric
    np.testing.assert_allclose(path.translation, camera_path()[:, :3, 3], atol=1e-9)


def test_3dpw_world_is_turned_upright_with_its_camera(tmp_path):
    content = threedpw()
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    first, second = motion.people
    assert first.frames.tolist() == [0, 1, 2, 3, 4, 5]
    assert second.frames.tolist() == [0, 1, 2, 3, 4]  # its last camera pose is not valid
    assert (motion.width, motion.height) == (1080, 1920)
    up = axis_angle_to_matrix(first.pose_world[:, :3])[:, 1, 1]
    assert np.median(up) > 0.7  # small_pose leans by up to some tenths of a radian
    joints = np.reshape(content["jointPositions"][0], (6, 24, 3))
    np.testing.assert_allclose(first.joints_world, joints[..., [0, 2, 1]] * [1, 1, -1], atol=1e-9)
    # Seen by the camera, the world's joints are the camera's.
    np.testing.assert_allclose(to_camera(first.joints_world, motion.camera), first.joints, atol=1e-9)
    poses = content["cam_poses"]
    seen = np.einsum("tij,tkj->tki", poses[:, :3, :3], joints) + poses[:, None, :3, 3]
    np.testing.assert_allclose(first.joints, seen, atol=1e-9)


def test_3dpw_pickled_by_python_2(tmp_path):
    """The published files are of protocol 2, with byte strings."""
    import pickle

    content = threedpw(actors=1)
    content["sequence"] = content["sequence"].encode()
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content, protocol=2))
    assert len(load_motion(path).people) == 1


@pytest.mark.parametrize(
    ("make", "break_it", "message"),
    [
        (emdb, lambda c: c["camera"].pop("intrinsics"), "lacks intrinsics"),
        (emdb, lambda c: c["camera"]["extrinsics"].__imul__(2), "extrinsics holds a matrix that is no rotation"),
        (emdb, lambda c: c.update(good_frames_mask=np.zeros(6, bool)), "good_frames_mask leaves no frame"),
        (emdb, lambda c: c["camera"].update(width=0), "size must be positive"),
        (threedpw, lambda c: c.update(cam_poses=camera_path(4)), "cam_poses has 4 frames, poses 6, 6"),
        (threedpw, lambda c: c["trans"].pop(), "trans has 1 entries; there are more actors"),
        (threedpw, lambda c: c.update(poses=[]), "poses must be a list with an entry for each actor"),
        (threedpw, lambda c: c.update(cam_intrinsics=np.eye(3)), "centre of cam_intrinsics must be positive"),
        (threedpw, lambda c: c.update(campose_valid=[np.ones(5)] * 2), r"campose_valid has shape \(5,\)"),
    ],
)
def test_broken_files_are_refused_in_a_sentence(make, break_it, message, tmp_path):
    content = make()
    break_it(content)
    with pytest.raises(InputError, match=message) as error:
        load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert "\n" not in str(error.value)
