"""SMPL parameters under AMASS' keys and smplx's: whichever layout, container, rate key or axes, the same motion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body import load_body
from kinema.errors import InputError
from kinema.formats import infer_format, load_motion
from kinema.formats.foreign import REST_PELVIS, ZUP_FROM_YUP
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.synthetic import procedural_motion
from tests.helpers.foreign_samples import write_npz, write_pkl, write_pt
from tests.helpers.motion_samples import rotations_apart

FPS = 50.0


@pytest.fixture(scope="module")
def walker():
    """A walk in the y-up world: pose (n,72) without hand joints, pelvis (n,3)."""
    person = procedural_motion(load_body(), "rounds", fps=FPS).people[0].select(np.arange(100))
    pose = np.array(person.pose_world)
    pose[:, 66:] = 0
    return pose, person.joints_world[:, 0]


def turned(pose, rotation):
    pose = np.array(pose)
    pose[:, :3] = matrix_to_axis_angle(rotation @ axis_angle_to_matrix(pose[:, :3]))
    return pose


def parameters(walker, *, up="z", body="smplx"):
    """Root (n,3), body (n,63) and translation (n,3) of the walk as a file with this axis up says it."""
    pose, pelvis = walker
    axes = {"z": ZUP_FROM_YUP, "y": np.eye(3), "camera": np.diag([1.0, -1.0, -1.0])}[up]
    pose = turned(pose, axes)
    place = pelvis @ axes.T + ([0.0, 1.0, 6.0] if up == "camera" else [0.0, 0.0, 0.0])
    return pose[:, :3], pose[:, 3:66], place - REST_PELVIS[body]


def amass(walker, **changes):
    root, body, trans = parameters(walker, up=changes.pop("up", "z"))
    poses = np.zeros((len(root), 165))
    poses[:, :3], poses[:, 3:66] = root, body
    content = {
        "poses": poses, "trans": trans, "betas": np.zeros(16), "gender": np.array("neutral"),
        "mocap_frame_rate": np.array(FPS),
    }  # fmt: skip
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


def check(motion, walker, *, fps=FPS, atol=1e-6):
    """The motion is the walk: rotations, the pelvis in the world, times."""
    (person,) = motion.people
    pose, pelvis = walker
    assert motion.fps == pytest.approx(fps)
    assert rotations_apart(person.pose_world[:, :66], pose[:, :66]) < max(atol, 1e-6)
    np.testing.assert_allclose(person.transl_world + REST_PELVIS[motion.body_model], pelvis, atol=atol)


def notes(motion):
    return " | ".join(motion.data.get("notes", ()))


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "fps"),
    [
        ("amass_fps_key.npz", None), ("amass_no_rate.npz", 24), ("amass_gender_none.npz", None), ("amass_in.pkl", None),
        ("amass_parts_only.npz", None), ("smplx_keys_flat.npz", None), ("amass_y_up.npz", None),
    ],
)  # fmt: skip
def test_files_that_went_wrong_are_the_control(data_dir, name, fps):
    """The y-up one was derived from unfiltered poses, 1.8 degrees and 1 mm away from the control."""
    control = load_motion(data_dir / "cases" / "amass_ok.npz")
    motion = load_motion(data_dir / "cases" / name, fps=fps)
    one, other = control.people[0], motion.people[0]
    near = 0.04 if "y_up" in name else 1e-7
    assert rotations_apart(one.pose_world, other.pose_world) < near
    np.testing.assert_allclose(other.transl_world, one.transl_world, atol=near)
    np.testing.assert_allclose(motion.times, control.times)
    assert motion.body_model == control.body_model
    assert ("y-up" in notes(motion)) == ("y_up" in name)


@pytest.mark.parametrize("key", ["mocap_frame_rate", "mocap_framerate", "mocap_fps", "framerate", "frame_rate", "fps"])
@pytest.mark.parametrize("value", [FPS, np.array(FPS), np.array([50]), np.array(50, dtype=object)])
def test_any_key_of_the_rate(tmp_path, walker, key, value):
    content = amass(walker, mocap_frame_rate=None) | {key: np.asarray(value)}
    check(load_motion(write_npz(content, tmp_path / "a.npz")), walker)


def test_without_a_rate_the_callers_is_used_or_asked_for(tmp_path, walker):
    path = write_npz(amass(walker, mocap_frame_rate=None), tmp_path / "a.npz")
    check(load_motion(path, fps=25), walker, fps=25)
    with pytest.raises(InputError, match="lacks mocap_frame_rate; give the frame rate with `fps`"):
        load_motion(path)
    both = write_npz(amass(walker, fps=np.array(30.0)), tmp_path / "b.npz")
    assert "mocap_frame_rate says 50 frames a second and fps 30" in notes(load_motion(both))


@pytest.mark.parametrize(
    ("gender", "said"),
    [
        ("male", "the file's body is male"), ("neutral", ""), (b"female", "the file's body is female"), ("None", ""),
        (np.array(None, dtype=object), ""), (np.array(["male"], dtype=object), "the file's body is male"),
        (np.array([1.5]), "gender is no text"), (np.array(["female"]), "the file's body is female"),
    ],
)  # fmt: skip
def test_whatever_gender_says(tmp_path, walker, gender, said):
    motion = load_motion(write_npz(amass(walker, gender=np.asarray(gender)), tmp_path / "a.npz"))
    check(motion, walker)
    assert said in notes(motion)
    assert ("gender" in notes(motion) or "body is" in notes(motion)) == bool(said)


@settings(max_examples=60, deadline=None)
@given(
    joints=st.sampled_from([22, 24, 52, 55]),
    form=st.sampled_from(["flat", "joints", "matrices", "flat matrices"]),
    batch=st.booleans(),
    dtype=st.sampled_from(["f4", "f8", ">f8"]),
    order=st.sampled_from("CF"),
    up=st.sampled_from("zy"),
)
def test_any_layout_of_the_rotations(tmp_path_factory, walker, joints, form, batch, dtype, order, up):
    root, body, _ = parameters(walker, up=up)
    poses = np.zeros((len(root), joints, 3))
    poses[:, :22] = np.concatenate([root, body], axis=1).reshape(len(root), 22, 3)
    layout = {22: "smplh", 24: "smpl", 52: "smplh", 55: "smplx"}[joints]
    values = axis_angle_to_matrix(poses) if "matrices" in form else poses
    values = values.reshape(len(values), -1) if "flat" in form else values
    trans = parameters(walker, up=up, body=layout)[2]
    if batch:
        values, trans = values[None], trans[None]
    content = amass(walker, poses=np.asarray(values, dtype=dtype, order=order), trans=trans.astype(dtype))
    motion = load_motion(write_npz(content, tmp_path_factory.mktemp("a") / "a.npz"))
    assert motion.body_model == layout
    check(motion, walker, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.sampled_from([("root_orient", "pose_body", "trans"), ("global_orient", "body_pose", "transl")]),
    root_form=st.sampled_from(["flat", "one", "matrices"]),
    body_form=st.sampled_from(["flat", "joints", "matrices"]),
    batch=st.booleans(),
    suffix=st.sampled_from(["npz", "pkl", "pt"]),
    betas=st.sampled_from([None, (10,), (16,), (300,), (1, 10), (100, 10), (1, 100, 10)]),
    hands=st.booleans(),
)
def test_any_layout_of_the_parts(tmp_path_factory, walker, keys, root_form, body_form, batch, suffix, betas, hands):
    root, body, trans = (part.astype("f4") for part in parameters(walker))
    root = {"flat": root, "one": root[:, None], "matrices": axis_angle_to_matrix(root)}[root_form]
    joints = body.reshape(len(body), 21, 3)
    body = {"flat": body, "joints": joints, "matrices": axis_angle_to_matrix(joints)}[body_form]
    if batch and (root_form, body_form) == ("flat", "flat"):
        root, body, trans = root[None], body[None], trans[None]
    content = {keys[0]: root, keys[1]: body, keys[2]: trans, "fps": np.array(FPS)}
    if betas is not None:
        content["betas"] = np.full(betas, 0.5)
    if hands:
        content |= {"left_hand_pose": np.ones((100, 45)), "expression": np.ones((100, 10))}
    path = tmp_path_factory.mktemp("a") / f"a.{suffix}"
    motion = load_motion({"npz": write_npz, "pkl": write_pkl, "pt": write_pt}[suffix](content, path))
    assert infer_format(path).name == "amass"
    check(motion, walker, atol=2e-6)
    person = motion.people[0]
    assert (person.betas is None) == (betas is None)
    assert person.betas is None or np.all(person.betas == 0.5)
    assert ("hands, jaw and eyes" in notes(motion)) == hands


def test_body_of_23_joints_is_smpls(tmp_path, walker):
    root, body, trans = parameters(walker, body="smpl")
    content = {"global_orient": root, "body_pose": np.pad(body, ((0, 0), (0, 6))), "transl": trans, "fps": FPS}
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    assert motion.body_model == "smpl"
    check(motion, walker)
    content = {"root_orient": root, "poses": content["body_pose"], "trans": trans, "fps": FPS}
    check(load_motion(write_pkl(content, tmp_path / "a.pkl")), walker)


def test_easymocap_turns_about_the_origin(tmp_path, walker):
    """Its vertices are R x + Th; SMPL's, R (x - pelvis) + pelvis + trans: the pelvis is at R pelvis + Th."""
    root, body, trans = parameters(walker, body="smpl")
    rest = REST_PELVIS["smpl"]
    poses = np.concatenate([np.zeros((100, 3)), body, np.zeros((100, 6))], axis=1)
    content = {
        "poses": poses, "shapes": np.zeros((1, 10)), "Rh": root, "fps": FPS,
        "Th": trans + rest - axis_angle_to_matrix(root) @ rest,
    }  # fmt: skip
    motion = load_motion(write_pkl(content, tmp_path / "a.pkl"))
    check(motion, walker)
    assert "EasyMocap" in notes(motion)


# --- axes and units ----------------------------------------------------------------------------------


def test_a_y_up_world_is_noted_and_kept(tmp_path, walker):
    motion = load_motion(write_npz(amass(walker, up="y"), tmp_path / "a.npz"))
    check(motion, walker)
    assert "y-up" in notes(motion)
    assert "y-up" not in notes(load_motion(write_npz(amass(walker), tmp_path / "b.npz")))


@settings(max_examples=30, deadline=None)
@given(
    heading=st.floats(-np.pi, np.pi),
    x=st.floats(-3, 3),
    z=st.floats(-3, 3),
    still=st.booleans(),
    up=st.sampled_from("zy"),
)
def test_people_who_stand_are_upright_wherever_they_face(tmp_path_factory, walker, heading, x, z, still, up):
    pose, pelvis = walker
    turn = axis_angle_to_matrix(np.array([0.0, heading, 0.0]))
    pose, pelvis = turned(pose, turn), pelvis @ turn.T
    pelvis = pelvis - pelvis[0] * [1, 0, 1] + [x, 0, z]
    if still:
        pose, pelvis = np.repeat(pose[:1], 100, axis=0), np.repeat(pelvis[:1], 100, axis=0)
    path = tmp_path_factory.mktemp("a") / "a.npz"
    check(load_motion(write_npz(amass((pose, pelvis), up=up), path)), (pose, pelvis))


def test_a_y_up_person_who_starts_at_the_origin_stands(tmp_path, walker):
    """Where the translation counts from the first frame, nothing is known of the floor."""
    root, body, _ = parameters(walker, up="y")
    poses = np.repeat(np.concatenate([root, body], axis=1)[:1], 50, axis=0)
    content = {"poses": poses, "trans": np.full((50, 3), 0.001) * np.arange(50)[:, None] / 50, "fps": np.array(FPS)}
    motion = load_motion(write_npz(content, tmp_path / "a.npz"))
    upright = axis_angle_to_matrix(motion.people[0].pose_world[:, :3]) @ [0, 1, 0]
    assert upright[:, 1].min() > 0.9
    assert "y-up" in notes(motion)


@pytest.mark.parametrize("heading", [0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi, 0.3])
@pytest.mark.parametrize("belly", [False, True])
@pytest.mark.parametrize("place", [(0.0, 0.0), (2.0, -1.5)])
@pytest.mark.parametrize("height", [0.12, 0.6])
def test_people_who_lie_in_a_z_up_world_still_lie(tmp_path, walker, heading, belly, place, height):
    """Also with the trunk along y, where it would stand in a y-up world."""
    pose = np.repeat(walker[0][:1] * 0, 60, axis=0)
    pose[:, 0] = np.pi / 2 if belly else -np.pi / 2
    pose = turned(pose, axis_angle_to_matrix(np.array([0.0, heading, 0.0])))
    pelvis = np.tile([place[0], height, place[1]], (60, 1)) + 0.01 * np.sin(np.arange(60))[:, None]
    check(load_motion(write_npz(amass((pose, pelvis)), tmp_path / "a.npz")), (pose, pelvis))


def test_a_y_up_person_who_does_push_ups_faces_the_floor(tmp_path, walker):
    pose = np.repeat(walker[0][:1] * 0, 60, axis=0)
    facing_down, head_to_x = (axis_angle_to_matrix(np.pi / 2 * np.array(axis)) for axis in ([1.0, 0, 0], [0, 1.0, 0]))
    pose = turned(pose, head_to_x @ facing_down)
    pelvis = np.tile([0.5, 0.4, -0.2], (60, 1)) + [0, 0.1, 0] * np.sin(np.arange(60) / 5)[:, None]
    check(load_motion(write_npz(amass((pose, pelvis), up="y"), tmp_path / "a.npz")), (pose, pelvis))
    check(load_motion(write_npz(amass((pose, pelvis)), tmp_path / "b.npz")), (pose, pelvis))


def test_the_cameras_frame_is_not_taken_for_a_world(tmp_path, walker):
    root, body, trans = parameters(walker, up="camera")
    content = {"global_orient": root, "body_pose": body, "transl": trans, "fps": np.array(FPS)}
    motion = load_motion(write_npz(content, tmp_path / "a.npz"))
    (person,) = motion.people
    assert person.pose_world is None
    np.testing.assert_allclose(person.pose[:, :3], root)
    np.testing.assert_allclose(person.transl, trans)
    assert "camera's frame" in notes(motion)


@pytest.mark.parametrize(("unit", "said"), [(100, "centimetres"), (1000, "millimetres"), (1, "")])
@pytest.mark.parametrize("up", "zy")
def test_centimetres_and_millimetres_are_metres(tmp_path, walker, unit, said, up):
    root, body, trans = parameters(walker, up=up)
    poses = np.zeros((100, 165))
    poses[:, :66] = np.concatenate([root, body], axis=1)
    rest = REST_PELVIS["smplx"]
    content = {"poses": poses, "trans": (trans + rest) * unit - rest * unit, "mocap_frame_rate": FPS}
    motion = load_motion(write_npz(content, tmp_path / "a.npz"))
    check(motion, walker, atol=1e-5)
    assert said in notes(motion)
    assert ("metres, by" in notes(motion)) == bool(said)


def test_a_file_without_translation_stays_at_the_origin(tmp_path, walker):
    content = amass(walker, trans=None)
    motion = load_motion(write_npz(content, tmp_path / "a.npz"))
    assert "stays at the origin" in notes(motion)
    upright = axis_angle_to_matrix(motion.people[0].pose_world[:, :3]) @ [0, 1, 0]
    assert upright[:, 1].min() > 0.9


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
@pytest.mark.parametrize("layout", ["poses", "joints", "matrices", "parts", "matrix parts", "easymocap"])
def test_clips_of_hardly_any_frames(tmp_path, walker, frames, layout):
    root, body, trans = (part[:frames] for part in parameters(walker, body="smplx"))
    whole = np.concatenate([root, body, np.zeros((frames, 99))], axis=1)
    joints = axis_angle_to_matrix(body.reshape(frames, 21, 3))
    content = {
        "poses": {"poses": whole},
        "joints": {"poses": whole.reshape(frames, 55, 3)},
        "matrices": {"poses": axis_angle_to_matrix(whole.reshape(frames, 55, 3))},
        "parts": {"root_orient": root, "pose_body": body},
        "matrix parts": {"global_orient": axis_angle_to_matrix(root), "body_pose": joints},
        "easymocap": {"poses": whole, "Rh": root},
    }[layout]
    for suffix, write in (("npz", write_npz), ("pkl", write_pkl)):
        motion = load_motion(
            write(content | {"trans": trans, "fps": FPS, "betas": np.zeros(10)}, tmp_path / f"a.{suffix}")
        )
        assert len(motion.people[0]) == frames
        if frames and layout != "easymocap":
            pose, pelvis = walker
            assert rotations_apart(motion.people[0].pose_world[:, :66], pose[:frames, :66]) < 1e-6
            np.testing.assert_allclose(motion.people[0].transl_world + REST_PELVIS["smplx"], pelvis[:frames], atol=1e-6)


# --- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"joints": np.zeros((5, 22, 3))}, "holds joints without rotations"),
        (
            {"fps": 30, "root_pos": np.zeros((5, 3)), "root_rot": np.zeros((5, 4)), "dof_pos": np.zeros((5, 29))},
            "holds a robot's motion",
        ),
        ({"poses": np.zeros((5, 22, 6)), "trans": np.zeros((5, 3)), "fps": 30}, "6D rotations"),
        (
            {"poses": np.zeros((5, 24, 4)), "trans": np.zeros((5, 3)), "fps": 30},
            "quaternions, whose order it does not say",
        ),
        ({"poses": np.zeros((5, 69)), "trans": np.zeros((5, 3)), "fps": 30}, "poses has 69 columns"),
        ({"poses": np.zeros((5, 66)), "trans": np.zeros((4, 3)), "fps": 30}, "trans has shape"),
        ({"poses": np.zeros((5, 66)), "trans": np.zeros((5, 3)), "fps": 0}, "fps must be positive"),
        (
            {"global_orient": np.zeros((5, 3)), "body_pose": np.zeros((5, 228)), "transl": np.zeros((5, 3)), "fps": 30},
            "body_pose has shape",
        ),
    ],
)
@pytest.mark.parametrize("suffix", ["npz", "pkl"])
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, content, match, suffix):
    with pytest.raises(InputError, match=match) as error:
        load_motion({"npz": write_npz, "pkl": write_pkl}[suffix](content, tmp_path / f"a.{suffix}"))
    assert "\n" not in str(error.value)
