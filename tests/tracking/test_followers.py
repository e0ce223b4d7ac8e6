"""The trackers poseflow and lighttrack on clips: without networks on coloured people, and on real clips."""

from __future__ import annotations

import copy
from functools import partial

import cv2
import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.geometry.circles import no_circles
from kinema.keypoints.association.overlap import Correspondences, SamePixels
from kinema.keypoints.source import OpenedSource
from kinema.models.lighttrack.numpy_run import SGCN
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import chain
from kinema.skeleton import COCO17
from kinema.stage import Context
from kinema.tracking import TrackingOptions, checkpoint, track_people
from kinema.tracking.correspondences import FEATURES, Features, corresponding
from kinema.tracking.lighttrack import LightTrackFollower
from kinema.tracking.poseflow import PoseFlowFollower
from kinema.tracking.registry import TRACKERS
from kinema.video import Frame, open_video
from tests.helpers.coloured_people import SOURCE, ColouredPeople, Colours
from tests.models.test_lighttrack import random_tensors
from tests.tracking.test_any_source import Kept, Stopped, share_on
from tests.tracking.test_shots import Shots, standing

HIPS = COCO17.indices(("left_hip", "right_hip"))
FOLLOWERS = {
    "poseflow": PoseFlowFollower,
    "lighttrack": LightTrackFollower,
    "lighttrack with its network": partial(LightTrackFollower, network=SGCN(random_tensors())),
}
each_follower = pytest.mark.parametrize("follower", FOLLOWERS.values(), ids=FOLLOWERS)
FRAMES = 40
PASSING = {"red": lambda i: (80 + 12.0 * i, 120), "blue": lambda i: (560 - 12.0 * i, 270)}
"""Two people who pass each other without one hiding the other; only their boxes overlap."""


class Saved(Kept):
    """Keeps what was saved, as a file does, whatever becomes of the arrays."""

    def save(self, arrays):
        self.arrays = copy.deepcopy(arrays)


def on_the_left_of(left: float, right: float):
    """Somebody who is away for five frames."""
    return lambda i: None if 12 <= i < 17 else (left + (right - left) * i / FRAMES, 180)


@each_follower
def test_people_who_pass_each_other_keep_their_ids(follower):
    motion = track_people(ColouredPeople(PASSING, FRAMES), source=SOURCE, follower=follower)
    assert [person.id for person in motion] == [1, 2]
    ways = set()
    for person in motion:
        assert np.count_nonzero(person.observed) >= FRAMES - 2
        hips = person.keypoints[:, HIPS].mean(axis=1)
        shares = {colour: share_on(path, person.frames, hips) for colour, path in PASSING.items()}
        assert max(shares.values()) > 0.95
        ways.add(max(shares, key=shares.get))
    assert ways == set(PASSING)


def test_poseflow_remembers_and_lighttrack_does_not():
    """As published: PoseFlow remembers a hundred frames, LightTrack the frame before."""
    people = {"red": lambda i: (120, 180), "blue": on_the_left_of(400, 430)}
    options = TrackingOptions(max_fill=0.0, cuts=False)
    found = {
        name: track_people(ColouredPeople(people, FRAMES), options, source=SOURCE, follower=FOLLOWERS[name])
        for name in ("poseflow", "lighttrack")
    }
    assert len(found["poseflow"].people) == 2
    assert len(found["lighttrack"].people) == 3
    # Who comes back is looked for at intervals, of up to a third of a second for people of this size.
    assert [person.frames[-1] for person in found["poseflow"]] == [FRAMES - 1, FRAMES - 1]
    again = found["lighttrack"].people[1:]
    assert sorted(int(person.frames[-1]) for person in again) == [11, FRAMES - 1]
    assert all(12 + 5 <= frame <= 12 + 5 + 10 for person in again for frame in person.frames[:1] if frame > 0)


@each_follower
def test_nobody_goes_on_across_a_cut(follower):
    clip = Shots(standing("red", 300), standing("blue", 310))
    motion = track_people(clip, source=SOURCE, follower=follower)
    assert motion.cuts.tolist() == [30]
    assert sorted((person.frames[0], person.frames[-1]) for person in motion) == [(0, 29), (30, 59)]


@each_follower
def test_a_clip_without_anybody_is_a_valid_result(follower):
    motion = track_people(ColouredPeople({}, 12), source=SOURCE, follower=follower)
    assert motion.people == ()
    assert motion.num_frames == 12


@each_follower
def test_a_stopped_run_goes_on_with_the_same_numbers(follower, monkeypatch):
    monkeypatch.setattr(checkpoint, "FIRST", 10)

    def stop(done, total):
        if done == 26:
            raise Stopped

    def clip() -> ColouredPeople:
        return ColouredPeople({**PASSING, "green": on_the_left_of(200, 230)}, FRAMES)

    expected = track_people(clip(), source=SOURCE, follower=follower)
    kept = Saved()
    with pytest.raises(Stopped):
        track_people(clip(), source=SOURCE, progress=stop, checkpoint=kept, follower=follower)
    assert kept.arrays is not None
    result = track_people(clip(), source=SOURCE, checkpoint=kept, follower=follower)
    assert len(result.people) == len(expected.people) >= 3
    for one, two in zip(result, expected, strict=True):
        assert one.filled == two.filled
        for name in ("frames", *one.filled):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


class Blind(Colours):
    """Its detector finds nobody from frame 10 on, its estimator everybody."""

    def detect(self, frame, tile, *, threshold):
        return no_circles() if frame.index >= 10 else super().detect(frame, tile, threshold=threshold)


@each_follower
def test_whom_the_detector_misses_is_followed_for_half_a_second(follower):
    eyes = Blind()
    motion = track_people(
        ColouredPeople({"red": lambda i: (200 + 2 * i, 180)}, FRAMES), TrackingOptions(max_fill=0.0),
        source=OpenedSource(SOURCE, eyes, eyes), follower=follower,
    )  # fmt: skip
    (person,) = motion.people
    # LightTrack's detector looks in frames 0, 12 and 24 only, and the last time that it found somebody is frame 0.
    assert person.frames[-1] == (9 + 15 if follower is PoseFlowFollower else 23)


def textured(shift: tuple[int, int] = (0, 0), index: int = 0) -> Frame:
    noise = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 255, (260, 420), dtype=np.uint8), (0, 0), 1.5)
    noise = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX)
    image = np.repeat(np.roll(noise, shift[::-1], axis=(0, 1))[..., None], 3, axis=2)
    return Frame(index, index / 30, np.ascontiguousarray(image))


def test_points_that_correspond_are_those_that_moved_together():
    everywhere = np.array([[40.0, 40, 380, 220]])
    found = corresponding(Features.of(textured()), Features.of(textured((7, -4), 1)), everywhere)
    assert isinstance(found, Correspondences)
    steps = found.after - found.before
    assert len(steps) > 200
    # Whole pixels; coarser levels of the pyramid are off by up to their scale.
    assert np.mean(np.abs(steps - [7, -4]).max(axis=1) <= 2) > 0.97


def test_points_away_from_people_are_left_out():
    near = np.array([[100.0, 100, 180, 200]])
    found = corresponding(Features.of(textured()), Features.of(textured((2, 2), 1)), near)
    assert np.all((found.before >= near[0, :2]) & (found.before <= near[0, 2:]))


def test_a_picture_without_points_corresponds_to_itself():
    blank = Frame(0, 0.0, np.full((80, 120, 3), 128, dtype=np.uint8))
    assert isinstance(corresponding(Features.of(blank), Features.of(textured()), np.zeros((1, 4))), SamePixels)


@pytest.mark.real
@pytest.mark.parametrize("name", ["street_crowd_moving_camera", "basketball_two_people_static"])
def test_the_published_search_finds_the_same_points(data_dir, name):
    """PoseFlow's program searches with FLANN's locality-sensitive hashing (12 tables, keys of 12 bits, 2 probes)."""
    one, other = list(open_video(data_dir / f"videos/{name}.mp4", start=1.0, end=1.07))[:2]
    features = [Features.of(frame) for frame in (one, other)]
    width, height = one.image.shape[1], one.image.shape[0]
    middle = np.array([[0.35 * width, 0.3 * height, 0.65 * width, 0.8 * height]])
    found = corresponding(*features, middle)
    flann = cv2.FlannBasedMatcher({"algorithm": 6, "table_number": 12, "key_size": 12, "multi_probe_level": 2}, {})
    places = features[0].places
    inside = ((places >= middle[0, :2]) & (places <= middle[0, 2:])).all(axis=1)
    assert np.count_nonzero(inside) > 100
    published = set()
    for match in flann.knnMatch(features[0].descriptors[inside], features[1].descriptors, k=2):
        if len(match) == 2 and match[0].distance < 0.8 * match[1].distance:
            pair = (places[inside][match[0].queryIdx], features[1].places[match[0].trainIdx])
            published.add(tuple(np.concatenate(pair)))
    ours = set(map(tuple, np.hstack([found.before, found.after])))
    assert len(published) > 100
    # Hashing may miss a neighbour now and then.
    assert len(ours ^ published) <= 0.01 * len(published)
    assert len(places) <= 1.02 * FEATURES


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("name", ["poseflow", "lighttrack"])
def test_two_players_and_three_gymnasts_keep_their_ids(data_dir, name):
    stage = TRACKERS.find(name).stage
    for clip, people, seconds in (
        ("basketball_two_people_static", 2, 0.7), ("exercise_three_people_static_10fps", 3, 2.0),
    ):  # fmt: skip
        context = Context(video=open_video(data_dir / f"videos/{clip}.mp4", end=seconds))
        motion = stage(None, options=TrackingOptions(static_camera=True, threads=1), context=context)
        assert [person.id for person in motion] == list(range(1, people + 1))
        # The left gymnast stands before a lattice of his colours and is found up to a second late.
        assert min(np.count_nonzero(person.observed) for person in motion) > 0.5 * motion.num_frames
        places = [person.keypoints[:, 23:25, 0].mean(axis=1) for person in motion]
        assert max(np.ptp(x) for x in places) < 0.12 * motion.width  # nobody changes place
        assert motion.provenance[-1].name == f"track-{name}"
        assert any("boxes only" in note for note in context.notes) == (name == "lighttrack")


def names(options: RunOptions) -> list[str]:
    return [step.stage.name for step in chain(options)]


def test_a_run_names_its_tracker():
    assert names(RunOptions.of(tracker="poseflow", max_persons=2))[0] == "track-poseflow"
    step = chain(RunOptions.of(tracker="lighttrack", max_persons=2))[0]
    assert step.stage.name == "track-lighttrack"
    assert step.options.max_persons == 2
    with pytest.raises(UsageError, match="unknown tracker 'sort'; known: kinema, poseflow, lighttrack"):
        RunOptions.of(tracker="sort")


def test_a_checkpoint_belongs_to_lighttrack_and_to_the_run_s_identity(tmp_path):
    good, other = tmp_path / "sgcn.npz", tmp_path / "other.npz"
    np.savez(good, **random_tensors())
    np.savez(other, weights=np.zeros(3))
    step = chain(RunOptions.of(tracker="lighttrack", tracker_checkpoint=good))[0]
    assert set(step.files) == {"sgcn.npz"}
    for name in ("kinema", "poseflow"):
        with pytest.raises(UsageError, match="only the tracker lighttrack has a checkpoint"):
            chain(RunOptions.of(tracker=name, tracker_checkpoint=good))
    with pytest.raises(InputError, match=r"other\.npz is not a LightTrack SGCN checkpoint"):
        chain(RunOptions.of(tracker="lighttrack", tracker_checkpoint=other))
    with pytest.raises(InputError, match=r"nowhere\.pt"):
        chain(RunOptions.of(tracker="lighttrack", tracker_checkpoint=tmp_path / "nowhere.pt"))
