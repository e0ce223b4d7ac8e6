"""AMASS files: in the layout that the add-ons expect, at true times and rates that they accept, and read back."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.formats import infer_format, load_motion, save_motion
from kinema.formats.amass import amass_arrays
from kinema.formats.amass_writing import usual_rate
from kinema.formats.foreign import REST_PELVIS
from kinema.formats.report import WriteReport
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.motion import Motion
from tests.helpers.motion_samples import make_motion, make_person


def world_person(n=6, **changes):
    person = make_person(frames=range(n), fields=("pose_world", "transl_world", "joints_world", "betas"))
    return person.replace(**changes)


def test_amass_arrays_are_as_the_add_ons_expect(tmp_path):
    motion = make_motion(6, (world_person(),), fps=30.0, with_camera=False, body_model="smplx")
    path = motion.save(tmp_path / "out.npz")
    with np.load(path, allow_pickle=False) as data:
        assert data["poses"].shape == (6, 165)
        assert data["trans"].shape == (6, 3)
        assert data["betas"].shape == (16,)
        assert str(data["gender"]) == "neutral"
        assert int(data["mocap_framerate"]) == int(data["mocap_frame_rate"]) == 30
        person = motion.people[0]
        np.testing.assert_array_equal(data["poses"][:, 3:66], person.pose_world[:, 3:66])
        assert not data["poses"][:, 66:].any()
        np.testing.assert_allclose(data["betas"][:10], np.median(person.betas, axis=0))
        # The reader poses the person's own body: its pelvis is where Kinema's is, in z-up axes: (x, -z, y).
        pelvis = data["trans"] + [0.0031, -0.3514, 0.0120]
        x, y, z = person.joints_world[:, 0].T
        np.testing.assert_allclose(pelvis, np.stack([x, -z, y], 1), atol=1e-12)


@pytest.mark.parametrize(("body_model", "kept"), [("free", None), ("SMPL_NEUTRAL.pkl", "smpl"), ("smplh", "smplh")])
def test_betas_are_written_to_their_own_layout_only(body_model, kept):
    """SMPL's shape space is not SMPL-X's: with its betas, SMPL-X's body has another size."""
    motion = make_motion(6, (world_person(),), fps=30.0, with_camera=False, body_model=body_model)
    for layout in ("smplx", "smplh", "smpl"):
        arrays = amass_arrays(motion, motion.people[0], layout=layout)
        assert arrays["betas"].any() == (layout == kept)
        assert arrays["poses"].shape == (6, {"smplx": 165, "smplh": 156, "smpl": 72}[layout])
        assert str(arrays["surface_model_type"]) == layout
    hands = motion.people[0].pose_world[:, 66:]
    np.testing.assert_array_equal(arrays["poses"][:, 66:], hands)  # SMPL's layout has its hand joints


def test_amass_turns_a_standing_person_upright():
    """A body with an unrotated root stands along y; in AMASS' world its up axis must be z."""
    pose = np.zeros((6, 72))
    motion = make_motion(6, (world_person(pose_world=pose),), with_camera=False)
    root = axis_angle_to_matrix(amass_arrays(motion, motion.people[0])["root_orient"])
    np.testing.assert_allclose(root @ [0, 1, 0], np.tile([0, 0, 1], (6, 1)), atol=1e-12)
    # In the camera's frame (y down) an upright body is rotated by half a turn about x.
    pose[:, 0] = np.pi
    person = make_person(frames=range(6), fields=("pose", "betas", "transl", "joints")).replace(pose=pose)
    motion = make_motion(6, (person,))
    root = axis_angle_to_matrix(amass_arrays(motion, person)["root_orient"])
    np.testing.assert_allclose(root @ [0, 1, 0], np.tile([0, 0, 1], (6, 1)), atol=1e-12)


def test_the_free_bodys_betas_are_not_written_as_smpl_betas(tmp_path):
    motion = make_motion(6, (world_person(),), with_camera=False, body_model="free")
    with np.load(motion.save(tmp_path / "out.npz")) as data:
        assert not data["betas"].any()
    np.testing.assert_array_equal(Motion.load(tmp_path / "out.npz").people[0].betas, motion.people[0].betas)


@pytest.mark.parametrize(
    ("fps", "written"),
    [(10, 30), (23.976, 30), (25, 30), (29.97, 30), (30, 30), (50, 60), (59.94, 60), (60, 60), (100, 120), (120, 120)],
)
def test_amass_rate_is_30_or_a_multiple_at_true_times(fps, written):
    """A root that moves at 1 m/s does so in the file, too, whatever the clip's frame rate, from the first frame on."""
    times = np.arange(61) / fps
    joints = np.zeros((61, 24, 3))
    joints[:, :, 0] = times[:, None]
    person = make_person(frames=range(61), fields=("pose_world",)).replace(
        pose_world=np.zeros((61, 72)), transl_world=joints[:, 0], joints_world=joints
    )
    motion = make_motion(61, (person,), with_camera=False, times=times, body_model="smplx")
    arrays = amass_arrays(motion, person)
    rate = float(arrays["mocap_frame_rate"])
    assert rate == written
    np.testing.assert_allclose(np.diff(arrays["trans"][:, 0]) * rate, 1.0, atol=1e-3)
    assert arrays["trans"][0, 0] == pytest.approx(-0.0031, abs=1e-12)
    assert abs((len(arrays["trans"]) - 1) / rate - 60 / fps) <= 0.5 / rate + 1e-9
    assert float(amass_arrays(motion, person, fps=24)["mocap_frame_rate"]) == 24


def test_interpolation_adds_no_jitter():
    """A sine of 1.5 Hz and 0.3 m at 24 frames a second, written at 30: acceleration within 2 % of its peak, 27 m/s2."""
    times = np.arange(97) / 24

    def curve(seconds):
        return 0.3 * np.sin(2 * np.pi * 1.5 * seconds)

    joints = np.zeros((97, 24, 3))
    joints[:, :, 1] = 1 + curve(times)[:, None]
    pose = np.zeros((97, 72))
    pose[:, 3:6] = curve(times)[:, None] * [1.0, 0.5, 0.2]
    person = make_person(frames=range(97), fields=("pose_world",)).replace(
        pose_world=pose, transl_world=joints[:, 0], joints_world=joints
    )
    arrays = amass_arrays(make_motion(97, (person,), with_camera=False, times=times, body_model="smplx"), person)
    at = np.arange(len(arrays["trans"])) / 30
    for values, scale in ((arrays["trans"][:, 2], 1.0), (arrays["pose_body"][:, 0], 1.0)):
        off = np.diff(values - scale * curve(at), 2) * 30**2
        assert np.abs(off[2:-2]).max() < 0.02 * 0.3 * (2 * np.pi * 1.5) ** 2


def test_options_of_the_writer(tmp_path, walk):
    report = WriteReport()
    save_motion(walk, tmp_path / "a.npz", format="amass", fps=25.0, layout="smplh", report=report)
    said = " | ".join(report.notes)
    assert "at least 30, found 25" in said
    assert "SMPL-H's average body" in said
    assert "trajectory is scaled by 0.8" in said  # 0.936 m of legs for a tall person's 1.1 m
    with pytest.raises(UsageError, match="unknown `layout` 'star'; use one of smplx, smplh, smpl"):
        save_motion(walk, tmp_path / "b.npz", format="amass", layout="star")
    with pytest.raises(UsageError, match="the frame rate must be a number between"):
        save_motion(walk, tmp_path / "b.npz", format="amass", fps=0)
    with pytest.raises(UsageError, match="choose a lower rate"):
        save_motion(walk.replace(times=walk.times * 1000), tmp_path / "b.npz", format="amass", fps=90_000)
    assert not (tmp_path / "b.npz").exists()


def test_a_time_lapse_of_days_is_not_blown_up():
    """Four days at 2 frames a second would be ten million at 30; an hour at 2 may become 108,000."""
    short, long = (Motion(np.arange(hours * 7200) / 2.0, 640, 480) for hours in (1, 96))
    assert (usual_rate(short), usual_rate(long)) == (30, 2)


def test_amass_fills_gaps_at_constant_rate():
    whole = world_person(8)
    rows = np.array([0, 1, 2, 6, 7])
    motion = make_motion(8, (whole.select(rows),), fps=30.0, with_camera=False)
    arrays = amass_arrays(motion, motion.people[0])
    assert len(arrays["poses"]) == 8
    np.testing.assert_allclose(arrays["poses"][rows, 3:66], whole.pose_world[rows, 3:66], atol=1e-9)


def test_every_other_person_gets_an_amass_file(tmp_path):
    people = (make_person(2, range(5)), make_person(5, range(3), seed=1), make_person(9, range(4), ("boxes",)))
    path = make_motion(5, people).save(tmp_path / "out.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npz", "out_5.npz"]
    assert len(Motion.load(path).people) == 3
    other = Motion.load(tmp_path / "out_5.npz")
    assert infer_format(tmp_path / "out_5.npz").name == "amass"
    assert other.people[0].pose_world.shape == (3, 72)


def test_amass_round_trips_into_the_same_world(tmp_path):
    motion = make_motion(6, (world_person(),), fps=30.0, with_camera=False, body_model="smplx")
    path = save_motion(motion, tmp_path / "one.npz", format="amass")
    again = load_motion(path)
    before, after = motion.people[0], again.people[0]
    assert again.body_model == "smplx"
    assert again.fps == pytest.approx(30)
    pelvis = after.transl_world + REST_PELVIS["smplx"]
    np.testing.assert_allclose(pelvis, before.joints_world[:, 0], atol=1e-9)
    a = axis_angle_to_matrix(before.pose_world.reshape(6, 24, 3)[:, :22])
    b = axis_angle_to_matrix(after.pose_world.reshape(6, 24, 3)[:, :22])
    assert geodesic_angle(a, b).max() < 1e-7


@pytest.mark.parametrize(("width", "layout"), [(72, "smpl"), (156, "smplh"), (165, "smplx")])
def test_foreign_amass_layouts(tmp_path, width, layout):
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(4, width)) * 0.3
    np.savez(
        tmp_path / "a.npz", poses=poses, trans=rng.normal(size=(4, 3)), betas=rng.normal(size=16), gender="female",
        mocap_framerate=120.0, dmpls=np.zeros((4, 8)),
    )  # fmt: skip
    motion = load_motion(tmp_path / "a.npz")
    assert motion.body_model == layout
    assert motion.fps == pytest.approx(120)
    np.testing.assert_array_equal(motion.people[0].pose_world[:, 3:66], poses[:, 3:66])
    assert any("dmpls" in note for note in motion.provenance[0].arguments["notes"])
