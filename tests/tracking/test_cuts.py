"""Camera cuts found in frames: what is one, and what only looks like one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from kinema.tracking.cuts import AHEAD, with_cuts
from kinema.video import Frame, open_video

WIDTH, HEIGHT = 320, 180


class Scene:
    """A textured background, a camera that pans over it by `speed` pixels a frame, and a body that walks."""

    def __init__(self, seed: int, *, speed: float = 0.0, body: int = 60, walk: float = 2.0) -> None:
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 255, (24, 96, 3)).astype(np.uint8)
        self.background = cv2.resize(small, (1280, HEIGHT), interpolation=cv2.INTER_CUBIC)
        self.speed, self.body, self.walk = speed, body, walk
        self.colour = rng.integers(0, 255, 3)
        self.noise = np.random.default_rng(seed + 1)

    def __call__(self, index: int) -> np.ndarray:
        left = int(self.speed * index) % 900
        image = self.background[:, left : left + WIDTH].astype(np.int16)
        room = WIDTH - self.body
        x = int(room - abs((60 + self.walk * index) % (2 * room) - room))  # there and back again
        swing = int(0.15 * self.body * np.sin(index / 3))
        image[30:, x : x + self.body] = self.colour
        image[60:90, max(0, x + swing) : x + self.body + swing] = self.colour // 2
        return np.clip(image + self.noise.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def cuts_of(images: Sequence[np.ndarray], times: Sequence[float] | None = None, held: int = AHEAD) -> list[int]:
    moments = np.arange(len(images)) / 30 if times is None else times
    frames = [Frame(i, float(t), image) for i, (t, image) in enumerate(zip(moments, images, strict=True))]
    out = list(with_cuts(iter(frames), held))
    assert [frame.index for frame, _ in out] == list(range(len(images)))  # every frame, in order
    assert all(cut is None or cut.first <= frame.index for frame, cut in out)
    return [cut.first for _, cut in out if cut is not None]


def frames(scene: Scene, count: int, start: int = 0) -> list[np.ndarray]:
    return [scene(start + i) for i in range(count)]


STEADY, OTHER, PANNING, CLOSE = (
    lambda: Scene(0), lambda: Scene(5), lambda: Scene(2, speed=6.0), lambda: Scene(3, body=260, walk=0.3)
)  # fmt: skip


@pytest.mark.parametrize("held", [1, 2, AHEAD])
@pytest.mark.parametrize("before", [STEADY, PANNING, CLOSE])
@pytest.mark.parametrize("after", [OTHER, PANNING])
def test_a_cut_to_another_scene(before: Callable[[], Scene], after: Callable[[], Scene], held):
    if before is after:
        pytest.skip("the same scene")
    assert cuts_of([*frames(before(), 25), *frames(after(), 25)], held=held) == [25]


@pytest.mark.parametrize("at", [2, 5, 12])
def test_a_cut_near_an_end_of_the_clip(at):
    images = [*frames(Scene(0), 40), *frames(Scene(5), at)]
    assert cuts_of(images) == [40]
    assert cuts_of(images[::-1]) == [at]


def test_several_cuts_and_back():
    one, other = Scene(0), Scene(5)
    images = [*frames(one, 20), *frames(other, 8), *frames(one, 20, 28), *frames(other, 20, 8)]
    assert cuts_of(images) == [20, 28, 48]


@pytest.mark.parametrize("body", [40, 120])
def test_a_jump_within_a_scene(body):
    scene = Scene(0, body=body, walk=1.5)
    assert cuts_of([*frames(scene, 30), *frames(scene, 30, 110)]) == [30]


@pytest.mark.parametrize("length", [6, 12, 20, 28])
def test_a_dissolve_begins_a_shot_in_its_middle(length):
    one, other = Scene(0), Scene(5)
    share = np.clip((np.arange(80) - 30) / length, 0, 1)
    images = [((1 - s) * one(i) + s * other(i)).astype(np.uint8) for i, s in enumerate(share)]
    found = cuts_of(images)
    assert len(found) == 1
    assert abs(found[0] - (30 + length / 2)) <= max(2, 0.2 * length)


@pytest.mark.parametrize("blank", [0, 255])
def test_a_fade_through_a_blank_picture(blank):
    one, other = Scene(0), Scene(5)
    fall = np.r_[np.ones(20), np.linspace(1, 0, 12), np.zeros(5)]
    rise = np.r_[np.linspace(0, 1, 12), np.ones(20)]
    faded = [*((one, s) for s in fall), *((other, s) for s in rise)]
    images = [(s * scene(i) + (1 - s) * blank).astype(np.uint8) for i, (scene, s) in enumerate(faded)]
    found = cuts_of(images)
    assert len(found) == 1
    assert 30 <= found[0] <= 49  # between the blank picture and the whole new one
    same = [(s * one(i) + (1 - s) * blank).astype(np.uint8) for i, (_, s) in enumerate(faded)]
    assert cuts_of(same) == []  # the light was off


def test_movement_is_no_cut():
    for scene in (Scene(0), Scene(1, walk=12.0), Scene(2, speed=6.0), Scene(4, speed=25.0), Scene(3, body=260)):
        assert cuts_of(frames(scene, 60)) == []
    turn = Scene(2, speed=1.0)
    path = np.cumsum(np.r_[np.zeros(20), np.linspace(0, 30, 10), np.full(10, 30), np.linspace(30, 0, 10), np.zeros(20)])
    assert cuts_of([turn(int(x)) for x in path]) == []  # a fast pan that starts and stops


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length):
    images = frames(Scene(0), 60)
    for i in range(30, 30 + length):
        images[i] = np.clip(images[i].astype(int) * 2 + 90, 0, 255).astype(np.uint8)
    assert cuts_of(images) == []


def test_changes_of_exposure_are_no_cut():
    rng = np.random.default_rng(0)
    level = np.repeat(rng.uniform(0.7, 1.1, 12), 5)
    assert (
        cuts_of([(0.9 * image * s).astype(np.uint8) for image, s in zip(frames(Scene(0), 60), level, strict=True)])
        == []
    )


@pytest.mark.parametrize("every", [2, 5, 10])
def test_repeated_frames_are_no_cut(every):
    scene = Scene(0, walk=3.0)
    shown = [image for i in range(0, 80, every) for image in [scene(i)] * every]
    assert cuts_of(shown) == []
    moving = frames(scene, 80)
    stalled = [*moving[:30], *[moving[29]] * 5, *moving[35:]]
    assert cuts_of(stalled) == []


@pytest.mark.parametrize("seconds", [0.3, 5.0, 1e6])
def test_a_pause_is_a_cut_only_to_another_scene(seconds):
    times = np.arange(50) / 30 + np.where(np.arange(50) >= 25, seconds, 0.0)
    scene = Scene(0)
    same = [*frames(scene, 25), *frames(scene, 25, 35)]
    assert cuts_of(same, times) == []
    assert cuts_of([*frames(scene, 25), *frames(Scene(5), 25)], times) == [25]


def test_tiny_and_single_frames():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (9, 17), (16, 16)):
        images = [rng.integers(0, 255, (*shape, 3), dtype=np.uint8) for _ in range(5)]
        cuts_of(images)
    assert cuts_of(frames(Scene(0), 1)) == []
    assert cuts_of([]) == []


def found_in(path) -> list[int]:
    with open_video(path) as video:
        return [cut.first for _, cut in with_cuts(video) if cut is not None]


@pytest.mark.real
@pytest.mark.parametrize(("name", "cut"), [("cut_two_scenes", 72), ("jumpcut_same", 60)])
def test_real_cuts(data_dir, name, cut):
    assert found_in(data_dir / f"cases/video/{name}.mp4") == [cut]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("treadmill_collapse_single_static", [9]),  # its author cut it there
        ("arms_upper_body_multiview_cam02", []),
        ("balance_single_multiview_cam01", []),
        ("breakdance_crowd_moving_camera", []),
        ("football_juggle_single_handheld", []),
        ("sign_language_upper_body_static", []),
        ("street_crowd_moving_camera", []),
        ("taiji_single_static", []),
        ("tennis_single_moving_camera_vfr_original", []),
        ("walk_two_people_backlit_static", []),
    ],
)
def test_clips_of_one_shot_have_no_cut(data_dir, name, cuts):
    assert found_in(data_dir / f"videos/{name}.mp4") == cuts
