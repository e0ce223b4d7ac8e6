"""Training data of the pose lifter: samples of captured motion, mirrored, rolled, observed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.body import load_body  # noqa: E402
from kinema.errors import InputError  # noqa: E402
from kinema.models.pose_lifter.features import lifter_features  # noqa: E402
from kinema.models.pose_lifter.network import PoseLifterConfig  # noqa: E402
from kinema.models.pose_lifter.vertical import HALF_TRUST  # noqa: E402
from kinema.skeleton import BLAZEPOSE33, SMPL24  # noqa: E402
from kinema.training.augmentation import ARMS, UPPER_BODY  # noqa: E402
from kinema.training.lifter_data import CLOSE_METRES, NEARBY, MotionSampler  # noqa: E402
from kinema.training.lifter_observation import NEAREST, film_rows, observe, out_of_image, screen, seen_share  # noqa: E402
from kinema.training.lifter_samples import UNKNOWN_SHARE, known_verticals, make_batch, mirror_some, roll_some  # noqa: E402
from kinema.training.mocap import MocapSequence  # noqa: E402
from kinema.training.rendered import LIFTER_FILM, Film, film_window, render_windows  # noqa: E402
from kinema.training.torch_body import BodyTables  # noqa: E402
from kinema.training.torch_random import TorchRandom  # noqa: E402
from kinema.training.windows import load_windows, measured_errors  # noqa: E402

pytestmark = pytest.mark.torch
CONFIG = PoseLifterConfig()
NEAR = [abs(tap) <= NEARBY for tap in CONFIG.taps]
MIDDLE = len(CONFIG.taps) // 2


def sequence(subject: str = "a", *, bend: float = 0.6, frames: int = 200) -> MocapSequence:
    """A person who bends both elbows and moves forward."""
    time = np.arange(frames) / 60.0
    rotation = np.tile(np.eye(3), (frames, 24, 1, 1))
    angle = bend * (1 + np.sin(3 * time))
    for name, sign in (("left_elbow", -1), ("right_elbow", 1)):
        c, s = np.cos(sign * angle), np.sin(sign * angle)
        rotation[:, SMPL24.index(name), 0, 0], rotation[:, SMPL24.index(name), 2, 2] = c, c
        rotation[:, SMPL24.index(name), 0, 2], rotation[:, SMPL24.index(name), 2, 0] = s, -s
    root = np.stack([0 * time, np.full_like(time, 0.9), time], -1)
    return MocapSequence("walk", subject, "walk", 60.0, rotation, root)


@pytest.fixture(scope="module")
def tables():
    return BodyTables.of(load_body(), "cpu")


@pytest.fixture
def samples(tables):
    sampler = MotionSampler([sequence(), sequence("b", bend=0.2)], tables, CONFIG, TorchRandom(3, "cpu"))
    return sampler.sample(64)


def rays_of(points):
    return points[..., :2] / points[..., 2:]


def test_the_ground_truth_is_one_consistent_body(samples, tables):
    """The middle frame's joints and landmarks follow from its rotations and betas."""
    rotation, joints = tables.joints(samples.rotation, samples.betas)
    np.testing.assert_allclose(samples.joints, joints, atol=1e-5)  # float32 forward kinematics of 9 bones
    points = tables.points(rotation, joints, samples.betas)
    middle = samples.points[:, MIDDLE]
    hips = BLAZEPOSE33.indices(("left_hip", "right_hip"))
    relative = [p - p[:, hips].mean(1, keepdim=True) for p in (points, middle)]
    np.testing.assert_allclose(relative[0], relative[1], atol=2e-5)  # differences at up to 12 m in float32
    np.testing.assert_allclose(samples.up.norm(dim=-1), 1, atol=1e-5)
    assert float(samples.points[:, NEAR, :, 2].min()) > 0.2, "everything is in front of the camera"


def test_a_rolled_sample_is_the_same_scene_seen_by_a_rolled_camera(samples, tables):
    landmarks = samples.points - samples.points[:, :, :1]
    seen = torch.ones(samples.points.shape[:3])
    turned, turn = roll_some(samples, TorchRandom(1, "cpu"))
    back = turn.transpose(1, 2)[:, None]
    rays, solid = rays_of(samples.points) @ back[..., :2, :2], landmarks @ back
    moved = (turned.up - samples.up).norm(dim=-1) > 1e-6
    assert 0.1 < float(moved.float().mean()) < 0.6
    _, joints = tables.joints(turned.rotation, turned.betas)
    np.testing.assert_allclose(turned.joints, joints, atol=1e-5)
    # Distances from the axis, depths, lengths and angles between directions are unchanged.
    np.testing.assert_allclose(rays.norm(dim=-1), rays_of(samples.points).norm(dim=-1), atol=1e-5)
    np.testing.assert_allclose(solid[..., 2], landmarks[..., 2], atol=1e-5)
    lean = [torch.einsum("nwkc,nc->nwk", s, t.up) for s, t in ((solid, turned), (landmarks, samples))]
    np.testing.assert_allclose(lean[0], lean[1], atol=1e-5)
    # The features of a rolled scene describe the same person of the same size.
    batch = make_batch(turned, *lifter_features(rays, seen, solid, torch), torch.zeros(64, 4))
    plain = make_batch(samples, *lifter_features(rays_of(samples.points), seen, landmarks, torch), torch.zeros(64, 4))
    np.testing.assert_allclose(batch.features[..., -2], plain.features[..., -2], atol=1e-4)


def test_cameras_stand_near_and_far_and_people_are_small_and_tall(tables):
    sampler = MotionSampler([sequence()], tables, CONFIG, TorchRandom(11, "cpu"))
    drawn = sampler.sample(1500)
    hips = drawn.points[:, MIDDLE, BLAZEPOSE33.indices(("left_hip", "right_hip"))].mean(1)
    near = hips[:, 2] < CLOSE_METRES[1]
    # Less than CLOSE_SHARE of the cameras, because these people walk: the distance covers their way.
    assert 0.06 < float(near.float().mean()) < 0.13
    # They look at the chest: the shoulders are nearer to the axis than the hips.
    shoulders = drawn.points[near, MIDDLE][:, BLAZEPOSE33.indices(("left_shoulder", "right_shoulder"))]
    assert float(shoulders[..., 1].mean().abs()) < float(hips[near, 1].mean()) - 0.2
    assert float(drawn.points[:, NEAR, :, 2].min()) > NEAREST - 1e-4
    # Most cameras look down, by up to 45 degrees; up is -y in a level camera and points towards one that looks down.
    pitch = torch.rad2deg(torch.asin(drawn.up[:, 2]))
    assert -12 < float(pitch.mean()) < -6
    assert 0.15 < float((pitch < -20).float().mean()) < 0.3
    # Children are two units or more along the last component, of which adults vary by 0.6: 6 % but for the oldest.
    assert 0.02 < float((drawn.betas[:, -1] > 2.4).float().mean()) < 0.08


def test_the_pictures_edge_cuts_most_people_near_the_camera(samples):
    points = torch.cat([samples.points, samples.points])
    points[: len(samples.points), ..., 2] += 3.0 - points[: len(samples.points), :, :1, 2]  # a far half, a near half
    points[len(samples.points) :, ..., 2] += 1.0 - points[len(samples.points) :, :, :1, 2]
    metre = (1.0 / points[:, :, 0, 2])[..., None, None]
    centre = points[:, :, [11, 12, 23, 24], :2].mean(2, keepdim=True)
    cut = out_of_image(points[..., :2] - centre, metre, TorchRandom(4, "cpu"))
    ankles = cut[:, MIDDLE, BLAZEPOSE33.indices(("left_ankle", "right_ankle"))].all(1).float()
    far, near = ankles[: len(samples.points)].mean(), ankles[len(samples.points) :].mean()
    assert float(far) < 0.35 < 0.55 < float(near)


def test_long_captures_of_one_kind_do_not_push_out_the_others(tables):
    """An hour of standing weighs as much as ten minutes; short kinds by the root of their length."""
    standing = [dataclasses.replace(sequence(f"s{i}", frames=9000), category="idle") for i in range(8)]
    sampler = MotionSampler([*standing, sequence(frames=9000)], tables, CONFIG, TorchRandom(0, "cpu"))
    assert float(sampler.probability[-1]) == pytest.approx(1 / 3, abs=0.01)  # 150 s against 1200 s, counted as 600


def test_mirrored_samples_are_a_mirror_image(samples, tables):
    mirrored = mirror_some(samples, TorchRandom(5, "cpu"))
    flipped = (mirrored.up[:, 0] - samples.up[:, 0]).abs() > 1e-6
    assert 0.2 < float(flipped.float().mean()) < 0.8
    expected = samples.joints[flipped][:, torch.tensor(SMPL24.mirror)] * torch.tensor([-1.0, 1, 1])
    np.testing.assert_allclose(mirrored.joints[flipped], expected, atol=1e-6)
    _, joints = tables.joints(mirrored.rotation, mirrored.betas)
    # The free body is symmetric within two millimetres.
    np.testing.assert_allclose(joints, mirrored.joints, atol=2e-3)


def test_people_who_come_too_near_or_leave_the_view_are_not_seen(tables):
    sampler = MotionSampler([sequence()], tables, CONFIG, TorchRandom(11, "cpu"))
    points = sampler.sample(1500).points
    rays = screen(points)
    assert torch.isfinite(rays).all()
    seen = seen_share(points, rays).mean(2)
    # All of the person around the middle; of those 1.6 seconds away some have walked past a close camera.
    assert float(seen[:, MIDDLE].mean()) > 0.95
    assert 0.6 < float(seen[:, [0, -1]].mean()) < 0.995


def test_taps_are_frames_of_the_film():
    assert film_rows(CONFIG.taps, torch.device("cpu")).tolist() == [tap / 3 for tap in CONFIG.taps]
    assert CONFIG.taps == tuple(-tap for tap in reversed(CONFIG.taps))


def test_known_verticals_are_off_by_what_they_say(samples):
    up = samples.up[:1].expand(20000, 3)
    known = known_verticals(up, TorchRandom(2, "cpu"))
    share = known[:, 3]
    assert float((share == 0).float().mean()) == pytest.approx(UNKNOWN_SHARE, abs=0.02)
    assert (known[share == 0] == 0).all()
    given, share = known[share > 0], share[share > 0]
    cosine = (given[:, :3] / share[:, None] * up[0]).sum(-1).clamp(-1, 1)
    off = torch.rad2deg(torch.arccos(cosine))
    sigma = HALF_TRUST / share - HALF_TRUST
    # Two axes of one sigma each: the median of their length is 1.18 sigma.
    assert float((off / sigma).median()) == pytest.approx(1.18, abs=0.06)


def test_simulated_errors_have_the_documented_size(samples):
    """About 2 cm across the view and 4 to 14 cm in the 3D estimate, by the constants of `observe`."""
    rays, confidence, landmarks = observe(samples.points, TorchRandom(7, "cpu"), CONFIG.taps, None)
    hips = samples.points[:, :, BLAZEPOSE33.indices(("left_hip", "right_hip"))].mean(2, keepdim=True)
    sure = (confidence > 0.5) & (landmarks.abs().sum((-1, -2)) > 0)[..., None]
    error = ((landmarks - (samples.points - hips))[sure]).norm(dim=-1)
    assert 0.05 < float(error.median()) < 0.25
    assert torch.isfinite(rays).all()


def test_donors_replace_arms_and_trunk_but_never_legs():
    still, donor = sequence(bend=0.0), sequence("b", bend=0.9)
    legs = [i for i in range(1, 24) if i not in UPPER_BODY]
    bent = 0
    for seed in range(40):
        motion, window = film_window(still, np.random.default_rng(seed), LIFTER_FILM, [donor])
        assert motion.num_frames == LIFTER_FILM.frames
        spread = np.abs(window.rotation - window.rotation[:1]).max((0, 2, 3))
        np.testing.assert_allclose(spread[legs], 0, atol=1e-9)
        bent += bool(spread[[SMPL24.index("left_elbow"), SMPL24.index("right_elbow")]].max() > 0.1)
    # 0.3 for the trunk and 0.15 for each arm: 0.49 of the people, 40 drawn, 3 standard deviations.
    assert 10 <= bent <= 29
    assert set(ARMS[0]) < set(UPPER_BODY)


@pytest.mark.slow
def test_windows_are_rendered_observed_and_read_back(tmp_path, networks):
    people = [sequence(), sequence("b")]
    render_windows(people, tmp_path, Film(30.0, 24), seed=1, most=2, workers=1, held_out=("b",))
    windows = load_windows(tmp_path, "train", Film(30.0, 24))
    assert windows["rays"].shape[1:] == (24, 33, 2)
    np.testing.assert_allclose(np.linalg.det(windows["rotation"]), 1, atol=1e-2)  # stored as float16
    assert 0.3 < windows["confidence"].mean() <= 1
    # The networks' landmarks are near the true ones: half of them within a tenth of the torso length.
    errors = measured_errors({name: value[:2] for name, value in windows.items()})
    assert np.median(np.abs(errors.flat)) < 0.05
    # Every third frame is a window at 10 frames per second, from each of the first three.
    slow = load_windows(tmp_path, "train", Film(10.0, 8))
    count = len(windows["root"])
    assert len(slow["root"]) == 3 * count
    np.testing.assert_array_equal(slow["root"][2 * count], windows["root"][0, 2::3])
    with pytest.raises(InputError, match="60 fps"):
        load_windows(tmp_path, "train", Film(60.0, 8))


def test_missing_windows_are_reported(tmp_path: Path):
    with pytest.raises(InputError, match="run the render step"):
        load_windows(tmp_path, "train", LIFTER_FILM)
