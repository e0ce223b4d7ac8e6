"""Rendered clips: the image agrees with the ground truth, and the seed determines its appearance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import UsageError
from kinema.geometry.camera import project, unproject
from kinema.motion import Motion
from kinema.synthetic import Style, procedural_motion, render_clip, render_frames, studio_camera
from kinema.synthetic.room import Room
from kinema.synthetic.style import FLOORS, PATTERNS, WALLS, vertex_colors
from kinema.video import open_video

BODY = load_body()
CLEAN = Style(blur=0.0, noise=0.0, shadow=0.0)


def short(frames=3, script="on-the-spot", size=(320, 180), seed=0) -> Motion:
    """The first frames of a script, seen by a small camera."""
    motion = procedural_motion(BODY, script, seed=seed, fps=10, camera=studio_camera(*size))
    people = tuple(person.select(np.arange(frames)) for person in motion)
    return motion.replace(times=motion.times[:frames], people=people)


def test_the_body_is_drawn_at_its_true_position():
    motion = short(1)
    nobody = motion.replace(people=())
    # With one style the empty room only differs in the position of its walls; equal colours isolate the body.
    style = dataclasses.replace(CLEAN, wall="plaster", floor="concrete", skin=(1.0, 0, 0), shirt=(1.0, 0, 0))
    style = dataclasses.replace(style, trousers=(1.0, 0, 0), shoes=(1.0, 0, 0), hair=(1.0, 0, 0))
    style = dataclasses.replace(style, wall_color=(0.5, 0.5, 0.5), floor_color=(0.5, 0.5, 0.5))
    with pytest.raises(StopIteration):
        next(iter(render_frames(nobody.replace(times=np.zeros(0)), BODY, style=style)))
    (image,) = render_frames(motion, BODY, style=style)
    red = image[..., 0].astype(int) - image[..., 1] > 50
    v, u = np.nonzero(red)
    person = motion.people[0]
    vertices = BODY.vertices(person.pose, person.betas, person.transl)[0]
    pixels = project(vertices, motion.camera.intrinsics)
    np.testing.assert_allclose([u.min(), v.min()], pixels.min(axis=0), atol=1.5)
    np.testing.assert_allclose([u.max(), v.max()], pixels.max(axis=0), atol=1.5)
    joints = project(person.joints[0], motion.camera.intrinsics).round().astype(int)
    assert red[joints[:, 1], joints[:, 0]].mean() > 0.9


def test_clip_has_the_motions_times_and_size(tmp_path):
    motion = short(5)
    calls = []
    path = render_clip(motion, BODY, tmp_path / "clip.mp4", seed=1, progress=lambda done, total: calls.append(done))
    video = open_video(path)
    frames = list(video)
    assert (video.width, video.height) == (320, 180)
    np.testing.assert_allclose([frame.time for frame in frames], motion.times, atol=1e-4)
    assert calls == [1, 2, 3, 4, 5]
    large = list(render_frames(motion, BODY, size=(640, 360), seed=1))
    assert large[0].shape == (360, 640, 3)


def test_the_seed_determines_the_appearance():
    motion = short(1)
    one, same, other = (next(render_frames(motion, BODY, seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one.astype(int) - other).mean() > 5


@pytest.mark.parametrize("seed", range(12))
def test_random_styles_are_valid_and_dress_the_body(seed):
    style = Style.random(seed)
    colors = vertex_colors(BODY, style)
    assert colors.shape == (BODY.num_vertices, 3)
    assert colors.min() >= 0
    assert colors.max() <= 1
    skin = BODY.labels == BODY.label_names.index("skin")
    np.testing.assert_allclose(colors[skin], np.tile(style.skin, (skin.sum(), 1)))
    assert Style.random(seed) == style


def test_bodies_without_labels_are_skin():
    bare = dataclasses.replace(BODY, labels=None, label_names=())
    np.testing.assert_allclose(vertex_colors(bare, CLEAN), np.tile(CLEAN.skin, (BODY.num_vertices, 1)))


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("wall", WALLS)
def test_walls_meet_the_floor_at_the_right_place(floor, wall):
    camera = studio_camera(160, 120, pitch=0.1)
    style = Style(floor=floor, wall=wall, floor_color=(0.8, 0.1, 0.1), wall_color=(0.1, 0.1, 0.8))
    room = Room(style, np.array([[-1.0, 0, -5], [1, 0, 0]]))
    view = room.view((160, 120), camera.intrinsics, camera.rotation, camera.translation)
    assert view.shape == (120, 160, 3)
    assert np.all(np.isfinite(view))
    assert view.min() >= 0
    assert view.max() <= 1
    u, v = np.meshgrid(np.arange(160), np.arange(120))
    rays = np.concatenate([unproject(np.stack([u, v], -1), camera.intrinsics), np.ones((120, 160, 1))], -1)
    rays = rays @ camera.rotation
    back = -room.walls[0][1]
    with np.errstate(divide="ignore"):
        ground = np.where(rays[..., 1] < 0, 1.4 / -rays[..., 1], np.inf)
    on_floor = ground * -rays[..., 2] < back * 0.95
    middle = np.abs(u - 80) < 20
    red = view[..., 0] > view[..., 2]
    assert red[on_floor & middle].mean() > 0.95
    high = (ground * -rays[..., 2] > back * 1.3) & (rays[..., 1] < 0) & middle
    assert (~red)[high].mean() > 0.6  # pictures on the wall have colours of their own


def test_invalid_arguments_are_refused():
    motion = short(1)
    with pytest.raises(UsageError, match="proportions"):
        next(render_frames(motion, BODY, size=(300, 300)))
    with pytest.raises(UsageError, match="camera"):
        next(render_frames(motion.replace(camera=None), BODY))
    with pytest.raises(UsageError, match="pose"):
        next(render_frames(motion.replace(people=(motion.people[0].replace(pose=None),)), BODY))
    for bad in ({"floor": "lava"}, {"pattern": "paisley"}, {"sun": (0, -1, 0)}, {"jpeg": 0}):
        with pytest.raises(UsageError):
            Style(**bad)
    assert set(PATTERNS) == {"plain", "stripes", "checks", "print"}
