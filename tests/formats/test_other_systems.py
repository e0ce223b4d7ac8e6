"""Other systems' files written by Kinema: GVHMR's .pt, PARE's .pkl, AMASS as retargeting tools expect it."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.formats import infer_format, load_motion, save_motion
from kinema.formats.foreign import REST_PELVIS
from kinema.formats.reader_body import AVERAGE_LEGS, own_legs
from kinema.formats.report import WriteReport
from tests.helpers.exchange_motions import camera_only, uneven
from tests.helpers.motion_samples import rotations_apart


def as_smplx(motion):
    """The motion as if fitted with SMPL-X: no hand joints, the body model not available."""
    person = motion.people[0]
    poses = {name: np.array(getattr(person, name)) for name in ("pose", "pose_world")}
    for pose in poses.values():
        pose[:, 66:] = 0
    return motion.replace(people=(person.replace(**poses, joints=None, joints_world=None),), body_model="smplx")


def test_gvhmr_round_trip(walk, tmp_path):
    motion, report = as_smplx(walk), WriteReport()
    path = save_motion(motion, tmp_path / "walk.pt", report=report)
    assert infer_format(path).name == "gvhmr"
    back, person = load_motion(path).people[0], motion.people[0]
    for name in ("pose", "pose_world"):
        assert rotations_apart(getattr(back, name), getattr(person, name)) < 1e-5
    for name in ("transl", "transl_world", "betas"):
        np.testing.assert_allclose(getattr(back, name), getattr(person, name), atol=1e-5)
    again = load_motion(path)
    np.testing.assert_allclose(again.times, motion.times, atol=1e-9)
    assert (again.width, again.height) == (motion.width, motion.height)
    focal = again.camera.intrinsics[0, 0]
    assert focal == pytest.approx(motion.camera.intrinsics[0, 0], rel=1e-6)


def test_gvhmr_of_the_free_body_is_scaled_and_notes_the_losses(walk, tmp_path):
    """In the world as in an AMASS file; before the camera its feet are on the person's rays, within 1 degree.

    (Not the pelvis: the joint of that name lies 6 cm further forward in SMPL-X's body.)
    """
    report = WriteReport()
    path = save_motion(walk, tmp_path / "walk.pt", report=report)
    back, person = load_motion(path).people[0], walk.people[0]
    amass = load_motion(save_motion(walk, tmp_path / "walk.npz", format="amass")).people[0]
    np.testing.assert_allclose(back.transl_world, amass.transl_world, atol=1e-5)
    own = own_legs(walk, person, None).soles(person.pose) + person.joints[:, :1]
    seen = AVERAGE_LEGS["smplx"].soles(back.pose) + (back.transl + REST_PELVIS["smplx"])[:, None]
    rays = [points.mean(axis=1) / np.linalg.norm(points.mean(axis=1), axis=1)[:, None] for points in (own, seen)]
    assert np.degrees(np.arccos((rays[0] * rays[1]).sum(axis=1))).max() < 1.0
    assert 0.8 < np.median(seen[..., 2] / own[..., 2]) < 0.95  # TALL is taller than the average
    assert not back.betas.any()
    assert any("shape is left out" in note for note in report.notes)


def test_gvhmr_of_two_people_at_a_constant_rate(pair, tmp_path):
    report = WriteReport()
    save_motion(uneven(pair), tmp_path / "pair.pt", report=report)
    assert [path.name for path in report.paths] == ["pair_4.pt", "pair_7.pt"]
    assert any("resampled" in note for note in report.notes)
    assert any("person 4 starts" in note for note in report.notes)


@pytest.mark.torch
def test_torch_itself_opens_the_pt(walk, tmp_path):
    torch = pytest.importorskip("torch")
    content = torch.load(save_motion(walk, tmp_path / "walk.pt"), weights_only=True)
    for frame in ("incam", "global"):
        part = content[f"smpl_params_{frame}"]
        assert {key: tuple(value.shape) for key, value in part.items()} == {
            "body_pose": (60, 63), "betas": (60, 10), "global_orient": (60, 3), "transl": (60, 3)
        }  # fmt: skip
        assert all(value.dtype == torch.float32 for value in part.values())
    np.testing.assert_allclose(
        content["smpl_params_global"]["global_orient"].numpy(), walk.people[0].pose_world[:, :3], atol=1e-6
    )
    assert content["K_fullimg"].shape == (60, 3, 3)
    assert content["fps"] == pytest.approx(30)


def test_the_pt_is_written_without_torch(walk, tmp_path):
    source = save_motion(walk, tmp_path / "walk.npz")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kinema.formats import load_motion, save_motion\n"
        f"save_motion(load_motion({str(source)!r}), {str(tmp_path / 'walk.pt')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert len(load_motion(tmp_path / "walk.pt").people[0]) == 60


def test_pare_has_only_pares_keys_and_round_trips(walk, tmp_path):
    path = save_motion(walk, tmp_path / "walk.pkl", format="pare")
    with path.open("rb") as file:
        content = pickle.load(file)
    assert set(content[1]) == {
        "pred_cam", "orig_cam", "verts", "pose", "betas", "joints3d", "joints2d", "bboxes", "frame_ids",
        "smpl_joints2d",
    }  # fmt: skip
    assert infer_format(path).name == "pare"
    back = load_motion(path, fps=30).people[0]
    np.testing.assert_array_equal(back.pose, walk.people[0].pose)
    np.testing.assert_array_equal(back.betas, walk.people[0].betas)
    np.testing.assert_array_equal(back.frames, walk.people[0].frames)


def test_pare_needs_a_camera(walk, tmp_path):
    person = walk.people[0].replace(pose=None, transl=None, joints=None)
    with pytest.raises(UsageError, match="pose in the camera's frame"):
        save_motion(walk.replace(people=(person,)), tmp_path / "walk.pkl", format="pare")


def test_retargeting_tools_find_their_keys(walk, tmp_path):
    """GMR and similar tools read root_orient, pose_body, trans, betas, gender and mocap_frame_rate of one person."""
    with np.load(save_motion(walk, tmp_path / "walk.npz", format="amass")) as file:
        count = len(file["trans"])
        assert file["root_orient"].shape == (count, 3)
        assert file["pose_body"].shape == (count, 63)
        assert file["betas"].ndim == 1
        assert str(file["gender"]) == "neutral"
        assert float(file["mocap_frame_rate"]) == 30
        heights = file["trans"][:, 2] + REST_PELVIS["smplx"][2]  # z is up; the root rotates about the pelvis
    ratio = heights / walk.people[0].joints_world[:, 0, 1]
    np.testing.assert_allclose(ratio, np.median(ratio), atol=0.02)


def test_a_motion_before_the_world_stage_has_no_global_part(walk, tmp_path):
    back = load_motion(save_motion(camera_only(walk), tmp_path / "walk.pt")).people[0]
    assert back.pose is not None
    assert back.pose_world is None
