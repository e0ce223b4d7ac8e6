"""Conversions keep what both formats hold, and report the rest."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.formats import FORMATS, formats, load_motion, save_motion
from kinema.formats.converting import convert, losses
from tests.helpers.exchange_motions import camera_only
from tests.helpers.motion_samples import rotations_apart

EXACT, MILLIMETRE = 1e-5, 1e-3


def smplx(motion):
    """The motion reduced to what SMPL-X files can hold: no hand joints, betas of SMPL-X."""
    person = motion.people[0]
    poses = {name: np.array(getattr(person, name)) for name in ("pose", "pose_world")}
    for pose in poses.values():
        pose[:, 66:] = 0
    return motion.replace(people=(person.replace(**poses, joints=None, joints_world=None),), body_model="smplx")


@pytest.mark.parametrize("one", ["kinema-pkl", "kinema-npz", "amass", "pare", "gvhmr", "bvh"])
@pytest.mark.parametrize("other", ["kinema-pkl", "kinema-npz", "amass", "gvhmr", "bvh"])
def test_every_pair_keeps_what_both_hold(walk, tmp_path, one, other):
    motion = walk if "bvh" in (one, other) else smplx(walk)
    first = save_motion(motion, tmp_path / f"one{FORMATS.find(one).suffixes[0]}", format=one)
    second = tmp_path / f"other{FORMATS.find(other).suffixes[0]}"
    if one == "pare" and other == "bvh":
        pytest.skip("PARE's files have no world, and their translation is a guess")
    report = convert(first, second, source_format=one, target_format=other, fps=30)
    back = load_motion(second, format=other, **({} if FORMATS.find(other).timed else {"fps": 30}))
    a, b = motion.people[0], back.people[0]
    tolerance = MILLIMETRE if "bvh" in (one, other) else EXACT
    kept = (set(FORMATS.find(one).keeps) or set(a.filled)) & (set(FORMATS.find(other).keeps) or set(a.filled))
    # Translation and betas are comparable only on the same body, with its betas.
    intermediate = load_motion(first, format=one, **({} if FORMATS.find(one).timed else {"fps": 30}))
    same_body = motion.body_model == intermediate.body_model == back.body_model and intermediate.people[0].betas.any()
    for name in kept & set(a.filled):
        if name.startswith("pose"):
            shared = slice(0, 66)
            assert rotations_apart(getattr(a, name)[:, shared], getattr(b, name)[:, shared]) < tolerance
        elif name.startswith("transl") and same_body:
            np.testing.assert_allclose(getattr(b, name), getattr(a, name), atol=tolerance)
        elif name == "betas" and same_body:
            np.testing.assert_allclose(b.betas, a.betas, atol=0.01 if "bvh" in (one, other) else EXACT)
    if other == "bvh" and one not in ("amass", "gvhmr") and a.joints_world is not None:  # those have another body
        np.testing.assert_allclose(b.joints_world[:, 0], a.joints_world[:, 0], atol=tolerance)
    np.testing.assert_allclose(back.times - back.times[0], motion.times - motion.times[0], atol=1e-6)
    assert report.paths[0] == second


def test_kinemas_own_formats_keep_everything_and_record_the_source(pair, tmp_path):
    save_motion(pair, tmp_path / "a.pkl")
    report = convert(tmp_path / "a.pkl", tmp_path / "b.npz")
    assert not list(report.notes)
    back = load_motion(tmp_path / "b.npz")
    for person, other in zip(pair, back, strict=True):
        assert person.filled == other.filled
        for name in person.filled:
            np.testing.assert_array_equal(getattr(person, name), getattr(other, name))
    record = back.provenance[-1]
    assert record.name == "convert"
    assert record.arguments == {"file": "a.pkl", "from": "kinema-pkl", "to": "kinema-npz", "lost": []}


def test_losses_are_reported(pair, tmp_path):
    save_motion(pair, tmp_path / "a.pkl")
    reported = " ".join(convert(tmp_path / "a.pkl", tmp_path / "b.npz", target_format="amass").notes)
    for expected in ("boxes", "shape is left out", "person 4 starts", "resampled"):
        assert expected in reported
    with np.load(tmp_path / "b_7.npz") as arrays:
        np.savez(tmp_path / "shaped.npz", **{**arrays, "betas": np.ones(16)})
    reported = " ".join(convert(tmp_path / "shaped.npz", tmp_path / "c.pkl").notes)
    assert "betas beyond the tenth" in reported
    reported = " ".join(convert(tmp_path / "a.pkl", tmp_path / "d.pkl", target_format="pare").notes)
    assert "frame rate" in reported
    assert "pose_world" in reported


def test_a_rotated_camera_frame_is_reported(walk, tmp_path):
    save_motion(camera_only(walk), tmp_path / "a.pkl")
    for target in ("b.bvh", "c.npz"):
        reported = " ".join(
            convert(tmp_path / "a.pkl", tmp_path / target, target_format="amass" if "npz" in target else None).notes
        )
        assert "in the camera's frame, rotated to" in reported


def test_every_lossy_format_states_what_it_keeps():
    for entry in formats():
        if entry.writes and entry.reads and not entry.lossless:
            assert entry.keeps, entry.name
        if entry.writes and not entry.reads:
            assert entry.holds, entry.name


def test_what_a_format_holds_is_not_called_lost(pair):
    """GLB has the pose and the camera, PoseFlow's JSON the keypoints, a BVH the camera in the file beside it."""
    assert losses(pair, FORMATS.find("glb")) == [
        "glb files hold everybody's skin, skeleton and motion, and the filming camera, at true times; nothing else"
        " of the motion"
    ]
    assert "hold everybody's 2D keypoints" in losses(pair, FORMATS.find("poseflow"))[0]
    assert not any("camera" in loss for loss in losses(pair, FORMATS.find("bvh")))
    assert any("camera" in loss for loss in losses(pair, FORMATS.find("trc")))


@pytest.mark.parametrize(
    ("name", "format"), [("b.npz", "poseflow"), ("b.npz", "bvh"), ("b", "amass"), ("b.pkl", "amass")]
)
def test_a_suffix_of_another_format_is_refused(walk, tmp_path, name, format):
    """Or JSON would be written into a file called .npz, which nothing reads again."""
    path = save_motion(walk, tmp_path / "a.pkl")
    with pytest.raises(UsageError, match=rf"{format} files end in \.\w+; rename {name} or change `target_format`"):
        convert(path, tmp_path / name, target_format=format)
    assert not (tmp_path / name).exists()


def test_losses_of_an_empty_motion(walk):
    nobody = walk.replace(people=())
    assert losses(nobody, FORMATS.find("kinema-pkl"))
    assert losses(nobody, FORMATS.find("kinema-npz")) == []


def test_impossible_conversions_are_refused(walk, tmp_path):
    path = save_motion(walk, tmp_path / "a.pkl")
    with pytest.raises(UsageError, match="overwrite the source"):
        convert(path, tmp_path / "a.pkl")
    with pytest.raises(UsageError, match="reads wham files but does not write them"):
        convert(path, tmp_path / "b.pkl", target_format="wham")
    with pytest.raises(UsageError, match="suffix"):
        convert(path, tmp_path / "b.xyz")
    with pytest.raises(UsageError, match="kinema-pkl files are read without `source_units`; leave it out"):
        convert(path, tmp_path / "b.npz", source_units="cm")
    with pytest.raises(InputError, match="does not exist"):
        convert(tmp_path / "missing.pkl", tmp_path / "b.npz")
