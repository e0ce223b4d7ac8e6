"""Networks on motions: representations, gaps, uneven times, poses fitted to joints, and what is rejected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.formats import load_motion, save_motion
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.models.refiner import load_refiner
from kinema.models.smoothnet.published import PublishedSmoothNet
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import refine
from kinema.refinement.inverse_kinematics import fit_pose_to_joints
from kinema.refinement.options import NetworkOptions
from kinema.refinement.stage import refine_with_network
from kinema.synthetic import procedural_motion, studio_camera
from kinema.temporal.sequences import UniformTimes, from_pixels, from_rotations, pad_reflected, to_pixels, to_rotations
from kinema.temporal.windows import slide
from tests.helpers.averaging import averaging_tensors
from tests.helpers.goldens import recording

BODY = load_body()


def noisy(seed: int = 0, frames: int = 90, angle: float = 0.04) -> tuple[Motion, Motion]:
    """A procedural motion at 30 frames per second, and the same with jitter on rotations and root."""
    truth = procedural_motion(BODY, "on-the-spot", fps=30, camera=studio_camera(640, 480))
    truth = truth.replace(times=truth.times[:frames], people=(truth.people[0].select(np.arange(frames)),))
    person = truth.people[0]
    rng = np.random.default_rng(seed)
    pose = person.pose + angle * rng.normal(size=person.pose.shape)
    transl = person.transl + [0.01, 0.01, 0.03] * rng.normal(size=(frames, 3))
    shaken = person.replace(pose=pose, transl=transl, joints=BODY.joints(pose, person.betas, transl))
    return truth, truth.replace(people=(shaken,))


@pytest.fixture(scope="module")
def averaging(tmp_path_factory):
    """A SmoothNet of eight frames that replaces every frame with the window's mean, exactly."""
    path = tmp_path_factory.mktemp("net") / "mean_8.npz"
    np.savez(path, **averaging_tensors(8))
    return path


def acceleration(joints: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1).mean())


@pytest.mark.parametrize("representation", ["3d", "smpl"])
def test_a_refined_body_shakes_less_and_agrees_with_itself(averaging, representation):
    truth, shaken = noisy()
    before, true = shaken.people[0], truth.people[0]
    refined = refine(shaken, BODY, "smoothnet", checkpoint=averaging, representation=representation)
    after = refined.people[0]
    np.testing.assert_allclose(after.joints, BODY.joints(after.pose, after.betas, after.transl), atol=1e-9)
    assert acceleration(after.joints) < 0.35 * acceleration(before.joints)
    errors = [np.linalg.norm(p.joints - true.joints, axis=-1).mean() for p in (before, after)]
    assert errors[1] < errors[0]
    record = refined.provenance[-1]
    assert (record.name, record.arguments["method"]) == ("refine", "smoothnet")
    assert record.arguments["window_size"] == 8
    assert record.arguments["people"][str(after.id)]["moved"] > 0
    assert set(record.weights) == {"mean_8.npz", BODY.name}
    assert after.joints_world is None


def test_keypoints_are_refined_and_unseen_ones_stay_unseen(averaging):
    rng = np.random.default_rng(0)
    frames = 40
    points = np.cumsum(rng.normal(size=(frames, 17, 2)), axis=0) + 200
    points[10:13, 4] = np.nan
    points[:, 9] = np.nan
    person = Person(1, np.arange(frames), keypoint_set="coco17", keypoints=points)
    motion = Motion(np.arange(frames) / 30, 640, 480, people=(person,))
    after = refine(motion, None, "smoothnet", checkpoint=averaging, representation="2d").people[0].keypoints
    np.testing.assert_array_equal(np.isnan(after), np.isnan(points))
    assert acceleration(after[:, :4]) < 0.3 * acceleration(points[:, :4])


def test_a_gap_is_not_smoothed_across(averaging):
    _, shaken = noisy(frames=60)
    person = shaken.people[0]
    rows = np.r_[0:25, 45:60]
    apart = refine(shaken.replace(people=(person.select(rows),)), BODY, "smoothnet", checkpoint=averaging)
    alone = refine(shaken.replace(people=(person.select(rows[:25]),)), BODY, "smoothnet", checkpoint=averaging)
    np.testing.assert_allclose(apart.people[0].joints[:25], alone.people[0].joints, atol=1e-9)


def test_a_network_for_other_rates_sees_its_own(averaging, tmp_path):
    t = np.arange(0, 3, 1 / 60)
    wave = np.sin(2 * np.pi * 0.5 * t)[:, None]
    even = UniformTimes.of(t, 30.0)
    grid = even.to_grid(wave)
    assert len(grid) == 91  # the last one past the clip's end, so that no frame lies outside
    # linear interpolation on a grid that hits the frames, cubic back: off by the spline's end conditions only
    np.testing.assert_allclose(even.from_grid(grid), wave, atol=1e-3)
    assert UniformTimes.of(t, 60.0).same
    rng = np.random.default_rng(0)
    uneven = np.sort(rng.choice(600, 200, replace=False)) / 100
    held = UniformTimes.of(uneven, None)
    assert not held.same
    assert np.ptp(np.diff(held.grid)) < 1e-9
    np.testing.assert_allclose(held.from_grid(held.to_grid(3 * uneven[:, None])), 3 * uneven[:, None], atol=1e-6)


@pytest.mark.golden
def test_smpl_and_2d_go_through_the_network_as_published():
    golden = recording("smoothnet/golden.npz")
    axis = golden["smpl.axis"].astype(np.float64).reshape(-1, 72)
    np.testing.assert_allclose(from_rotations(axis), golden["smpl.rot6d"], atol=1e-5)
    back = to_rotations(golden["smpl.out_6d"])
    expected = golden["smpl.out_axis"]
    angle = geodesic_angle(*(axis_angle_to_matrix(a.reshape(-1, 24, 3).astype(np.float64)) for a in (back, expected)))
    assert angle.max() < 1e-3  # their quaternions are float32
    px = golden["seq2d.px"].astype(np.float64)
    np.testing.assert_allclose(from_pixels(px, 1000, 1000), ((px - 500) / 500).reshape(len(px), -1))
    np.testing.assert_allclose(to_pixels(from_pixels(px, 640, 480), 640, 480), px)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_agreement_finds_the_pose_that_made_the_joints(seed):
    rng = np.random.default_rng(seed)
    frames = 3
    pose = 0.5 * rng.normal(size=(frames, 72))
    betas = np.tile(rng.normal(size=10), (frames, 1))
    transl = rng.normal(size=(frames, 3))
    joints = BODY.joints(pose, betas, transl)
    start = pose + 0.05 * rng.normal(size=pose.shape)
    found, where = fit_pose_to_joints(BODY, start, betas, joints)
    np.testing.assert_allclose(BODY.joints(found, betas, where), joints, atol=1e-8)


def test_agreement_points_bones_at_joints_that_it_cannot_reach():
    _, shaken = noisy(frames=5)
    person = shaken.people[0]
    far = person.joints[:, :1] + 1.3 * (person.joints - person.joints[:, :1])
    pose, transl = fit_pose_to_joints(BODY, person.pose, person.betas, far)
    joints = BODY.joints(pose, person.betas, transl)
    np.testing.assert_allclose(joints[:, 0], far[:, 0], atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(joints[:, 4] - joints[:, 1], axis=-1),
        np.linalg.norm(person.joints[:, 4] - person.joints[:, 1], axis=-1), atol=1e-9,
    )  # fmt: skip


def test_lag_is_what_a_live_stream_would_give(averaging):
    _, shaken = noisy(frames=50)
    settings = {"checkpoint": averaging, "representation": "smpl", "lag": 2}
    live = refine(shaken, BODY, "smoothnet", as_published=True, **settings)
    network = load_refiner(averaging, "smoothnet")
    six = slide(from_rotations(shaken.people[0].pose), 8, network.run, lag=2)
    found = axis_angle_to_matrix(live.people[0].pose.reshape(-1, 24, 3))
    expected = axis_angle_to_matrix(to_rotations(six).reshape(-1, 24, 3))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    # as it runs by default it may not know the future either
    changed = shaken.people[0]
    pose = changed.pose.copy()
    pose[30:] += 0.1
    later = refine(shaken.replace(people=(changed.replace(pose=pose),)), BODY, "smoothnet", **settings)
    before = refine(shaken, BODY, "smoothnet", **settings)
    np.testing.assert_allclose(later.people[0].pose[:28], before.people[0].pose[:28], atol=1e-9)
    assert np.abs(later.people[0].pose[28:] - before.people[0].pose[28:]).max() > 1e-3


def pulling(path, window: int = 8):
    """An averaging SmoothNet that pulls everything by a tenth towards 0.05, as the published ones pull towards zero."""
    tensors = averaging_tensors(window)
    tensors["decoder.weight"] = tensors["decoder.weight"] * np.float32(0.9)
    tensors["decoder.bias"] = np.full(window, 0.005, np.float32)
    np.savez(path, **tensors)
    return path


def test_what_stands_still_stays_though_the_network_pulls(tmp_path):
    truth, _ = noisy(frames=40)
    person = truth.people[0]
    held = {name: np.repeat(getattr(person, name)[:1], 40, axis=0) for name in ("pose", "transl")}
    person = person.replace(**held, joints=BODY.joints(held["pose"], person.betas, held["transl"]))
    motion = truth.replace(people=(person,))
    before = motion.people[0].joints
    path = pulling(tmp_path / "pull_8.npz")
    after = refine(motion, BODY, "smoothnet", checkpoint=path).people[0].joints
    np.testing.assert_allclose(after, before, atol=1e-5)  # the network is float32
    pulled = refine(motion, BODY, "smoothnet", checkpoint=path, as_published=True).people[0].joints
    assert np.linalg.norm(pulled - before, axis=-1).mean() > 0.02


def test_as_published_is_the_network_over_the_windows_as_they_are(tmp_path):
    _, shaken = noisy(frames=40)
    joints = shaken.people[0].joints
    path = pulling(tmp_path / "pull_8.npz")
    motion = shaken.replace(times=shaken.times / 2, people=(shaken.people[0].replace(pose=None),))  # 60 a second
    found = refine(motion, None, "smoothnet", checkpoint=path, as_published=True).people[0].joints
    run = load_refiner(path, "smoothnet").run
    relative = slide((joints - joints[:, :1]).reshape(40, -1), 8, run).reshape(joints.shape)
    np.testing.assert_allclose(found, relative - relative[:, :1] + slide(joints[:, 0], 8, run)[:, None], atol=1e-6)


def test_a_published_network_keeps_swings_that_it_would_flatten(tmp_path):
    # Sixteen hidden values, x and -x of eight frames: every frame comes back as seven tenths of itself.
    frames = np.concatenate([np.eye(8), -np.eye(8)]).astype(np.float32)
    path = tmp_path / "shrink_8.npz"
    np.savez(path, **{
        "encoder.0.weight": frames, "encoder.0.bias": np.zeros(16, np.float32),
        "decoder.weight": np.float32(0.7 / 1.1) * frames.T, "decoder.bias": np.zeros(8, np.float32),
    })  # fmt: skip
    network = PublishedSmoothNet(load_refiner(path, "smoothnet"), 8)
    windows = np.sin(np.arange(8) * np.pi / 4)[None, :, None] + 5.0  # a whole turn about 5
    np.testing.assert_allclose(network.smoother()(windows) - 5, 0.91 * (windows - 5), atol=1e-5)  # 2 * 0.7 - 0.7 ** 2
    assert network.rate == pytest.approx(16.7)
    assert network.margin == 7
    assert PublishedSmoothNet(network.network, 8, live=True).rate is None


@given(frames=st.integers(1, 12), ahead=st.integers(0, 9))
def test_led_on_goes_straight_on(frames, ahead):
    line = 2.0 + 3.0 * np.arange(frames)[:, None]
    longer, own = pad_reflected(line, ahead)
    np.testing.assert_allclose(longer[own], line)
    assert len(longer) == frames + 2 * min(ahead, frames - 1)
    np.testing.assert_allclose(np.diff(longer, axis=0), 3.0)


def test_short_clips_and_empty_tracks_pass(averaging):
    _, shaken = noisy(frames=5)
    nobody = Person(7, np.zeros(0, int), pose=np.zeros((0, 72)), betas=np.zeros((0, 10)), transl=np.zeros((0, 3)))
    motion = shaken.replace(people=(shaken.people[0], nobody))
    refined = refine(motion, BODY, "smoothnet", checkpoint=averaging)
    assert [len(person) for person in refined] == [5, 0]
    assert refine(shaken.replace(people=()), BODY, "smoothnet", checkpoint=averaging).people == ()


def test_the_video2pkl_preset_smooths_joints_and_pose_together(averaging):
    _, shaken = noisy()
    refined = refine(shaken, BODY, "video2pkl", checkpoint=averaging)
    after = refined.people[0]
    record = refined.provenance[-1]
    assert (record.name, record.arguments["method"]) == ("refine", "video2pkl")
    assert set(record.arguments["stabilize"]) == set(record.arguments["people"])
    np.testing.assert_allclose(after.joints, BODY.joints(after.pose, after.betas, after.transl), atol=1e-9)
    assert acceleration(after.joints) < 0.35 * acceleration(shaken.people[0].joints)
    with pytest.raises(UsageError, match="needs a body model"):
        refine(shaken, None, "video2pkl", checkpoint=averaging)
    with pytest.raises(UsageError, match="`representation` must be left out for video2pkl"):
        refine(shaken, BODY, "video2pkl", checkpoint=averaging, representation="smpl")


def test_what_does_not_fit_is_refused_with_a_sentence(averaging, tmp_path):
    _, shaken = noisy(frames=20)

    def attempt(**settings):
        return refine_with_network(shaken, BODY, NetworkOptions(**{"checkpoint": averaging, **settings}))

    with pytest.raises(UsageError, match=r"mean_8\.npz smooths windows of 8 frames, `window_size` asks for 32"):
        attempt(window_size=32)
    with pytest.raises(UsageError, match="`lag` must be less than the window of 8 frames, found 8"):
        attempt(lag=8)
    with pytest.raises(UsageError, match="holds a smoothnet network, not a synsp one"):
        attempt(method="synsp")
    with pytest.raises(InputError, match="there is no checkpoint"):
        attempt(checkpoint=tmp_path / "none.pth")
    with pytest.raises(UsageError, match="`representation` must be one of 2d, 3d, smpl, found '4d'"):
        attempt(representation="4d")
    with pytest.raises(UsageError, match="SynSP needs a `checkpoint`"):
        attempt(method="synsp", checkpoint=None)
    with pytest.raises(UsageError, match="keypoints, which person 1 does not have"):
        refine(shaken.replace(people=(shaken.people[0].replace(keypoints=None),)), BODY, "smoothnet",
               checkpoint=averaging, representation="2d")  # fmt: skip
    other = tmp_path / "other.npz"
    np.savez(other, weight=np.zeros((2, 2)))
    with pytest.raises(InputError, match="neither a SmoothNet nor a SynSP checkpoint; it holds weight"):
        attempt(checkpoint=other)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(InputError, match="not a readable ONNX file"):
        attempt(checkpoint=broken)
    narrow = averaging_tensors(8)
    narrow["decoder.weight"], narrow["decoder.bias"] = narrow["decoder.weight"][:4], narrow["decoder.bias"][:4]
    np.savez(other, **narrow)
    with pytest.raises(InputError, match="returns 4 frames for 8"):
        attempt(checkpoint=other)


@pytest.mark.torch
def test_synsp_refuses_joints_that_it_was_not_trained_on(tmp_path):
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    from kinema.models.synsp.network import SynSP
    from kinema.models.synsp.sizes import SynSPSizes

    _, shaken = noisy(frames=20)
    for coordinates, representation in ((51, "3d"), (144, "smpl")):
        net = SynSP(SynSPSizes(coordinates, 16, 16, layers=1))
        path = tmp_path / f"{coordinates}.safetensors"
        save_file({k: v.clone() for k, v in net.state_dict().items()}, str(path))
        if representation == "3d":
            with pytest.raises(UsageError, match="takes 51 numbers per frame, the joints of person 1 have 72"):
                refine(shaken, BODY, "synsp", checkpoint=path, representation="3d")
        else:
            refined = refine(shaken, BODY, "synsp", checkpoint=path, representation="smpl", window_size=8)
            assert np.isfinite(refined.people[0].joints).all()


def test_the_command_refines_a_file(averaging, tmp_path, capsys):
    _, shaken = noisy()
    file = save_motion(shaken, tmp_path / "in.pkl", body=BODY)
    assert main(["refine", str(file), "--method", "smoothnet", "--checkpoint", str(averaging)]) == 0
    out = tmp_path / "in_refined.pkl"
    assert str(out) in capsys.readouterr().out
    assert acceleration(load_motion(out).people[0].joints) < 0.35 * acceleration(shaken.people[0].joints)
    assert main(["refine", str(file), "--method", "gaus1d", "--strength", "0.6", "--out", str(tmp_path / "g.pkl")]) == 0
    assert "gaussian" in [record.arguments.get("method") for record in load_motion(tmp_path / "g.pkl").provenance]
    capsys.readouterr()
    for argv, told in (
        (["--method", "magic"], "unknown refiner 'magic'"),
        (["--method", "savgol", "--checkpoint", "x.pth"], "--checkpoint does not apply to savgol, which is a filter"),
        (["--method", "smoothnet", "--strength", "1"], "--strength does not apply to smoothnet, which is a network"),
        (["--method", "smoothnet", "--checkpoint", str(averaging), "--window-size", "16"], "asks for 16"),
    ):
        assert main(["refine", str(file), *argv]) == 2
        assert told in capsys.readouterr().err
