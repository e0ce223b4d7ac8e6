"""What real clips hold besides a background: cuts, fades, writing, screens, mirrors, and people who hide everything."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from kinema.camera.finding import summary
from kinema.camera.options import CameraOptions, parse_distortion
from kinema.camera.stage import find_camera
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, unproject
from kinema.geometry.camera_path import CameraPath, path_of
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.stage import Context

SIZE, FRAMES, RATE = (480, 270), 48, 24.0
CAMERA = camera_from_fov(*SIZE, 60.0, "calibration", uncertainty=0.0)
TIMES = np.arange(FRAMES) / RATE
PAN = axis_angle_to_matrix(np.radians(14.0) * np.linspace(0, 1, FRAMES)[:, None] * [0.1, 1.0, 0.0])
STILL = np.tile(np.eye(3), (FRAMES, 1, 1))

Change = Callable[[int, np.ndarray], np.ndarray]


def texture(seed: int, width: int = 1400, height: int = 700) -> np.ndarray:
    """(height,width) uint8, full of corners of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.integers(0, 255, (height // step, width // step), dtype=np.uint8), (width, height))
        for step in (7, 23)
    ]
    return cv2.addWeighted(layers[0], 0.6, layers[1], 0.4, 0)


def views(rotation: np.ndarray, seed: int = 1) -> list[np.ndarray]:
    """What a camera that turns in one place sees of a far background: (h,w,3) uint8 for each rotation."""
    far = texture(seed)
    middle = np.array([[1, 0, far.shape[1] / 2], [0, 1, far.shape[0] / 2], [0, 0, 1]])
    onto = middle @ np.diag([*np.diag(CAMERA.intrinsics)[:2], 1.0])
    matrices = [CAMERA.intrinsics @ each @ np.linalg.inv(onto) for each in rotation]
    return [cv2.cvtColor(cv2.warpPerspective(far, each, SIZE), cv2.COLOR_GRAY2RGB) for each in matrices]


def found_in(
    images: list[np.ndarray], moving: bool | None = True, options: CameraOptions | None = None, **fields: Any
) -> tuple[CameraPath | None, Context, Motion]:
    motion = Motion(TIMES, *SIZE, camera=CAMERA, data={"camera_motion": {"moving": moving}}, **fields)
    frames: Any = [SimpleNamespace(image=image) for image in images]
    context = Context(video=frames)
    motion = find_camera(motion, options=options or CameraOptions(), context=context)
    return path_of(motion.data), context, motion


def worst_turn(path: CameraPath, rotation: np.ndarray) -> float:
    """Degrees, of the frames that were found, from the first of them."""
    found, true = path.rotation[path.found], rotation[path.found]
    return float(np.degrees(geodesic_angle(found @ found[0].T, true @ true[0].T)).max())


def everybody(box: tuple[float, float, float, float]) -> Person:
    return Person(1, np.arange(FRAMES), boxes=np.tile(np.array(box, dtype=float), (FRAMES, 1)))


def subtitles(number: int, image: np.ndarray) -> np.ndarray:
    """A line of writing that changes twice, and a logo in a corner."""
    image = image.copy()
    words = ("so this is where it", "all began, he said", "and nobody replied")[number * 3 // FRAMES]
    cv2.putText(image, words, (60, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    cv2.putText(image, "TV7", (415, 34), cv2.FONT_HERSHEY_DUPLEX, 0.9, (250, 240, 60), 2)
    return image


def screen(number: int, image: np.ndarray) -> np.ndarray:
    """A screen on which something scrolls, in a sixth of the picture."""
    image = image.copy()
    page = texture(9, 160, 600)
    image[60:190, 290:450] = page[5 * number : 5 * number + 130, :, None]
    return image


def reflection(number: int, image: np.ndarray) -> np.ndarray:
    """A pane in a quarter of the picture that mirrors what moves the other way."""
    image = image.copy()
    mirrored = texture(5)[100:230, 400 - 4 * number : 640 - 4 * number, None].astype(float)
    image[70:200, 20:260] = (0.55 * image[70:200, 20:260] + 0.45 * mirrored).astype(np.uint8)
    return image


def fade(number: int, image: np.ndarray) -> np.ndarray:
    """From black at the beginning, and to black at the end."""
    light = np.clip(min(number, FRAMES - 1 - number) / 8, 0, 1)
    return (image * light).astype(np.uint8)


def blur(number: int, image: np.ndarray) -> np.ndarray:
    """Out of focus for a third of a second."""
    return cv2.GaussianBlur(image, (0, 0), 14) if 20 <= number < 28 else image


@pytest.mark.parametrize("change", [subtitles, screen, reflection, fade, blur], ids=lambda each: each.__name__)
def test_a_pan_is_found_behind_it(change: Change):
    """Within 0.3 degrees of 14, in nearly all frames: those that show nothing are bridged."""
    path, context, _ = found_in([change(number, image) for number, image in enumerate(views(PAN))])
    assert path is not None
    assert path.kind == "rotation"
    assert path.found.mean() > 0.75
    assert worst_turn(path, PAN) < 0.3
    assert "turns in one place" in summary(context.facts)


@pytest.mark.parametrize("change", [subtitles, screen, reflection, fade, blur], ids=lambda each: each.__name__)
def test_nothing_is_invented_for_a_camera_that_stands(change: Change):
    path, context, _ = found_in([change(number, image) for number, image in enumerate(views(STILL))])
    assert path is not None
    assert path.kind == "static"
    assert "stands still" in summary(context.facts)


def test_the_shots_on_both_sides_of_a_cut_have_paths_of_their_own():
    half = FRAMES // 2
    images = views(PAN)[:half] + views(STILL, seed=3)[half:]
    path, context, _ = found_in(images, cuts=np.array([half]))
    assert path is not None
    assert path.breaks.tolist() == [half]
    assert [shot["kind"] for shot in context.facts["shots"]] == ["rotation", "static"]
    np.testing.assert_allclose(path.rotation[half:], STILL[half:], atol=1e-9)


@pytest.mark.parametrize("moving", [True, None])
def test_a_person_who_fills_the_picture_leaves_no_path(moving):
    """That is said where the camera was seen to move; where nobody knows, it is taken to stand (`kinema.world`)."""
    path, context, motion = found_in(views(PAN), moving, people=(everybody((0.0, 0.0, *SIZE)),))
    assert path is None
    assert bool(context.notes) is (moving is True)
    assert all("0% of the frames only" in note for note in context.notes)
    assert motion.camera is not None


def test_a_camera_of_which_the_tracker_knew_nothing_is_found():
    """A person hides four fifths of the picture; what is left is enough."""
    path, _, _ = found_in(views(PAN), None, people=(everybody((100.0, 0.0, 380.0, SIZE[1])),))
    assert path is not None
    assert path.kind == "rotation"
    assert worst_turn(path, PAN) < 0.3


def test_a_hardly_turning_camera_of_which_the_tracker_knew_nothing_is_taken_to_stand():
    """A few points on people and clocks turn a camera that stands by less than a degree."""
    slight = axis_angle_to_matrix(0.1 * matrix_to_axis_angle(PAN))
    people = (everybody((100.0, 0.0, 380.0, SIZE[1])),)
    path, context, _ = found_in(views(slight), None, people=people)
    assert path is None
    assert context.facts["used"] is False
    assert "this path is not used" in summary(context.facts)
    path, context, _ = found_in(views(slight), True, people=people)
    assert path is not None
    assert context.facts["used"] is True
    assert "not used" not in summary(context.facts)


@pytest.mark.parametrize("images", [[np.zeros((270, 480, 3), np.uint8)] * FRAMES, views(PAN)[:1] * FRAMES])
def test_black_pictures_and_a_frozen_one(images):
    """Nothing is found in black; a picture that is repeated stands still."""
    path, context, _ = found_in(images)
    black = not images[0].any()
    assert (path is None) is black
    assert context.facts["shots"][0]["kind"] == ("unknown" if black else "static")


BEND = np.array([-0.15, 0.0, 0.0, 0.0])


def bent(images: list[np.ndarray]) -> list[np.ndarray]:
    """What a lens with the distortion `BEND` shows of them."""
    pixels = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=-1).astype(float)
    lens = CAMERA.intrinsics
    where = (unproject(pixels, lens, BEND) @ lens[:2, :2].T + lens[:2, 2]).astype(np.float32)
    return [cv2.remap(each, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in images]


def test_a_lens_that_bends_the_picture():
    """Its coefficient within 15 %, and the pan as exactly as before a straight one."""
    path, context, motion = found_in(bent(views(PAN)))
    assert path is not None
    assert path.kind == "rotation"
    assert worst_turn(path, PAN) < 0.3
    assert motion.camera.distortion[0] == pytest.approx(BEND[0], rel=0.15)
    assert any("bends the image" in note for note in context.notes)
    assert "bent inwards" in summary(context.facts)


def test_a_distortion_that_is_given_is_taken():
    path, context, motion = found_in(bent(views(PAN)), options=CameraOptions(distortion=(-0.15,)))
    assert path is not None
    assert path.kind == "rotation"
    assert worst_turn(path, PAN) < 0.3
    np.testing.assert_array_equal(motion.camera.distortion, BEND)
    assert not context.notes


def test_a_camera_that_stands_gets_it_too_without_being_looked_at():
    """A run asks the stage for the lens alone then; `kinema camera` looks in any case."""
    options = CameraOptions(distortion=(-0.15,))
    assert find_camera.needed(Motion(TIMES, *SIZE, data={"camera_motion": {"moving": False}}), options)
    path, _, motion = found_in([], False, options=options)
    assert path is None
    np.testing.assert_array_equal(motion.camera.distortion, BEND)
    path, _, _ = found_in(views(STILL), False, options=CameraOptions(distortion=(-0.15,), always=True))
    assert path is not None


@pytest.mark.parametrize("text", ["a", "1,2,3", "", "nan", "50"])
def test_what_is_no_distortion_is_refused(text):
    with pytest.raises(UsageError):
        CameraOptions(distortion=parse_distortion(text))


def test_distortions_as_text():
    assert parse_distortion("-0.2,0.03") == (-0.2, 0.03)
    assert CameraOptions(distortion=parse_distortion("-0.2,0.03")).distortion == (-0.2, 0.03, 0.0, 0.0)
