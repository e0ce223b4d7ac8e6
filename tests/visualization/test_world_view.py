"""Views of the world: everybody stays in the picture and large enough, and the filming camera is where it was."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath
from kinema.motion import Motion
from kinema.person import Person
from kinema.video import open_video
from kinema.visualization import OverlayOptions, write_overlay
from kinema.visualization.framing import looking_from
from kinema.visualization.ground import checkered_ground
from kinema.visualization.vantage import filming_path, people_points, vantage
from kinema.visualization.world_view import WorldView
from tests.visualization.test_overlay import motion_of, source_video

BODY = load_body()
SIZE = (320, 180)
FPS = 10.0


def walk(way: np.ndarray, *, filmed: bool = True, frames=None, cuts=()) -> Motion:
    """Somebody in T-pose goes along `way` (T,3); a camera 5 m behind, 1.6 m high, goes with them and looks along -z."""
    count = len(way)
    frames = np.arange(count) if frames is None else np.asarray(frames)
    rest = BODY.joints(np.zeros((1, 72)), np.zeros((1, 10)), np.zeros((1, 3)))[0]
    transl = way[frames] + [0, 0.95, 0]
    person = Person(
        id=1, frames=frames, pose_world=np.zeros((len(frames), 72)), betas=np.zeros((len(frames), 10)),
        transl_world=transl, joints_world=rest + transl[:, None],
    )  # fmt: skip
    camera = camera_from_fov(*SIZE, 75)
    if filmed:
        rotation = np.repeat(np.diag([1.0, -1.0, -1.0])[None], count, axis=0)
        centre = way + [0, 1.6, 5.0]
        camera = camera.replace(rotation=rotation, translation=-np.einsum("tij,tj->ti", rotation, centre), moving=True)
    return Motion(np.arange(count) / FPS, *SIZE, people=(person,), camera=camera, cuts=np.asarray(cuts, dtype=int))


def straight(count: int, metres: float, *, along: int = 0) -> np.ndarray:
    way = np.zeros((count, 3))
    way[:, along] = np.linspace(0, metres, count)
    return way


def pixels(path: CameraPath, points: np.ndarray) -> np.ndarray:
    """(T,N,2) of points (T,N,3); NaN stays NaN. Fails for points behind the viewer."""
    rows = np.minimum(np.arange(len(points)), len(path) - 1)
    seen = np.einsum("tij,tpj->tpi", path.rotation[rows], points - path.centre[rows, None])
    assert np.nanmin(seen[..., 2]) > 0
    intrinsics = np.broadcast_to(path.intrinsics, (len(path), 3, 3))[rows]
    flat = np.einsum("tij,tpj->tpi", intrinsics, seen)
    return np.asarray(flat[..., :2] / flat[..., 2:])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["side", "world"]), st.booleans())
def test_nobody_leaves_the_picture_of_a_view_that_goes_along(seed, view, camera):
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(150, 3)) * [0.5, 0, 0.5] + [0.4, 0, 0]
    away = rng.random(150) < 0.1
    motion = walk(np.cumsum(steps, axis=0), frames=np.flatnonzero(~away), cuts=[60])
    path = vantage(motion, SIZE, view, camera=camera)
    assert len(path) == motion.num_frames
    shown = pixels(path, people_points(motion)(slice(0, 150)))
    assert np.nanmin(shown) > 0
    assert np.all(np.nanmax(shown, axis=(0, 1)) < SIZE)


def test_a_long_walk_is_followed_and_a_short_one_is_not():
    assert len(vantage(walk(straight(60, 2.0)), SIZE, "world")) == 1
    for along in (0, 2):
        motion = walk(straight(200, 60.0, along=along))
        path = vantage(motion, SIZE, "world")
        assert len(path) == 200
        shown = pixels(path, motion.people[0].joints_world)
        height = np.ptp(shown[..., 1], axis=1) / SIZE[1]
        assert height.min() > 0.12  # of 1.7 m, seen from above; the still view has 0.03
        jerk = np.linalg.norm(np.diff(path.centre, n=2, axis=0), axis=1)
        assert jerk.max() < 0.07  # m, of 0.3 m a frame: it starts and stops softly


def test_the_filming_camera_is_kept_in_the_picture_where_it_is_near():
    motion = walk(straight(40, 1.0))
    filming = filming_path(motion)
    for view in ("side", "world"):
        shown = pixels(vantage(motion, SIZE, view), np.repeat(filming.centre[:, None], 1, axis=1))
        assert shown.min() > 0
        assert np.all(shown.max(axis=(0, 1)) < SIZE)
        nearer = vantage(motion, SIZE, view, camera=False).centre[0]
        assert nearer[1] < vantage(motion, SIZE, view).centre[0][1]  # it costs people some size
    far = motion.camera.translation + [0, 0, 40.0]  # 40 m farther back
    distant = motion.replace(camera=motion.camera.replace(translation=far))
    np.testing.assert_allclose(
        vantage(distant, SIZE, "world").centre, vantage(motion, SIZE, "world", camera=False).centre
    )


def test_the_camera_is_drawn_where_it_is_with_its_way_and_can_be_left_out():
    motion = walk(straight(30, 3.0))
    looks = vantage(motion, SIZE, "world")
    with_it, without = (WorldView(motion, BODY, SIZE, looks, camera=camera) for camera in (True, False))
    filming = filming_path(motion)
    for frame in (0, 29):
        drawn, plain = (view.draw(frame, None, view.prepare(frame)).astype(int) for view in (with_it, without))
        rows, columns = np.nonzero(np.abs(drawn - plain).max(axis=2) > 60)
        corner = pixels(looks, filming.centre[: frame + 1, None])[:, 0]
        distance = np.hypot(columns[:, None] - corner[:, 0], rows[:, None] - corner[:, 1])
        assert distance[:, -1].min() < 2  # something is at its place in this frame ...
        assert distance.min(axis=1).max() < 45  # ... and everything near that or its way: half a metre is 20 pixels
        assert distance.min(axis=0).max() < 3  # every place that it has been at is on the line


def test_ways_break_where_nobody_was():
    frames = np.r_[0:20, 60:80]
    motion = walk(straight(80, 8.0), frames=frames, filmed=False)
    looks = vantage(motion, SIZE, "world")
    view = WorldView(motion, BODY, SIZE, looks, labels=False)
    image = view.draw(79, None, view.prepare(79)).astype(int)
    coloured = np.ptp(image, axis=2) > 25  # the floor is grey, the line thin
    way = pixels(looks, straight(80, 8.0)[:, None])[:, 0].round().astype(int)
    on = coloured[way[:, 1], way[:, 0]]
    assert on[1:19].all()
    assert not on[25:55].any()


def test_following_begins_at_the_filming_cameras_place():
    motion = walk(straight(120, 6.0))
    looks, filming = vantage(motion, SIZE, "follow"), filming_path(motion)
    np.testing.assert_allclose(looks.centre[0], filming.centre[0], atol=1e-6)
    np.testing.assert_allclose(looks.rotation[0], filming.rotation[0], atol=1e-6)
    shown = pixels(looks, people_points(motion)(slice(0, 120)))
    assert shown.min() > 0
    assert np.all(shown.max(axis=(0, 1)) < SIZE)
    assert looks.centre[-1, 1] > filming.centre[-1, 1] + 0.5  # it has risen
    with pytest.raises(UsageError, match="needs its place"):
        vantage(walk(straight(9, 1.0), filmed=False), SIZE, "follow")


def test_following_without_a_camera_in_the_world_is_the_view_from_above(tmp_path):
    motion = motion_of(3)
    motion = motion.replace(camera=motion.camera.replace(rotation=None, translation=None))
    video = source_video(tmp_path / "clip.mp4", motion.times)
    report = write_overlay(motion, BODY, video, tmp_path / "a.mp4", OverlayOptions(view="follow"))
    assert "the view from above" in report.warnings[0]
    write_overlay(motion, BODY, video, tmp_path / "b.mp4", OverlayOptions(view="world"))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_doubled_overlay_moves_the_view_between_frames(tmp_path):
    motion = walk(straight(12, 6.0))
    video = source_video(tmp_path / "clip.mp4", motion.times, size=SIZE)
    report = write_overlay(motion, BODY, video, tmp_path / "a.mp4", OverlayOptions(view="follow", fps_factor=2))
    frames = [frame.image.astype(int) for frame in open_video(report.path)]
    assert len(frames) == 23
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert min(steps) > 0.2 * max(steps)  # no frame is shown twice


def test_the_floor_of_a_rolled_viewer():
    """Every pixel near the viewer has the shade of the square that its centre sees, but at edges."""
    rotation = looking_from(0.7, 0.5)
    roll = 0.3
    rotation = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ rotation
    translation, camera = np.array([0.2, 0.1, 5.0]), camera_from_fov(320, 240, 50)
    image = checkered_ground(320, 240, camera.intrinsics, rotation, translation, square=0.5)[..., 0].astype(float)
    u, v = np.meshgrid(np.arange(320.0), np.arange(240.0))
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera.intrinsics).T @ rotation
    origin = -rotation.T @ translation
    depth = -origin[1] / rays[..., 1]
    place = origin + rays * depth[..., None]
    near = (depth > 0) & (depth < 5)
    inside = np.abs(place[..., [0, 2]] / 0.5 % 1 - 0.5).max(axis=-1) < 0.4
    light = np.floor(place[..., [0, 2]] / 0.5).sum(axis=-1) % 2 == 0
    sure = near & inside
    assert sure.sum() > 10_000
    assert image[sure & light].min() > image[sure & ~light].max() + 10
    assert np.ptp(image[depth > 15]) == 0  # faded out


def test_the_command_draws_a_view_of_the_world_with_and_without_a_video(tmp_path, capsys):
    motion = walk(straight(6, 1.0))
    motion.replace(body_model="free").save(tmp_path / "walk.pkl")
    source_video(tmp_path / "clip.mp4", motion.times, size=SIZE)
    file, video = str(tmp_path / "walk.pkl"), str(tmp_path / "clip.mp4")
    for view in ("world", "side", "follow"):
        assert main(["render", file, "--style", "overlay", "--view", view, "--quiet"]) == 0
        (frame, *others) = open_video(tmp_path / "walk_overlay.mp4")
        assert frame.image.shape[:2] == SIZE[::-1]
        assert len(others) == 5
    assert main(["render", file, "--style", "overlay", "--view", "side", "--video", video, "--quiet"]) == 0
    beside = next(iter(open_video(tmp_path / "walk_overlay.mp4"))).image
    assert (
        main(["render", file, "--style", "overlay", "--view", "side", "--no-frustum", "--video", video, "--quiet"]) == 0
    )
    assert (next(iter(open_video(tmp_path / "walk_overlay.mp4"))).image != beside).any()
    assert beside.shape[:2] == (SIZE[1], 2 * SIZE[0])
    capsys.readouterr()
    for arguments, said in (
        (["--style", "overlay"], "drawn over the video"),
        (["--view", "side"], "--view does not apply to the style lift"),
        (["--style", "overlay", "--view", "side", "--height", "300"], "--height does not apply to the style overlay"),
    ):
        assert main(["render", file, *arguments]) == 2
        assert said in capsys.readouterr().err
