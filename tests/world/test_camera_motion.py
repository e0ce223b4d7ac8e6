"""The camera-motion detector on synthetic images whose motion is known, and on the real clips."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.video import Frame, open_video
from kinema.world.camera_motion import CameraMotionDetector, CameraMotionOptions

WIDTH, HEIGHT = 640, 360
NOBODY = np.zeros((0, 4))


@pytest.fixture(scope="module")
def scenery() -> np.ndarray:
    """An image larger than the view, with structure at several scales."""
    rng = np.random.default_rng(0)
    canvas = np.zeros((HEIGHT * 2, WIDTH * 2, 3), np.float32)
    for cells in (8, 30, 120):
        coarse = rng.uniform(0, 1, (cells, cells * 2, 3)).astype(np.float32)
        canvas += cv2.resize(coarse, (WIDTH * 2, HEIGHT * 2), interpolation=cv2.INTER_CUBIC)
    return np.clip(canvas * 85, 0, 255).astype(np.uint8)


def view(scenery: np.ndarray, x: float = 0.0, y: float = 0.0, zoom: float = 1.0) -> np.ndarray:
    """The view of a camera aimed x, y pixels away from the centre."""
    matrix = np.array([[zoom, 0, WIDTH / 2 - zoom * (WIDTH + x)], [0, zoom, HEIGHT / 2 - zoom * (HEIGHT + y)]])
    return cv2.warpAffine(scenery, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)


def watch(images, boxes=NOBODY, fps: float = 30.0, times=None, **options) -> CameraMotionDetector:
    detector = CameraMotionDetector(CameraMotionOptions(**options) if options else None)
    for i, image in enumerate(images):
        time = i / fps if times is None else times[i]
        detector(Frame(i, time, image), boxes[i] if isinstance(boxes, list) else boxes)
    return detector


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image.astype(float) + rng.normal(scale=4, size=image.shape), 0, 255).astype(np.uint8)


def test_a_static_camera_is_static_in_spite_of_noise_and_changing_light(scenery):
    rng = np.random.default_rng(1)
    still = view(scenery)
    images = [noisy(still * (1 + 0.05 * np.sin(i / 10)), rng) for i in range(90)]
    report = watch(images).report()
    assert report.verdict == "static"
    assert report.drift < 0.001
    assert report.judged == 1.0


@pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
def test_a_pan_is_moving_and_measured(scenery, fps):
    frames = round(3 * fps)
    images = [view(scenery, x=40 * i / fps) for i in range(frames)]
    report = watch(images, fps=fps).report()
    assert report.verdict == "moving"
    whole = 40 * (frames - 1) / fps / WIDTH
    assert report.drift == pytest.approx(whole, rel=0.15)  # the 95th percentile, not the end
    assert report.speed == pytest.approx(40 / WIDTH, rel=0.05)


def test_a_long_pan_is_tracked_beyond_the_first_image(scenery):
    images = [view(scenery, x=-300 + 600 * i / 119) for i in range(120)]
    assert watch(images).report().drift > 0.75 * 600 / WIDTH


def test_a_zoom_is_moving(scenery):
    assert watch([view(scenery, zoom=1 + 0.1 * i / 60) for i in range(61)]).report().moving


def test_a_shaking_camera_is_shaky_but_not_moving(scenery):
    rng = np.random.default_rng(2)
    images = [view(scenery, *rng.normal(scale=2.5, size=2)) for _ in range(120)]
    report = watch(images).report()
    assert report.verdict == "shaky"
    assert report.shake == pytest.approx(2.5 * np.sqrt(2) / WIDTH, rel=0.35)


def test_a_person_walking_through_is_not_camera_motion(scenery):
    rng = np.random.default_rng(3)
    clothes = (rng.uniform(0, 255, (220, 130, 3))).astype(np.uint8)
    clothes = cv2.GaussianBlur(clothes, (0, 0), 3)
    images, boxes = [], []
    for i in range(90):
        image = view(scenery).copy()
        x = 20 + 5 * i
        image[100:320, x : x + 130] = clothes
        images.append(image)
        boxes.append(np.array([[x, 100, x + 130, 320]], float))
    assert watch(images, boxes).report().drift < 0.002
    assert not watch(images).report().moving  # without a box, the person is an outlier


def test_a_person_who_fills_the_image_is_masked(scenery):
    plain = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    plain[:, :120] = view(scenery)[:, :120]
    images = []
    for i in range(60):
        image = plain.copy()
        image[:, 130:] = view(scenery, x=60 * np.sin(i / 8))[:, 130:]
        images.append(image)
    box = np.array([[150.0, 0.0, 640.0, 360.0]])
    assert not watch(images, box).report().moving
    assert watch(images).report().moving


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_frames_report_a_static_camera(scenery, count):
    report = watch([view(scenery)] * count).report()
    assert not report.moving
    assert report.looks <= 1


def test_an_image_without_texture_cannot_be_judged():
    report = watch([np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 60).report()
    assert report.moving is None
    assert report.verdict == "unknown"
    assert report.judged == 0.0


def with_bars(image: np.ndarray, *, sides: bool = False) -> np.ndarray:
    """The image with bars of lettering along its upper and lower edges, or along the left and right one."""
    out = np.ascontiguousarray(np.rot90(image)) if sides else image.copy()
    height, width = out.shape[:2]
    bar = int(0.14 * height)
    for top, ground, ink in ((0, 20, (255, 255, 0)), (height - bar, 240, (10, 10, 10))):
        out[top : top + bar] = ground
        text = "WATCH THIS CLIP UNTIL THE END - FOLLOW US"
        cv2.putText(out, text, (4, top + int(0.7 * bar)), cv2.FONT_HERSHEY_SIMPLEX, width / 800, ink, 2, cv2.LINE_AA)
    return np.ascontiguousarray(np.rot90(out, -1)) if sides else out


@pytest.mark.parametrize("sides", [False, True])
def test_bars_of_lettering_do_not_hide_a_pan(scenery, sides):
    pan = [with_bars(view(scenery, x=30 * i / 30), sides=sides) for i in range(90)]
    assert watch(pan).report().moving is True
    still = [with_bars(view(scenery), sides=sides) for _ in range(90)]
    assert watch(still).report().verdict == "static"


def test_a_pan_between_black_bars_is_measured_without_them(scenery):
    images = [view(scenery, x=3 * i / 10) for i in range(90)]
    boxed = [np.pad(image, ((200, 200), (0, 0), (0, 0))) for image in images]
    assert watch(boxed).report().drift == pytest.approx(watch(images).report().drift, rel=0.15)


def test_a_logo_does_not_hide_a_pan(scenery):
    images = []
    for i in range(90):
        image = view(scenery, x=30 * i / 30).copy()
        cv2.putText(image, "LOGO 24/7", (20, 50), cv2.FONT_HERSHEY_DUPLEX, 1.2, (255, 255, 255), 2, cv2.LINE_AA)
        images.append(image)
    assert watch(images).report().moving is True


def test_an_upper_body_that_sways_is_not_camera_motion(scenery):
    """Somebody fills most of the image; hair, shoulders and arms reach beyond the box, and sway."""
    person = scenery[::-1, ::-1]
    images, boxes = [], []
    for i in range(90):
        image = view(scenery).copy()
        shift = round(12 * np.sin(i / 12))
        image[60:, 200 + shift : 440 + shift] = person[60:HEIGHT, 200:440]
        images.append(image)
        boxes.append(np.array([[240.0 + shift, 100.0, 400.0 + shift, 359.0]]))
    assert watch(images, boxes).report().verdict == "static"


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (8, 300), (1, 1)])
def test_tiny_and_odd_image_sizes_are_accepted(size):
    rng = np.random.default_rng(4)
    images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(30)]
    assert 0.0 <= watch(images).report().judged <= 1.0


def test_the_interval_is_in_seconds_not_frames(scenery):
    image = view(scenery)
    crowded = np.arange(100) / 1000  # a tenth of a second in a hundred frames
    assert watch([image] * 100, times=crowded).report().looks == 0
    sparse = np.arange(10) * 2.0
    assert watch([image] * 10, times=sparse).report().looks == 9


def test_boxes_with_nan_are_ignored(scenery):
    box = np.array([[np.nan, 0.0, 10.0, 10.0], [-500.0, -500.0, -400.0, -400.0]])
    assert watch([view(scenery)] * 30, box).report().judged == 1.0


@pytest.mark.parametrize("settings", [{"interval": -1.0}, {"drift": 0.0}, {"shake": 0.0}, {"box_margin": 2.0}])
def test_invalid_options_are_refused(settings):
    with pytest.raises(UsageError):
        CameraMotionOptions(**settings)


# SOURCES.md calls the camera of the breakdance clip moving and that of the football clip slightly drifting; in these
# excerpts the background stays within 0.2 % of the width in both. The woman in the sign language clip fills the image:
# without her box she would be taken for the background.
REAL = {
    "balance_single_multiview_cam01": False,
    "basketball_two_people_static": False,
    "breakdance_crowd_moving_camera": False,
    "football_juggle_single_handheld": False,
    "one_leg_stand_single_static": False,
    "sign_language_upper_body_static": False,
    "street_crowd_moving_camera": True,
    "taiji_single_static": False,
    "tennis_single_moving_camera": True,
    "walk_two_people_backlit_static": False,
}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("clip", REAL)
def test_real_clips(data_dir, clip):
    boxes = np.array([[190.0, 60.0, 480.0, 480.0]]) if clip.startswith("sign") else NOBODY
    detector = CameraMotionDetector()
    with open_video(data_dir / "videos" / f"{clip}.mp4") as video:
        for frame in video:
            detector(frame, boxes)
    report = detector.report()
    assert report.moving is REAL[clip]
    assert report.judged > 0.9
