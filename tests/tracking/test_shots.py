"""Tracking a clip of several shots: tracks end at cuts, and only the appearance carries an id across."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.skeleton import JOINT_SETS
from kinema.stage import Context
from kinema.tracking import TrackingOptions, checkpoint, track_people
from kinema.tracking.camera import SHOTS, CameraOfShots
from kinema.tracking.cuts import Cut, with_cuts
from kinema.tracking.jumps import split, with_jumps
from kinema.tracking.reappearance import same_people
from kinema.tracking.stage import CAMERA_MOTION, about_cuts, track_video
from kinema.video import Frame, VideoReader, open_video
from tests.helpers.coloured_people import SOURCE, ColouredPeople
from tests.helpers.walkers import clothed
from tests.tracking.test_any_source import Kept
from tests.tracking.test_track_logic import follow


class Shots(VideoReader):
    """Clips one after the other, each before a background of its own."""

    def __init__(self, *clips: VideoReader, backgrounds: tuple[int, ...] | None = None) -> None:
        head = clips[0]
        super().__init__("shots", head.width, head.height, 30.0, None)
        self.clips = clips
        self.backgrounds = backgrounds or tuple(range(len(clips)))

    def __iter__(self):
        index = 0
        for clip, seed in zip(self.clips, self.backgrounds, strict=True):
            wall = np.random.default_rng(seed).integers(60, 200, (6, 8, 1)).astype(np.uint8)
            wall = np.kron(wall, np.ones((60, 80, 3), dtype=np.uint8))
            for frame in clip:
                empty = np.all(frame.image == 128, axis=-1, keepdims=True)
                yield Frame(index, index / 30, np.where(empty, wall, frame.image))
                index += 1


def standing(colour: str, x: int, frames: int = 30) -> ColouredPeople:
    return ColouredPeople({colour: lambda i: (x + 0.5 * i, 180)}, frames)


@pytest.mark.parametrize("second", ["blue", "green"])
def test_another_person_in_the_same_place_is_another_person(second):
    clip = Shots(standing("red", 300), standing(second, 310))
    motion = track_people(clip, source=SOURCE)
    assert motion.cuts.tolist() == [30]
    assert sorted((person.frames[0], person.frames[-1]) for person in motion) == [(0, 29), (30, 59)]
    assert "nobody looks the same" in about_cuts(motion)
    assert "1.00" in about_cuts(motion)


def test_who_looks_the_same_keeps_the_id_wherever_they_are():
    motion = track_people(Shots(standing("red", 100), standing("red", 500), standing("blue", 500)), source=SOURCE)
    assert motion.cuts.tolist() == [30, 60]
    assert [(person.id, len(person)) for person in motion] == [(1, 60), (2, 30)]
    both = motion.people[0]
    hips = both.keypoints[:, 11:13, 0].mean(axis=1)
    assert np.abs(hips[:30] - (100 + 0.5 * np.arange(30))).max() < 12  # not drawn towards the other place
    assert np.abs(hips[30:] - (500 + 0.5 * np.arange(30))).max() < 12
    assert both.observed.all()
    assert "person 1 looks the same" in about_cuts(motion)
    few = track_people(clip := Shots(standing("red", 100), standing("blue", 500)), TrackingOptions(max_persons=1),
                       source=SOURCE)  # fmt: skip
    assert len(few.people) == 1
    assert len(track_people(clip, source=SOURCE).people) == 2


def test_the_first_scene_comes_back():
    shots = Shots(standing("red", 100), standing("blue", 400), standing("red", 100), backgrounds=(0, 1, 0))
    motion = track_people(shots, source=SOURCE)
    assert motion.people[0].frames.tolist() == [*range(30), *range(60, 90)]


def test_without_looking_for_cuts_there_are_none():
    motion = track_people(Shots(standing("red", 300), standing("red", 305)), TrackingOptions(cuts=False), source=SOURCE)
    assert motion.cuts.tolist() == []
    assert len(motion.people) == 1


def test_each_shot_is_tracked_as_if_it_were_alone():
    first, second = standing("red", 200), standing("blue", 420)
    whole = track_people(Shots(first, second), source=SOURCE)
    for number, (clip, seed) in enumerate(((first, 0), (second, 1))):
        (alone,) = track_people(Shots(clip, backgrounds=(seed,)), source=SOURCE).people
        (part,) = (person for person in whole if person.frames[0] == 30 * number)
        for name in ("keypoints", "keypoint_confidence", "boxes"):
            np.testing.assert_array_equal(getattr(part, name), getattr(alone, name), err_msg=name)


def test_a_stopped_run_finds_the_same_cuts(monkeypatch):
    monkeypatch.setattr(checkpoint, "FIRST", 13)
    monkeypatch.setattr(checkpoint, "SHARE", 0.0)
    clip = Shots(standing("red", 100, 25), standing("blue", 400, 25), standing("red", 110, 25))
    expected = track_people(clip, source=SOURCE)
    states: list[dict[str, np.ndarray]] = []
    kept = Kept()
    kept.load = lambda: None
    kept.save = states.append
    track_people(clip, source=SOURCE, checkpoint=kept)
    assert len(states) >= 4
    for state in states:
        again = Kept()
        again.load = lambda state=state: state
        again.save = lambda arrays: None
        motion = track_people(clip, source=SOURCE, checkpoint=again)
        assert motion.cuts.tolist() == expected.cuts.tolist() == [25, 50]
        for one, other in zip(motion, expected, strict=True):
            np.testing.assert_array_equal(one.frames, other.frames)
            np.testing.assert_array_equal(one.keypoints, other.keypoints)


def test_people_are_matched_only_where_nobody_else_looks_alike():
    here, away = (Cut(40, True),), (Cut(40, False),)
    before = follow(0, lambda f: (300, 240))
    after = follow(1, lambda f: (300, 240), frames=range(40, 80))
    assert same_people([before, after], away) == [[before, after]]
    twin = follow(2, lambda f: (100, 240), frames=range(40, 80))
    assert same_people([before, after, twin], away) == [[before], [after], [twin]]
    after.appearance = clothed(7)
    assert same_people([before, after], away) == [[before], [after]]
    after.appearance.histogram[:] = 0.85 * clothed(3).histogram + 0.15 * clothed(7).histogram
    # The colours of one person change with the light, so they may differ more within one scene.
    assert before.appearance.distance(after.appearance) == pytest.approx(0.078, abs=0.001)
    assert same_people([before, after], away) == [[before], [after]]
    assert same_people([before, after], here) == [[before, after]]
    assert same_people([before, after], ()) == [[before], [after]]


def swaying(frame: int) -> tuple[float, float]:
    return 300 + 10 * np.sin(frame / 5), 240


def test_a_jump_of_a_body_confirms_a_suspicion():
    joints = JOINT_SETS["blazepose33"]
    track = follow(0, lambda f: swaying(f + (40 if f >= 20 else 0)) if f < 20 else (340, 250))
    assert with_jumps((), [20], [track], joints) == [Cut(20, True)]
    assert with_jumps((), [10, 22], [track], joints) == []
    assert with_jumps((Cut(18, False),), [20], [track], joints) == [Cut(18, False)]
    assert with_jumps((), [20], [follow(0, swaying)], joints) == []
    turned = follow(0, swaying)
    turned.rows.array()["points"][20:] = turned.rows.array()["points"][20:][:, joints.mirror]
    assert with_jumps((), [20], [turned], joints) == []  # left and right are exchanged: nobody has moved
    first, second = split([track], [Cut(20, True)])
    assert (first.rows.array()["frame"].tolist(), second.rows.array()["frame"].tolist()) == (
        list(range(20)), list(range(20, 40))
    )  # fmt: skip
    twin = follow(1, lambda f: (100, 240))
    groups = same_people(split([first, second, twin], [Cut(20, True)]), [Cut(20, True)])
    assert [[track.number for track in group] for group in groups] == [[0, 0], [1, 1]]


def test_a_jump_that_hardly_shows_is_found_by_the_body():
    def there_and_back(i: int) -> float:
        return 8.0 * (20 - abs(i % 40 - 20))

    people = {
        "red": lambda i: (60 + there_and_back(i), 180),
        "green": lambda i: (600 - there_and_back(i), 180),
        "blue": lambda i: (320 + (12 if i >= 30 else 0), 180),
    }
    assert all(cut is None for _, cut in with_cuts(ColouredPeople(people, 60)))
    motion = track_people(ColouredPeople(people, 60), source=SOURCE)
    assert motion.cuts.tolist() == [30]
    assert [len(person) for person in motion] == [60, 60, 60]
    steady = track_people(ColouredPeople({**people, "blue": lambda i: (320, 180)}, 60), source=SOURCE)
    assert steady.cuts.tolist() == []


def test_the_camera_is_judged_in_every_shot():
    camera = CameraOfShots()
    rng = np.random.default_rng(0)
    one, other = (np.kron(rng.integers(0, 255, (20, 40, 3)), np.ones((9, 16, 1))).astype(np.uint8) for _ in range(2))
    for index in range(90):
        if index == 45:
            camera.begin_shot(45)
        image = np.roll(other, 4 * index, axis=1) if index >= 45 else one
        camera(Frame(index, index / 15, image), np.zeros((0, 4)))
    report = camera.report()
    assert [shot["moving"] for shot in report[SHOTS]] == [False, True]
    assert report["moving"] is True
    alone = CameraOfShots()
    alone(Frame(0, 0.0, one), np.zeros((0, 4)))
    assert SHOTS not in alone.report()


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_two_real_men_are_two_people(data_dir):
    with open_video(data_dir / "cases/video/cut_two_scenes.mp4", start=1.5, end=4.5) as video:
        context = Context(video=video)
        motion = track_video(None, options=TrackingOptions(threads=2), context=context)
    assert motion.cuts.tolist() == [36]
    assert sorted(person.frames[0] for person in motion) == [0, 36]
    assert len([note for note in context.notes if "1 camera cut (at 3.00 s)" in note]) == 1
    assert len(motion.data[CAMERA_MOTION][SHOTS]) == 2
