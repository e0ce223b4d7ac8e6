"""PoseFlow's and LightTrack's rules of who is who: against the recorded outputs of PoseFlow's code, and in
themselves."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.keypoints.association.lighttrack import LightTrack, LightTrackOptions, is_lost, plain_overlap
from kinema.keypoints.association.overlap import (
    Correspondences,
    SamePixels,
    box_overlap,
    clipped,
    keypoint_boxes,
    matched_box_overlap,
    matched_pose_overlap,
    pose_overlap,
)
from kinema.keypoints.association.poseflow import PoseFlow, PoseFlowOptions
from kinema.models.lighttrack.numpy_run import SGCN
from kinema.skeleton import COCO17
from tests.helpers.goldens import each_case, recording
from tests.models.test_lighttrack import random_tensors

FILE = "poseflow/golden.npz"
EXACT = {"rtol": 0, "atol": 1e-9}
"""Double precision throughout: the same sums of at most some thousand numbers of size one."""


@functools.cache
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def corners(boxes: np.ndarray) -> np.ndarray:
    """x0 x1 y0 y1, the authors' order, as x0 y0 x1 y1."""
    return boxes[..., [0, 2, 1, 3]].astype(float)


@pytest.mark.golden
@each_case("case", FILE, r"(\w+)\.boxes_x0x1y0y1")
def test_boxes_overlap_as_the_authors_compute_it(case):
    boxes = corners(golden()[f"{case}.boxes_x0x1y0y1"])
    np.testing.assert_allclose(box_overlap(boxes[:, 0], boxes[:, 1]), golden()[f"{case}.out"], **EXACT)


@pytest.mark.golden
@each_case("width,height", FILE, r"expand\.out_w(\d+)_h(\d+)")
def test_boxes_are_widened_as_the_authors_do(width, height):
    around = keypoint_boxes(corners(golden()["expand.in_lrtb"]).reshape(-1, 2, 2), PoseFlowOptions().margin)
    expected = corners(golden()[f"expand.out_w{width}_h{height}"])
    np.testing.assert_array_equal(clipped(around, (width, height)), expected)


@pytest.mark.golden
@each_case("count,reach", FILE, r"pose_iou\.out_num(\d+)_mag(\d+)")
def test_poses_overlap_as_the_authors_compute_it(count, reach):
    one, other = golden()["pose_iou.a"], golden()["pose_iou.b"]
    found = np.diag(pose_overlap(one, other, count, float(reach)))
    np.testing.assert_allclose(found, golden()[f"pose_iou.out_num{count}_mag{reach}"], **EXACT)


@pytest.mark.golden
@each_case("count,reach", FILE, r"dm\.out_num(\d+)_mag(\d+)")
def test_corresponding_points_overlap_as_the_authors_compute_it(count, reach):
    one, other = golden()["pose_iou.a"], golden()["pose_iou.b"]
    matching = Correspondences(golden()["dm.correspondences"][:, :4])
    found = np.diag(matched_pose_overlap(one, other, matching, count, float(reach)))
    np.testing.assert_allclose(found, golden()[f"dm.out_num{count}_mag{reach}"], **EXACT)


@pytest.mark.golden
@each_case("case", FILE, r"(\w+)\.ids")
def test_the_recorded_identities_come_out(case):
    frames = np.repeat(np.arange(len(golden()[f"{case}.counts"])), golden()[f"{case}.counts"])
    tracker = PoseFlow(tuple(golden()[f"{case}.image_wh"].tolist()))
    ids, grades = [], []
    for frame in range(len(golden()[f"{case}.counts"])):
        points = golden()[f"{case}.keypoints"][frames == frame][..., :2]
        matching = Correspondences(golden()[f"{case}.correspondences"][frame - 1]) if frame else None
        found = tracker.step(frame, points, matching)
        ids += found[0].tolist()
        grades += found[1].tolist()
    np.testing.assert_array_equal(ids, golden()[f"{case}.ids"])
    np.testing.assert_allclose(grades, golden()[f"{case}.match_score"], **EXACT)


BODY = np.stack([np.linspace(0, 40, 17), np.linspace(0, 160, 17) ** 1.01], axis=1)


def people_at(*places: tuple[float, float]) -> np.ndarray:
    """(n, 17, 2): upright people with their heads at these places."""
    return np.array([BODY + place for place in places]).reshape(-1, 17, 2)


def walk(*, frames: int = 6) -> list[np.ndarray]:
    """Three people who walk at their own speeds, far from each other."""
    return [people_at((20 + 5 * i, 30), (300 - 6 * i, 20), (500 + 2 * i, 40)) for i in range(frames)]


def every_pixel(width: int, height: int) -> Correspondences:
    x, y = (each.ravel() for each in np.meshgrid(np.arange(width), np.arange(height)))
    return Correspondences(np.stack([x, y, x, y], axis=1))


def test_pixels_that_stay_are_counted_as_if_they_were_listed():
    """The published program writes a list of all pixels for pictures of which it recognises too little."""
    rng = np.random.default_rng(0)
    before, after = (people_at(*rng.uniform(-30, 150, (3, 2))) for _ in range(2))
    boxes = [clipped(keypoint_boxes(points, 0.1), (160, 120)) for points in (before, after)]
    listed, counted = every_pixel(160, 120), SamePixels((160, 120))
    np.testing.assert_allclose(matched_box_overlap(*boxes, listed), matched_box_overlap(*boxes, counted), **EXACT)
    poses = [matched_pose_overlap(before, after, each, 7, 30.0) for each in (listed, counted)]
    np.testing.assert_allclose(*poses, **EXACT)


def test_twenty_people_or_one_keep_their_numbers():
    """The published program drops pictures with 20 people or fewer."""
    for count in (1, 3, 20, 21):
        tracker = PoseFlow((2000, 400))
        for frame in range(4):
            ids, _ = tracker.step(frame, people_at(*((90 * i + 3 * frame, 60) for i in range(count))))
            np.testing.assert_array_equal(ids, np.arange(1, count + 1))


def test_a_frame_without_people_keeps_its_place():
    tracker = PoseFlow((640, 360))
    nobody = np.zeros((0, 17, 2))
    assert tracker.step(0, people_at((100, 50)))[0].tolist() == [1]
    assert tracker.step(1, nobody)[0].shape == (0,)
    assert tracker.step(2, people_at((104, 50)))[0].tolist() == [1]


@pytest.mark.parametrize(("away", "same"), [(100, True), (101, False)])
def test_people_are_remembered_for_a_hundred_frames(away, same):
    tracker = PoseFlow((640, 360))
    tracker.step(0, people_at((100, 50)))
    ids, _ = tracker.step(away, people_at((100, 50)))
    assert ids.tolist() == ([1] if same else [2])


def test_corresponding_points_tell_apart_who_swapped_places():
    """Two boxes exchange their places in one step, and the picture's points say so."""
    one, other = (100.0, 50.0), (130.0, 50.0)
    rng = np.random.default_rng(0)
    inside = rng.uniform(0, 1, (400, 2)) * [40, 160]
    moved = np.concatenate([np.hstack([inside + one, inside + other]), np.hstack([inside + other, inside + one])])
    by_place = PoseFlow((640, 360), PoseFlowOptions(reach=5))
    by_points = PoseFlow((640, 360), PoseFlowOptions(reach=5, recent=(1.0, 0.0, 1.0, 0.0)))
    for tracker in (by_place, by_points):
        tracker.step(0, people_at(one, other))
    assert by_place.step(1, people_at(other, one))[0].tolist() == [2, 1]
    assert by_points.step(1, people_at(other, one), Correspondences(moved))[0].tolist() == [1, 2]


def trackers() -> list:
    return [
        PoseFlow((640, 360)), LightTrack(COCO17), LightTrack(COCO17, SGCN(random_tensors())),
    ]  # fmt: skip


def run(tracker, clip: list[np.ndarray]) -> list[np.ndarray]:
    out = [tracker.step(frame, points) for frame, points in enumerate(clip)]
    return [each[0] if isinstance(each, tuple) else each for each in out]


@given(seed=st.integers(0, 2**16), counts=st.lists(st.integers(0, 5), min_size=1, max_size=6), spread=st.floats(5, 300))
@settings(max_examples=30, deadline=None)
def test_the_order_of_detections_does_not_matter_and_numbers_are_unique(seed, counts, spread):
    rng = np.random.default_rng(seed)
    # Nobody's pose is exactly another's: between equals, the order decides.
    clip = [
        people_at(*rng.uniform(0, spread, (count, 2))) + rng.normal(size=(count, 17, 2)) * [9, 3] for count in counts
    ]
    orders = [rng.permutation(count) for count in counts]
    for one, other in zip(trackers(), trackers(), strict=True):
        straight = run(one, clip)
        mixed = run(other, [points[order] for points, order in zip(clip, orders, strict=True)])
        names: dict[int, int] = {}
        for ids, again, order in zip(straight, mixed, orders, strict=True):
            assert len(set(ids.tolist())) == len(ids)
            assert ids.min(initial=1) >= 1
            # Newcomers are numbered in the order in which they come: the same people under other numbers.
            for mine, theirs in zip(ids[order].tolist(), again.tolist(), strict=True):
                assert names.setdefault(mine, theirs) == theirs
        assert len(set(names.values())) == len(names)


def test_everybody_who_walks_alone_keeps_the_number():
    for tracker in trackers():
        for ids in run(tracker, walk()):
            assert ids.tolist() == [1, 2, 3]


def test_a_state_is_all_that_later_frames_depend_on():
    for one, other in zip(trackers(), trackers(), strict=True):
        clip = walk(frames=8)
        whole = run(one, clip)
        run(other, clip[:4])
        state = other.state()
        resumed = next(each for each in trackers() if type(each) is type(other))
        resumed.restore(state)
        for frame in range(4, 8):
            found = resumed.step(frame, clip[frame])
            np.testing.assert_array_equal(found[0] if isinstance(found, tuple) else found, whole[frame])


def test_lighttrack_knows_only_the_frame_before():
    tracker = LightTrack(COCO17)
    assert tracker.step(0, people_at((100, 50))).tolist() == [1]
    assert tracker.step(1, people_at((110, 50))).tolist() == [1]
    assert tracker.step(3, people_at((110, 50))).tolist() == [2]


def test_lighttrack_s_network_decides_where_boxes_do_not():
    """Somebody jumps across the picture: the same pose is the same person, another pose is not."""
    network = SGCN(random_tensors())
    tilted = people_at((400, 50)) + np.linspace(0, 60, 17)[:, None] * [[1.0, 0.0]]
    for points, expected in ((people_at((400, 50)), 1), (tilted, 2)):
        tracker = LightTrack(COCO17, network, LightTrackOptions(distance=1e-6))
        tracker.step(0, people_at((100, 50)))
        assert tracker.step(1, points).tolist() == [expected]
        boxes = LightTrack(COCO17)
        boxes.step(0, people_at((100, 50)))
        assert boxes.step(1, points).tolist() == [2]


def test_lighttrack_s_network_is_not_asked_about_poses_that_lack_a_joint():
    tracker = LightTrack(COCO17, SGCN(random_tensors()))
    hurt = people_at((400, 50))
    hurt[0, COCO17.index("left_ankle")] = np.nan
    tracker.step(0, people_at((100, 50)))
    assert tracker.step(1, hurt).tolist() == [2]


def test_the_best_overlap_wins():
    """Two detections on one person: the nearer one is that person."""
    tracker = LightTrack(COCO17)
    tracker.step(0, people_at((100, 50)))
    assert tracker.step(1, people_at((112, 50), (102, 50))).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("confidence", "lost"), [([0.9, 0.9, 0.9, 0.9, 0.0], False), ([0.9, 0.9, 0.1, 0.1, 0.1], True), ([0.5] * 5, True)]
)
def test_somebody_is_lost_if_even_the_best_keypoints_are_unsure(confidence, lost):
    assert is_lost(np.array(confidence), LightTrackOptions()) is lost


def test_plain_overlap_of_known_boxes():
    one = np.array([[0.0, 0, 10, 10], [np.nan] * 4])
    other = np.array([[5.0, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(plain_overlap(one, other), [[1 / 3, 1, 0], [0, 0, 0]])


def test_poses_of_which_nothing_or_little_is_seen_are_newcomers_or_compared_by_the_rest():
    hurt, gone = people_at((104, 50)), people_at((400, 50))
    hurt[0, 10:] = np.nan
    gone[:] = np.nan
    for tracker in trackers():
        run(tracker, [people_at((100, 50))])
        found = tracker.step(1, np.concatenate([gone, hurt]))
        assert (found[0] if isinstance(found, tuple) else found).tolist() == [2, 1]
