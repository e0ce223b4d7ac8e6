"""The viewing camera: the original's recorded outputs, and what a viewer expects of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.body import load_body
from kinema.geometry.camera_path import CameraPath
from kinema.visualization.aiming import blended, pitch_roll, rolled, smoothed, smootherstep, turned_towards
from kinema.visualization.doubled_motion import doubled_path
from kinema.visualization.viewing import FILL, follow, viewing_path
from tests.helpers.goldens import cases, recording, smpl_maker

MILLIMETRE = 1e-3  # the recording's unit of length
FPS, START, SIZE, SHOWN = 5.0, 2.0, (1280, 720), (640, 360)  # of the recording, by its README


@pytest.fixture(scope="module")
def golden():
    return {k: v.astype(float) if v.dtype.kind == "f" else v for k, v in recording("viz_camera/golden.npz").items()}


@pytest.fixture(scope="module")
def source(golden):
    return path_of(golden, "in")


@pytest.fixture(scope="module")
def crowd(golden, tmp_path_factory):
    """The recording's people as points (T,N,3), NaN where nobody is."""
    maker = smpl_maker()
    file = tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.pkl"
    maker.write(file, maker.model("neutral"))
    body, count = load_body(file), len(golden["has_people"])
    at = np.arange(count)
    pose = np.zeros((count, 72))
    pose[:, 0], pose[:, 3:] = np.pi, 0.1 * np.sin(at[:, None] / 4 + np.arange(69))
    still = np.zeros(count)
    ways = [(0.5 + 0.02 * at, still + 0.1, still + 4.5), (still - 0.6, still + 0.1, 5 + 0.03 * at)]
    skins = [body.vertices(pose, np.zeros((count, 10)), np.stack(way, 1))[:, golden["vertex_subset"]] for way in ways]
    points = np.concatenate(skins, axis=1).astype(float)
    points[~golden["has_people"]] = np.nan
    return lambda rows: points[rows]


def path_of(golden, name) -> CameraPath:
    return CameraPath(golden[f"{name}_R"], golden[f"{name}_t"] * MILLIMETRE, golden[f"{name}_K"])


def assert_recorded(found: CameraPath, golden, name, *, place=2.0, pixels=0.5):
    """Equal within the README's tolerances: rotation 1e-3, place 2 mm, lens 0.5 px."""
    np.testing.assert_allclose(found.rotation, golden[f"{name}_R"], atol=1e-3, err_msg=name)
    np.testing.assert_allclose(found.centre / MILLIMETRE, golden[f"{name}_t"], atol=place, err_msg=name)
    np.testing.assert_allclose(found.intrinsics, golden[f"{name}_K"], atol=pixels, err_msg=name)


@pytest.mark.golden
def test_smoothing_pitch_and_roll(golden, source):
    for name in cases(golden, r"(smooth\d+)_K"):
        digits = str(name).removeprefix("smooth")  # "01" is a tenth, "1" is one
        scale = float(f"{digits[0]}.{digits[1:]}") if digits[0] == "0" else float(digits)
        assert_recorded(smoothed(source, golden["world_up"], scale), golden, name)
    np.testing.assert_allclose(pitch_roll(source.rotation), golden["pitch_roll"], atol=1e-3)


@pytest.mark.golden
def test_blends_middles_and_the_step(golden, source):
    count, last = len(golden["interp_R"]), len(source) - 1
    share = np.array([0, 0.3, 1.0])
    first_and_last = source.part(np.zeros(count, int)), source.part(np.full(count, last))
    assert_recorded(blended(*first_and_last, share, golden["world_up"]), golden, "interp")
    pairs = len(golden["mid_R"])
    twice = doubled_path(source.part(slice(pairs + 1)), np.zeros(pairs, bool))
    assert_recorded(twice.part(slice(1, None, 2)), golden, "mid")
    np.testing.assert_allclose(smootherstep(golden["step_x"], 2, 10), golden["step_y"], atol=1e-6)


@pytest.mark.golden
def test_following_people(golden, source, crowd):
    found = follow(source, SIZE, crowd, golden["world_up"], SHOWN, FPS, move_start=START)
    assert_recorded(found, golden, "follow", place=10.0, pixels=1.0)
    final = viewing_path(source, SIZE, crowd, golden["world_up"], SHOWN, FPS, move_start=START)
    assert_recorded(final, golden, "final", place=10.0, pixels=1.0)


UP = np.array([0.0, 1.0, 0.0])


def filming(count: int) -> CameraPath:
    """Somebody films from a height of 1.5 m in a world whose y axis points down, with an unsteady hand."""
    at = np.arange(count)
    shake = 0.02 * np.stack([np.sin(at), np.cos(1.7 * at), np.sin(2.3 * at)], axis=1)
    rotation = Rotation.from_rotvec(shake).as_matrix()
    return CameraPath(rotation, shake + [0, -1.5, 0], np.array([[1000.0, 0, 639.5], [0, 1000, 359.5], [0, 0, 1]]))


def walkers(rng, count: int, people: int) -> np.ndarray:
    """Boxes of people who walk: (T, 8 people, 3)."""
    corner = np.stack(np.meshgrid([-0.3, 0.3], [-1.8, 0.0], [-0.3, 0.3]), axis=-1).reshape(-1, 3)
    place = rng.uniform([-2, 0, 4], [2, 0, 8], (people, 3))
    speed = rng.uniform([-0.03, 0, -0.02], [0.03, 0, 0.05], (people, 3))
    way = place + np.arange(count)[:, None, None] * speed
    return (way[:, :, None] + corner).reshape(count, -1, 3)


def on_screen(path: CameraPath, points: np.ndarray) -> np.ndarray:
    """(T,N,2) pixels; fails for points behind the camera."""
    seen = np.einsum("tij,tpj->tpi", path.rotation, points - path.centre[:, None])
    assert seen[..., 2].min() > 0
    pixels = np.einsum("tij,tpj->tpi", path.intrinsics, seen)
    return pixels[..., :2] / pixels[..., 2:]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_people_fill_their_share_of_the_picture(seed, people):
    points = walkers(np.random.default_rng(seed), 60, people)
    found = follow(filming(60), SIZE, lambda rows: points[rows], -UP, SHOWN, 10.0, move_start=0.5)
    pixels = on_screen(found, points)[9:]  # a tenth of the way to its place, and from there on
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    size = np.array(SHOWN)
    np.testing.assert_allclose(((high - low) / (FILL * size)).max(axis=1), 1, atol=0.02)
    assert np.abs((low + high) / 2 - (size - 1) / 2).max() < 0.02 * size[0]


def test_the_smoothed_view_keeps_people_in_the_picture_and_does_not_jump():
    points = walkers(np.random.default_rng(3), 300, 2)
    found = viewing_path(filming(300), SIZE, lambda rows: points[rows], -UP, SHOWN, 30.0, move_start=1.0)
    pixels = on_screen(found, points)[100:]
    assert pixels.min() > 0
    assert np.all(pixels.max(axis=(0, 1)) < SHOWN)
    step = np.linalg.norm(np.diff(found.centre, axis=0), axis=1)
    assert step.max() < 0.2  # metres a frame, at 30 frames a second, with the way to its place in it
    assert np.abs(np.diff(step[200:])).max() < 0.005  # the shaking hand, 20 mm, fades away within 8 s
    assert np.abs(pitch_roll(found.rotation)[:, 1]).max() < 1e-9  # level


def test_frames_without_people_keep_the_view():
    points = walkers(np.random.default_rng(1), 40, 1)
    points[[*range(3), *range(20, 30)]] = np.nan
    film = filming(40)
    found = follow(film, SIZE, lambda rows: points[rows], -UP, SHOWN, 10.0, move_start=0.0)
    np.testing.assert_array_equal(found.rotation[:3], np.repeat(film.rotation[:1], 3, axis=0))
    np.testing.assert_array_equal(found.centre[20:30], np.repeat(found.centre[19:20], 10, axis=0))
    nobody = follow(film, SIZE, lambda rows: np.zeros((len(points[rows]), 0, 3)), -UP, SHOWN, 10.0)
    np.testing.assert_array_equal(nobody.rotation, np.repeat(film.rotation[:1], 40, axis=0))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-1.5, 1.5))
def test_a_level_camera_has_no_roll_until_it_is_rolled(seed, angle):
    rng = np.random.default_rng(seed)
    # The roll of `pitch_roll` is that of a world whose y axis points down, as the filming camera's.
    rotation = turned_towards(rng.normal(size=(20, 3)), -UP)
    assert np.abs(np.linalg.det(rotation) - 1).max() < 1e-9
    assert np.abs(pitch_roll(rotation)[:, 1]).max() < 1e-9
    np.testing.assert_allclose(pitch_roll(rolled(rotation, np.full(20, angle)))[:, 1], angle, atol=1e-9)


def test_straight_up_and_down_are_directions_too():
    for direction in (UP, -UP):
        rotation = turned_towards(direction, UP)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(rotation[2], direction)
