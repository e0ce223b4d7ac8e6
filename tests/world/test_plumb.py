"""The vertical that straight lines of the background show: of made-up rooms, of nothing, of things that stand askew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.evaluation.truth import load_truth
from kinema.geometry.alignment import kabsch
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.video import Frame, open_video
from kinema.world.balance import tangent, unit
from kinema.world.plumb import SYSTEMATIC, Lines, find_plumb
from kinema.world.seen_lines import vertical_of
from kinema.world.vanishing import BACKGROUND_LINES, LineObserver, find_segments
from tests.helpers.room_lines import SIZE, room_lines, room_turn

FOV = 60.0
CAMERA = camera_from_fov(*SIZE, FOV, "calibration")
LEVEL = np.array([0.0, -1.0, 0.0])


def upright(pitch=-12.0, yaw=35.0, roll=2.0):
    """The vertical of a room of `room_lines`, in the camera's axes."""
    return -room_turn(pitch, yaw, roll)[:, 1]


def tilted(up, roll, pitch):
    """A vertical that is off by some degrees in roll and pitch."""
    return unit(up + np.tan(np.radians([roll, pitch])) @ tangent(up))


def degrees_between(a, b):
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def found(segments, guess, camera=CAMERA):
    return find_plumb([Lines.of(segments, camera)], guess)


def box(turn, centre, half, noise=0.5, seed=0):
    """(12,4) the edges of a box in pixels. turn (3,3): its axes in those of the camera."""
    rng, edges = np.random.default_rng(seed), []
    for axis in range(3):
        for first in (-1, 1):
            for second in (-1, 1):
                middle, along = np.zeros(3), np.zeros(3)
                middle[(axis + 1) % 3], middle[(axis + 2) % 3], along[axis] = first, second, 1
                ends = np.stack([middle - along, middle + along]) * half
                edges.append(project(centre + ends @ turn.T, CAMERA.intrinsics) + noise * rng.normal(size=(2, 2)))
    return np.array(edges).reshape(-1, 4)


@settings(deadline=None, max_examples=12)
@given(
    pitch=st.floats(-30, 10), yaw=st.floats(0, 90), roll=st.floats(-15, 15), off=st.tuples(*[st.floats(-8, 8)] * 2),
    clutter=st.floats(0, 0.5), seed=st.integers(0, 999),
)  # fmt: skip
def test_a_room_gives_its_vertical_wherever_people_are_near_it(pitch, yaw, roll, off, clutter, seed):
    """What is stated holds most of what a camera's lens may do, too: 0.4 of it were the most of 700 such rooms."""
    up = upright(pitch, yaw, roll)
    plumb = found(room_lines(FOV, pitch=pitch, yaw=yaw, roll=roll, clutter=clutter, seed=seed), tilted(up, *off))
    if plumb is None:
        return  # nothing is concluded: safe, and rare (below)
    error = tangent(plumb.up) @ up
    assert np.all(np.abs(error) < plumb.sigma)
    assert np.all(plumb.sigma < np.radians(2))


def test_few_rooms_say_nothing():
    """3 of 700 with 90 lines, up to half of them in any direction."""
    silent = 0
    for seed in range(40):
        turn = {"pitch": seed % 40 - 30.0, "yaw": 2.2 * seed, "roll": seed % 30 - 15.0}
        lines = room_lines(FOV, **turn, clutter=seed % 6 / 10, seed=seed)
        silent += found(lines, tilted(upright(**turn), 5.0, -5.0)) is None
    assert silent <= 2


@pytest.mark.parametrize("lines", [20, 40, 90])
@pytest.mark.parametrize("seed", range(4))
def test_lines_in_any_direction_say_nothing(lines, seed):
    assert found(room_lines(FOV, clutter=1.0, lines=lines, seed=seed), LEVEL) is None


def test_no_lines_say_nothing():
    assert found(np.zeros((0, 4)), LEVEL) is None


@pytest.mark.parametrize("seed", range(3))
def test_uprights_alone_say_less_of_the_pitch_than_a_whole_room(seed):
    up, guess = upright(pitch=0.0), tilted(upright(pitch=0.0), 3.0, 5.0)
    poles = found(room_lines(FOV, pitch=0.0, lines=60, axes=(1,), clutter=0.2, seed=seed), guess)
    room = found(room_lines(FOV, pitch=0.0, lines=60, clutter=0.2, seed=seed), guess)
    own, whole = (np.sqrt(each.sigma**2 - SYSTEMATIC**2) for each in (poles, room))
    assert own[1] > 2 * own[0]
    assert own[1] > 2 * whole[1]
    assert np.all(np.abs(tangent(poles.up) @ up) < 3 * poles.sigma)


@pytest.mark.parametrize("half", [(0.3, 0.3, 0.3), (0.8, 0.15, 0.4), (0.2, 0.6, 0.2)])
def test_one_thing_that_stands_askew_is_not_the_room(half):
    """A box, 14 degrees askew, alone among clutter and in a room that shows few lines of its own."""
    up = upright(-10, 35, 2)
    askew = room_turn(-10, 70, 2) @ axis_angle_to_matrix(np.radians([0, 0, 14.0]))
    thing = box(askew, np.array([0.5, 0.5, 4.0]), np.array(half))
    for seed in range(3):
        guess = tilted(up, 3.0, -4.0)
        around = np.concatenate([thing, room_lines(FOV, clutter=1.0, lines=20, seed=seed)])
        assert found(around, guess) is None
        inside = np.concatenate([around, room_lines(FOV, pitch=-10, lines=30, clutter=0.0, seed=seed + 9)])
        assert degrees_between(found(inside, guess).up, up) < 1.0


def test_what_is_far_from_the_people_is_not_the_vertical():
    """A room that is rolled by 25 degrees against them: more than three times how far people err."""
    segments = room_lines(FOV, roll=25.0)
    plumb = found(segments, upright(roll=0.0))
    assert plumb is None or degrees_between(plumb.up, upright(roll=25.0)) > 5.0
    assert degrees_between(found(segments, upright(roll=22.0)).up, upright(roll=25.0)) < 1.0


def test_captions_do_not_level_a_camera():
    """The strokes of large letters, along the picture's edges, before a camera that looks down by 12 degrees."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(200, 1080, 24))
    strokes = np.stack([x, np.full(24, 600.0), x, np.full(24, 660.0)], axis=1)
    bars = np.stack([x, np.full(24, 600.0), x + 60, np.full(24, 600.0)], axis=1)
    letters = np.concatenate([strokes, bars])
    assert found(letters, tilted(LEVEL, 0.0, 6.0)) is None
    both = np.concatenate([letters, room_lines(FOV)])
    assert degrees_between(found(both, LEVEL).up, upright()) < 1.0


def test_bars_along_the_edges_are_left_out_with_all_in_them():
    image = np.full((360, 640, 3), 120, np.uint8)
    image[:, 311:353] = 30
    image[300:] = 255
    for x in range(100, 500, 40):
        image[310:350, x : x + 8] = 0
    lines = find_segments(image, np.zeros((0, 4)))
    bottom = (300 - 179.5) / 320
    assert len(lines) >= 2
    assert lines[:, [1, 3]].mean(axis=1).max() < bottom - 0.01


def test_a_lens_that_is_not_known_leaves_the_pitch_less_certain():
    """Uprights alone: with another focal length they meet at another pitch."""
    segments = room_lines(FOV, pitch=-20.0, axes=(1,), clutter=0.2)
    times = np.arange(10) / 10
    data = {BACKGROUND_LINES: np.column_stack([np.zeros(len(segments)), segments])}
    sigma = []
    for spread in (0.0, 12.0):
        camera = camera_from_fov(*SIZE, FOV, "assumed", uncertainty=spread)
        motion = Motion(times, *SIZE, camera=camera, data=data)
        plumb = vertical_of(motion, camera, upright(pitch=-16.0))
        assert np.all(np.abs(tangent(plumb.up) @ upright(pitch=-20.0)) < 3 * plumb.sigma)
        sigma.append(plumb.sigma[1])
    assert sigma[1] > 2 * sigma[0] > SYSTEMATIC


def test_the_lines_of_a_floor_alone_say_nothing():
    """They lie along two directions at right angles, as those of stands and stairs do."""
    for seed in range(3):
        assert found(room_lines(FOV, axes=(0, 2), clutter=0.0, seed=seed), upright()) is None


def test_the_observer_keeps_the_lines_of_every_shot_with_their_times():
    image = np.full((360, 640, 3), 120, np.uint8)
    image[60:300, 300:340] = 30
    observer = LineObserver(lens=False)
    for index in range(90):
        if index == 40:
            observer.begin_shot()
        observer(Frame(index, index / 10, image), np.zeros((0, 4)))
    kept = observer.seen
    assert observer.report() is None
    assert np.unique(kept[:, 0]).tolist() == [0.0, 2.0, 4.0, 6.0]
    sides = kept[np.abs(kept[:, 1] - kept[:, 3]) < 1, 1]
    assert np.any(np.abs(sides - 299.5) < 1)
    assert np.any(np.abs(sides - 339.5) < 1)


@pytest.mark.parametrize("view", ["cam01", "cam03"])
def test_a_surveyed_laboratory_whose_cameras_look_down(data_dir, view):
    """Tilted by 25 degrees, with a treadmill that is large and turned; from verticals that are off by 7. The limit is
    twice what is stated of a lens and centre that are known to a percent or two."""
    clip = data_dir / "videos" / f"balance_single_multiview_{view}.mp4"
    truth = data_dir / "gt" / "balance_single"
    if not clip.is_file() or not truth.is_dir():
        pytest.skip(f"there is no {clip} or no {truth}; set KINEMA_DATA")
    calibration = truth / "Pose2Sim_cameras.toml"
    known = load_truth(truth / "Pose2Sim_markers.trc", calibration=calibration, camera=f"cam_{view[3:]}").people[0]
    both = np.isfinite(known.joints).all(-1) & np.isfinite(known.joints_world).all(-1)
    inside, outside = known.joints[both], known.joints_world[both]
    up = kabsch(outside - outside.mean(0), inside - inside.mean(0))[:, 1]
    with open_video(clip) as video:
        frame = next(iter(video))
    height, width = frame.image.shape[:2]
    segments = find_segments(frame.image, np.zeros((0, 4))) * max(width, height) / 2
    segments += np.tile([(width - 1) / 2, (height - 1) / 2], 2)
    camera = camera_from_fov(width, height, 59.5, "calibration")
    for roll, pitch in ((3.0, -6.0), (-3.0, 6.0)):
        plumb = found(segments, tilted(up, roll, pitch), camera)
        assert degrees_between(plumb.up, up) < 2.0
