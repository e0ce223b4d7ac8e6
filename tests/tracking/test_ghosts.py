"""Nobody stays where nobody is, small people are found when nobody else is, and who is upside down is said so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33
from kinema.stage import Context
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.options import CLOSER_LOOK
from kinema.tracking.second_look import FEW, share_with_people
from kinema.tracking.stage import track_video
from kinema.tracking.upside_down import TURNED, everyone_upside_down
from kinema.video import open_video
from tests.helpers.composites import Actor, Composite, cut_out, score
from tests.helpers.painted import Painted, chair, far_away, pillar, rendered
from tests.helpers.walkers import image_of, walker

HIPS = BLAZEPOSE33.indices(("left_hip", "right_hip"))
QUIET = TrackingOptions(threads=1, static_camera=True)


def hips(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """The frames in which the person was observed, and x of the hips in them."""
    seen = person.observed
    return person.frames[seen], person.keypoints[seen][:, HIPS, 0].mean(axis=1)


@pytest.fixture(scope="module")
def walk(body, networks):
    return rendered(body, 2.6)


def test_somebody_who_walks_behind_a_pillar_past_a_chair_is_one_person(walk):
    clip, truth = walk
    clip = clip.changed(chair(150, 320, 130)).changed(pillar(225, 300))
    motion = track_people(clip, QUIET)
    assert len(motion.people) == 1
    frames, x = hips(motion.people[0])
    box = truth.people[0].boxes[frames]
    assert np.all((x > box[:, 0] - 15) & (x < box[:, 2] + 15))  # always on the walker
    assert {0, len(clip.images) - 1} <= set(frames.tolist())


def test_a_small_person_is_found_by_the_second_look(walk):
    """A man of 75 to 100 pixels in 720 rows: below what is looked for at first, 18 %."""
    clip, truth = walk
    clip = clip.changed(far_away(720, 1280, 0.36))
    context = Context(video=clip)
    motion = track_video(None, options=QUIET, context=context)
    assert len(motion.people) == 1
    assert share_with_people(motion) > 0.9
    frames, x = hips(motion.people[0])
    true = truth.people[0].boxes[frames][:, [0, 2]].mean(axis=1) * 0.36 + (1280 - 0.36 * 640) / 2
    assert np.abs(x - true).max() < 12
    assert any("smallest_person" in note for note in context.notes)
    assert context.facts["second_look"] >= CLOSER_LOOK


def test_whoever_says_what_to_look_for_gets_that(walk):
    clip, _ = walk
    clip = clip.changed(far_away(720, 1280, 0.36))
    clip.images = clip.images[:6]
    for smallest, found in ((0.18, 0), (0.1, 1)):
        options = TrackingOptions(threads=1, static_camera=True, smallest_person=smallest)
        assert len(track_video(None, options=options, context=Context(video=clip)).people) == found


def test_an_upside_down_video_is_noticed_and_an_upright_one_is_not(walk):
    clip, _ = walk
    clip = clip.changed(lambda image: image)
    clip.images = clip.images[:9]
    upright = Context(video=clip)
    assert not everyone_upside_down(track_video(None, options=QUIET, context=upright))
    turned = Context(video=clip.changed(lambda image: image[::-1, ::-1]))
    motion = track_video(None, options=QUIET, context=turned)
    assert everyone_upside_down(motion) or TURNED in turned.notes
    assert TURNED not in upright.notes


def people_standing(*angles: float, frames: int = 20) -> Motion:
    """People whose bodies are turned in the picture by these angles, degrees."""
    people = []
    for number, angle in enumerate(angles):
        points = image_of(walker(np.arange(frames) / 30)) - 300.0
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        people.append(
            Person(
                number + 1,
                np.arange(frames),
                keypoint_set="blazepose33",
                keypoints=points @ np.array([[c, s], [-s, c]]) + 300.0,
                keypoint_confidence=np.ones((frames, 33)),
            )
        )
    return Motion(np.arange(frames) / 30, 600, 600, people=tuple(people))


@pytest.mark.parametrize(
    ("angles", "expected"),
    [((180,), True), ((160, 200), True), ((0,), False), ((180, 0), False), ((90,), False), ((), False)],
)
def test_upside_down_is_only_when_everybody_is(angles, expected):
    assert everyone_upside_down(people_standing(*angles)) == expected


def test_who_only_turns_over_is_not_upside_down():
    down, up = people_standing(180).people[0], people_standing(0).people[0]
    points = np.where(np.arange(20)[:, None, None] < 15, down.keypoints, up.keypoints)
    assert not everyone_upside_down(people_standing(0).replace(people=(down.replace(keypoints=points),)))


def test_the_share_of_frames_with_people_counts_what_was_seen():
    motion = people_standing(0, 0)
    first, second = motion.people
    seen = np.arange(20) < 5
    motion = motion.replace(people=(first.replace(observed=seen), second.select(seen)))
    assert share_with_people(motion) == 0.25 < FEW
    assert share_with_people(motion.replace(people=())) == 0.0


@pytest.fixture(scope="module")
def cases(data_dir, networks):
    return data_dir / "cases" / "video"


@pytest.mark.real
@pytest.mark.slow
def test_nobody_stays_on_the_chair(cases):
    """A man walks behind a pillar, x 390 to 500; a chair stands left of it."""
    motion = track_people(open_video(cases / "ghost_after_pillar.mp4"), QUIET)
    assert len(motion.people) == 1
    frames, x = hips(motion.people[0])
    away = (frames >= 48) & (frames < 56)  # no more of him than an arm is seen
    assert not away.any()
    assert np.all(x[frames < 40] < 390)
    assert np.all(x[frames >= 56] > 490)
    assert frames[-1] == motion.num_frames - 1


@pytest.mark.real
@pytest.mark.slow
def test_two_men_in_the_same_clothes_keep_their_ids_behind_a_pillar(cases):
    motion = track_people(open_video(cases / "pillar_two.mp4"), QUIET)
    assert len(motion.people) == 2
    ways = []
    for person in motion:
        frames, x = hips(person)
        assert frames[0] == 0
        assert frames[-1] == motion.num_frames - 1
        ways.append(x[-1] - x[0])
        assert not np.any((x > 405) & (x < 450))  # the pillar's middle, x 370 to 485: nobody is seen there
    assert min(ways) < -150 < 150 < max(ways)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("width", [140, 300])
def test_two_in_the_same_clothes_who_cross_behind_a_pillar_keep_their_ids(data_dir, networks, width):
    background = next(iter(open_video(data_dir / "videos/walk_two_people_backlit_static.mp4", start=7.6))).image
    background = cv2.resize(background, (960, 540))
    man = cut_out(data_dir / "videos/football_juggle_single_handheld.mp4", body_height=250, frames=30)
    there = Actor(man, lambda i: (150 + 11 * min(i, 60), 360))
    back = Actor(man, lambda i: (810 - 11 * min(i, 60), 370), 20)
    clip = Composite(background, [there, back], 64)
    painted = Painted([pillar(480 - width // 2, 480 + width // 2)(frame.image) for frame in clip], 30.0)
    motion = track_people(painted, QUIET)
    result = score(motion, clip)
    assert len(motion.people) == 2
    assert result.purity == [1.0, 1.0]
    assert result.extra < 0.05


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("turns_back", [False, True])
def test_two_in_the_same_clothes_who_meet_at_low_resolution_keep_their_ids(data_dir, networks, turns_back):
    """They cross, one hiding the other, or meet and walk back: 110 pixels high in a picture of 270 rows."""
    background = next(iter(open_video(data_dir / "videos/walk_two_people_backlit_static.mp4", start=7.6))).image
    background = cv2.resize(background, (480, 270))
    man = cut_out(data_dir / "videos/football_juggle_single_handheld.mp4", body_height=110, frames=30)

    def way(first: float, last: float, y: float):
        def place(i: int) -> tuple[float, float]:
            part = 1 - abs(1 - min(i / 30, 2.0)) if turns_back else min(i / 60, 1.0)
            return first + (last - first) * part, y

        return place

    one = Actor(man, way(75, 228 if turns_back else 405, 180))
    other = Actor(man, way(405, 252 if turns_back else 75, 190), 20)
    clip = Composite(background, [one, other], 72)
    motion = track_people(clip, QUIET)
    result = score(motion, clip)
    assert len(motion.people) == 2
    assert min(result.purity) > 0.93  # while they overlap, the nearer track may be the other's


@pytest.mark.real
@pytest.mark.slow
def test_a_man_of_100_pixels_is_found_in_1080_rows(cases):
    motion = track_video(None, options=QUIET, context=Context(video=open_video(cases / "small_person_100px.mp4")))
    assert [len(person) for person in motion] == [motion.num_frames]
    box = np.median(motion.people[0].boxes, axis=0)
    assert 85 < box[3] - box[1] < 125
