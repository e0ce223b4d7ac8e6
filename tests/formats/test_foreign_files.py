"""Other systems' motion files: read into Kinema's conventions, and never executed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.formats import formats, infer_format, load_motion, save_motion
from kinema.formats.foreign import REST_PELVIS
from kinema.geometry.camera import project
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.skeleton import SPIN49
from tests.helpers.foreign_samples import (
    SAMPLES,
    aistpp,
    glamr,
    gvhmr,
    pare,
    pare_image,
    phalp,
    romp,
    small_pose,
    video2pkl,
    wham,
    write_npz,
    write_pkl,
    write_pt,
    write_sample,
)
from tests.helpers.goldens import cases, recording
from tests.helpers.motion_samples import StandInBody, make_motion, rotations_apart
from tests.helpers.pare_samples import picture
from tests.helpers.recorded_motions import each_kind, recorded_motions


def notes(motion):
    return " | ".join(motion.provenance[0].arguments["notes"])


def same_rotations(a, b):
    assert rotations_apart(a, b) < 1e-5


@pytest.mark.parametrize("name", SAMPLES)
def test_every_source_is_inferred_and_read(tmp_path, name):
    path = write_sample(name, tmp_path)
    assert infer_format(path).name == name
    motion = load_motion(path)
    assert motion.people
    assert motion.source == path.name
    assert motion.provenance[0].name == f"read.{name}"
    for person in motion:
        assert person.pose is not None or person.pose_world is not None
    # What was read can be written and read again in Kinema's own format.
    again = Motion.load(motion.save(tmp_path / "own.npz"))
    assert [p.filled for p in again] == [p.filled for p in motion]


# BodyCompress's library may be missing; test_bodycompress.py tests it.
UNTIMED = [f.name for f in formats() if f.reads and not f.timed and f.name != "bodycompress"]


@pytest.mark.parametrize("name", UNTIMED)
def test_frame_rate_is_the_callers_or_assumed_and_noted(tmp_path, name):
    path = write_sample(name, tmp_path)
    assert load_motion(path, fps=24).fps == pytest.approx(24) or load_motion(path).num_frames < 2
    assert "30 frames a second are assumed" in notes(load_motion(path))
    assert "assumed" not in notes(load_motion(path, fps=24))
    with pytest.raises(UsageError, match="frame rate must be a number between"):
        load_motion(path, fps=0)


# --- PARE and VIBE -----------------------------------------------------------------------------------


@pytest.mark.parametrize("matrices", [True, False])
def test_pare_pose_as_matrices_and_as_axis_angle(tmp_path, matrices):
    motion = load_motion(write_pkl(pare(matrices), tmp_path / "a.pkl"))
    (person,) = motion.people
    assert person.id == 2
    assert person.frames.tolist() == list(range(3, 9))
    same_rotations(person.pose, small_pose())
    assert (motion.width, motion.height) == (640, 360)
    assert person.keypoint_set == "spin49"


def test_pare_body_is_where_pares_renderer_draws_it(tmp_path):
    content = pare()
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    (person,) = motion.people
    source = content[2]
    pelvis = source["joints3d"][:, SPIN49.index("mid_hip")]
    s, tx, ty = source["pred_cam"].T
    cx, cy, side, _ = source["bboxes"].T
    drawn = np.stack([cx + side / 2 * s * (pelvis[:, 0] + tx), cy + side / 2 * s * (pelvis[:, 1] + ty)], axis=1)
    np.testing.assert_allclose(project(pelvis + person.transl, motion.camera.intrinsics), drawn, atol=1e-4)


def test_own_pare_keys_restore_the_translation(tmp_path):
    """Written by Kinema, stripped to PARE's keys, read as PARE's: inverts the formula, up to the field of view."""
    motion = make_motion()
    save_motion(motion, tmp_path / "own.pkl", body=PelvisBody())
    content = pickle.loads((tmp_path / "own.pkl").read_bytes())
    keys = ("pred_cam", "orig_cam", "pose", "betas", "joints3d", "bboxes", "frame_ids", "smpl_joints2d")
    stripped = {id: {key: person[key] for key in keys} for id, person in content.items()}
    again = load_motion(write_pkl(stripped, tmp_path / "pare.pkl"))
    assert (again.width, again.height) == (640, 480)
    before, after = motion.people[0], again.people[0]
    # The field of view is not in the file: depths differ by the ratio of the focal lengths, one for all frames.
    ratio = (after.transl + PelvisBody.pelvis)[:, 2] / before.joints[:, 0, 2]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    np.testing.assert_allclose(ratio[0], again.camera.intrinsics[0, 0] / np.sqrt(500 * 510), rtol=1e-6)


class PelvisBody(StandInBody):
    """A body whose 49 points all lie at the pelvis of the sample motions."""

    pelvis = np.array([0.01, -0.21, 0.03])

    def posed_points(self, name, pose, betas, transl):
        return np.repeat((self.pelvis + transl)[:, None], 49, axis=1)


@pytest.mark.golden
@pytest.mark.parametrize("smooth", [False, True])
def test_pares_own_output(tmp_path, smooth):
    """Recorded output of PARE's demo, smoothed and not: joints project to where PARE projects them.

    PARE's crop camera has a focal length of 5000 pixels, Kinema's the default field of view, so a joint in front of or
    behind the pelvis is further from or closer to the image centre, in proportion to its relative depth. PARE's filter
    works on the entries of the matrices.
    """
    data = recording("pare/pipeline.npz")
    keys = ("pred_cam", "orig_cam", "pose", "betas", "joints3d", "smpl_joints2d", "bboxes", "frame_ids")
    content = {}
    for track in cases(data, r"video\.p(\d+)\.pose"):
        content[track] = {key: data[f"video.p{track}.{key}"] for key in keys}
        if smooth:
            content[track] |= {key: data[f"video.smooth.p{track}.{key}"] for key in ("pose", "joints3d")}
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert (motion.height, motion.width) == picture(0).shape[:2]
    assert ("projected onto rotations" in notes(motion)) == smooth
    for person in motion:
        own = content[person.id]
        assert person.frames.tolist() == own["frame_ids"].tolist()
        if smooth:
            continue
        points, pixels, hip = own["joints3d"], own["smpl_joints2d"], SPIN49.index("mid_hip")
        off = project(points + person.transl[:, None], motion.camera.intrinsics) - pixels
        reach = np.linalg.norm(pixels - motion.camera.intrinsics[:2, 2], axis=-1)
        depth = np.abs(points - points[:, hip, None])[..., 2] / person.transl[:, None, 2]
        assert np.all(np.linalg.norm(off, axis=-1) < 1.5 * reach * depth + 0.1)


def test_joblib_files_compressed_and_not(tmp_path):
    joblib = pytest.importorskip("joblib")
    for compress in (0, 3, ("gzip", 3)):
        joblib.dump(pare(), tmp_path / "a.pkl", compress=compress)
        assert infer_format(tmp_path / "a.pkl").name == "pare"
        same_rotations(load_motion(tmp_path / "a.pkl").people[0].pose, small_pose())


def test_pare_image_folder_file(tmp_path):
    motion = load_motion(write_pkl(pare_image(), tmp_path / "a.pkl"))
    assert [p.id for p in motion] == [1, 2, 3, 4, 5, 6]
    assert motion.num_frames == 1
    same_rotations(motion.people[3].pose, small_pose()[3:4])


def test_pare_without_cameras_is_not_placed(tmp_path):
    content = pare()
    del content[2]["orig_cam"]
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert motion.camera is None
    assert motion.people[0].transl is None
    assert "nobody is placed" in notes(motion)


# --- the others --------------------------------------------------------------------------------------


def test_video2pkl_translation_is_negated(tmp_path):
    content = video2pkl()
    (person,) = load_motion(write_pkl(content, tmp_path / "a.pkl")).people
    np.testing.assert_array_equal(person.transl, -content[1]["trans"])
    assert np.all(person.transl[:, 2] > 0)  # in front of the camera, not behind it
    content[1]["global_orient"] = content[1]["global_orient"] + 0.5
    content[1]["trans"] -= content[1]["trans"][0]
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert "global_orient differs from pose[:3] by up to 0.500 rad" in notes(motion)
    assert "relative to the first frame" in notes(motion)


@pytest.mark.golden
@each_kind
def test_video2pkl_goldens_are_read(tmp_path, kind):
    data, _ = recorded_motions()
    person = {key: data[f"{kind}.in.{key}"] for key in ("pose", "trans", "global_orient")}
    motion = load_motion(write_pkl({1: person}, tmp_path / "a.pkl"))
    same_rotations(motion.people[0].pose, person["pose"])


def test_wham_hips_are_where_wham_puts_them(tmp_path):
    """trans_world is the centre of the hips, which is restored with the average body's hips."""
    from kinema.formats.wham import HIPS_FROM_PELVIS

    content = wham()
    (person,) = load_motion(write_pkl(content, tmp_path / "a.pkl")).people
    np.testing.assert_array_equal(person.transl, content[0]["trans"])
    same_rotations(person.pose_world, content[0]["pose_world"])
    root = axis_angle_to_matrix(person.pose_world[:, :3])
    hips = person.transl_world + REST_PELVIS["smpl"] + root @ HIPS_FROM_PELVIS
    np.testing.assert_allclose(hips, content[0]["trans_world"], atol=1e-12)
    assert person.frames[0] == 10


def test_wham_api_layout(tmp_path):
    whole = wham()[0]
    content = {
        0: {
            "poses_root_cam": axis_angle_to_matrix(whole["pose"][:, None, :3]),
            "poses_root_world": axis_angle_to_matrix(whole["pose_world"][:, None, :3]),
            "poses_body": axis_angle_to_matrix(whole["pose"][:, 3:].reshape(-1, 23, 3)),
            "trans_world": whole["trans_world"], "betas": whole["betas"], "frame_id": whole["frame_ids"],
        }
    }  # fmt: skip
    assert infer_format(write_pkl(content, tmp_path / "a.pkl")).name == "wham"
    (person,) = load_motion(tmp_path / "a.pkl").people
    same_rotations(person.pose, whole["pose"])
    same_rotations(person.pose_world[:, :3], whole["pose_world"][:, :3])


@pytest.mark.torch
@pytest.mark.parametrize("prefix", ["smpl_params", "body_params", "pred_body_params"])
def test_gvhmr_and_gem_pt(tmp_path, prefix):
    pytest.importorskip("torch")
    content = gvhmr(prefix=prefix)
    path = write_pt(content, tmp_path / "hmr4d_results.pt")
    assert infer_format(path).name == "gvhmr"
    motion = load_motion(path)
    (person,) = motion.people
    assert motion.body_model == "smplx"
    assert (motion.width, motion.height) == (640, 480)
    assert motion.camera.intrinsics[0, 0] == 900
    np.testing.assert_allclose(person.pose[:, 3:66], content[f"{prefix}_incam"]["body_pose"], atol=1e-6)
    np.testing.assert_allclose(person.pose_world[:, :3], content[f"{prefix}_global"]["global_orient"], atol=1e-6)
    np.testing.assert_allclose(person.transl_world, content[f"{prefix}_global"]["transl"], atol=1e-6)
    assert not person.pose[:, 66:].any()


def test_gem_of_another_body_is_refused(tmp_path):
    with pytest.raises(InputError, match="body_pose has 228 columns where SMPL-X's has 63"):
        load_motion(write_pkl(gvhmr(body=228), tmp_path / "a.pkl"))


def test_phalp_tracks_ghosts_and_gaps(tmp_path):
    content = phalp()
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert [(p.id, p.frames.tolist()) for p in motion] == [(4, [0, 1, 2, 3, 4, 5]), (9, [0, 1, 4, 5])]
    assert "ghosts" in notes(motion)
    assert (motion.width, motion.height) == (640, 480)
    assert motion.camera.intrinsics[0, 0] == 5000
    first = motion.people[0]
    same_rotations(first.pose, small_pose(12)[:6])
    assert first.transl[:, 2].tolist() == [30, 31, 32, 33, 34, 35]
    np.testing.assert_allclose(first.boxes[0], [10, 20, 110, 220])
    np.testing.assert_allclose(first.confidence, 0.9)


def test_romp_video_and_image(tmp_path):
    motion = load_motion(write_npz(romp(frames=12), tmp_path / "a.npz"))
    assert motion.num_frames == 12
    assert [p.id for p in motion] == [5, 6]
    # 2.jpg comes before 10.jpg.
    same_rotations(motion.people[0].pose[10], small_pose(2, 10)[0])
    one = load_motion(write_npz(romp(), tmp_path / "b.npz"))
    assert one.num_frames == 1
    assert len(one.people) == 2


def test_aistpp_is_in_metres(tmp_path):
    content = aistpp()
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert motion.fps == pytest.approx(60)
    np.testing.assert_allclose(motion.people[0].transl_world, content["smpl_trans"] / 93.0, rtol=1e-6)


def test_glamr_world_is_converted_to_y_up(tmp_path):
    content = glamr()
    person = content["person_data"][0]
    person["smpl_orient_world"][:] = [np.pi / 2, 0, 0]  # standing along z, which is up in GLAMR's world
    (read,) = load_motion(write_pkl(content, tmp_path / "a.pkl")).people
    up = axis_angle_to_matrix(read.pose_world[:, :3]) @ [0, 1, 0]
    np.testing.assert_allclose(up, np.tile([0, 1, 0], (6, 1)), atol=1e-9)
    pelvis = read.transl_world + REST_PELVIS["smpl"]
    x, y, z = person["root_trans_world"].T
    np.testing.assert_allclose(pelvis, np.stack([x, z, -y], axis=1), atol=1e-9)
    # The camera is converted with the world: positions in its frame are unchanged.
    motion = load_motion(tmp_path / "a.pkl")
    from kinema.geometry.camera import to_camera

    seen = to_camera(pelvis, motion.camera)
    np.testing.assert_allclose(seen, person["root_trans_world"], atol=1e-9)  # cam_pose is the identity
    person["exist_frames"][:2] = False
    (read,) = load_motion(write_pkl(content, tmp_path / "a.pkl")).people
    assert read.frames.tolist() == [2, 3, 4, 5]


@pytest.mark.real
def test_published_samples(data_dir):
    """Real files of AIST++, GLAMR and ROMP: people are upright, with the pelvis at a human height."""
    folder = data_dir / "smpl_samples"

    def up(pose):
        return axis_angle_to_matrix(pose[:, :3]) @ np.array([0.0, 1, 0])

    dance = load_motion(next(folder.glob("aistpp_*.pkl")))
    (dancer,) = dance.people
    assert dance.fps == pytest.approx(60)
    assert dance.num_frames == 720
    assert np.median(up(dancer.pose_world)[:, 1]) > 0.9
    pelvis = dancer.transl_world[:, 1] + REST_PELVIS["smpl"][1]
    assert 0.5 < np.median(pelvis) < 2.0
    run = load_motion(folder / "glamr_running_seed1.pkl")
    (runner,) = run.people
    assert np.median(up(runner.pose)[:, 1]) < -0.9  # the camera's y points down
    assert np.median(up(runner.pose_world)[:, 1]) > 0.9
    assert 0.6 < np.median(runner.transl_world[:, 1] + REST_PELVIS["smpl"][1]) < 1.1
    image = load_motion(folder / "romp_output.npz")
    (standing,) = image.people
    assert up(standing.pose)[0, 1] < -0.9
    assert standing.transl[0, 2] > 1
    np.testing.assert_allclose(standing.joints[0, 0] - standing.transl[0], REST_PELVIS["smpl"], atol=0.03)
    with pytest.raises(InputError, match="not a motion file that Kinema knows"):
        load_motion(folder / "mhr_sam3d_body_img_subj00.npz")
