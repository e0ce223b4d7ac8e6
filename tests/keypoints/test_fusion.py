"""Two networks as one source: what counts where, what belongs to whom, which pairs there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UsageError
from kinema.estimation.priors import evidence_rows, prior_of
from kinema.estimation.shown import joints_estimated
from kinema.geometry.roi import from_crop
from kinema.keypoints.errors import MOST, SPREADS, WORST, reliability, spread_of
from kinema.keypoints.flipping import Flipped
from kinema.keypoints.fusion import APART, SHARED, Fused
from kinema.keypoints.registry import find_source, networks_of
from kinema.keypoints.source import Observation, View
from kinema.models.pose_lifter.lifter import PoseLifter
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, BLAZEPOSE_OWN, FUSED59, HALPE26
from kinema.video import Frame

NAME = "blazepose+rtmpose-s-halpe26"
ROI = np.array([300.0, 200.0, 256.0, 0.0])
TRUE = np.random.default_rng(3).uniform(0.4, 0.6, (len(FUSED59), 2))


def unit(names: tuple[str, ...]) -> np.ndarray:
    return TRUE[FUSED59.indices([name if name in FUSED59 else f"{name}{BLAZEPOSE_OWN}" for name in names])]


class BlazePose:
    """Sees everything where it is, but for `bias` (x, y) of the view's side; surely by `sure`."""

    crop_size, gives_masks, thresholds = 256, True, None

    def __init__(self, bias=(0.0, 0.0), sure: float = 0.97) -> None:
        self.bias, self.sure = np.array(bias), sure

    def observe(self, view, *, mask=False):
        points = from_crop(unit(BLAZEPOSE33.joints) + self.bias, view.roi)
        return Observation(points, np.full(33, self.sure), np.ones(33), 0.9, view.roi, view.roi, np.zeros((33, 3)))


class Halpe:
    """The same for Halpe's points, in the pixels of its own crop."""

    width, height = 192, 256

    def __init__(self, bias=(0.0, 0.0), sure: float = 0.8) -> None:
        self.bias, self.sure = np.array(bias), sure

    def __call__(self, crop):
        # The whole height of the view, and the middle of its width.
        pixels = (unit(HALPE26.joints) + self.bias) * 256 - 0.5 - [32, 0]
        return pixels, np.full(26, self.sure)


def view() -> View:
    return View(Frame(0, 0.0, np.zeros((9, 9, 3), np.uint8)), ROI, np.zeros((256, 256, 3), np.uint8))


def fused(first: BlazePose, second: Halpe) -> Fused:
    return Fused(first, second, ("blazepose", "rtmpose-s-halpe26"))


def test_two_networks_that_agree_are_right_and_keep_their_own_points():
    seen = fused(BlazePose(), Halpe()).observe(view())
    np.testing.assert_allclose(seen.points[:26], from_crop(unit(HALPE26.joints), ROI), atol=1e-9)
    np.testing.assert_allclose(seen.points[26:], from_crop(unit(BLAZEPOSE33.joints), ROI), atol=1e-9)
    assert len(seen.points) == len(seen.visibility) == len(FUSED59)
    assert seen.points3d.shape == (33, 3)


@given(bias=st.floats(-0.1, 0.1), sure=st.floats(0.35, 1.0), surer=st.floats(0.3, 1.0))
def test_a_point_lies_between_both_nearer_to_the_better_one(bias, sure, surer):
    seen = fused(BlazePose((bias, 0.0), sure), Halpe((0.0, 0.0), surer)).observe(view())
    first, second = spread_of("blazepose").sigma(SHARED, sure), spread_of("rtmpose-m").sigma(SHARED, surer)
    share = second**2 / (first**2 + second**2)  # of BlazePose's error that is left
    away = (seen.points[:26] - from_crop(unit(HALPE26.joints), ROI))[HALPE26.indices(SHARED)]
    np.testing.assert_allclose(away[:, 0], share * bias * ROI[2], atol=1e-6)
    np.testing.assert_allclose(away[:, 1], 0.0, atol=1e-6)


def test_what_lies_far_apart_is_not_averaged():
    bias = 1.2 * APART
    seen = fused(BlazePose((bias, 0.0), 0.3), Halpe((0.0, 0.0), 0.8)).observe(view())
    np.testing.assert_allclose(seen.points[:26], from_crop(unit(HALPE26.joints), ROI), atol=1e-6)


def test_a_network_that_sees_nothing_leaves_the_point_to_the_other():
    """At a confidence of 0.05 RTMPose's wrists are off by up to 10 cm, BlazePose's by 2 where it is sure."""
    seen = fused(BlazePose((0.05, 0.0), 0.97), Halpe((0.0, 0.0), 0.05)).observe(view())
    wrist = HALPE26.index("left_wrist")
    off = seen.points[wrist, 0] - from_crop(unit(HALPE26.joints), ROI)[wrist, 0]
    assert off > 0.9 * 0.05 * ROI[2]
    assert seen.confidence[wrist] > 0.85


def test_a_source_of_two_that_is_flipped_still_sees_the_same():
    class Mirrors(Fused):
        def observe(self, view, *, mask=False):
            seen = super().observe(view, mask=mask)
            return seen if view.pixels[0, 0, 0] == 0 else mirrored(seen)

    def mirrored(seen):
        points = seen.points[FUSED59.mirror].copy()
        points[:, 0] = 2 * ROI[0] - points[:, 0]
        return Observation(points, seen.visibility, seen.presence, seen.score, seen.roi, seen.next_roi, seen.points3d)

    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[:, 200:] = 255
    scene = View(view().frame, ROI, pixels)
    flipped = Flipped(Mirrors(BlazePose(), Halpe(), ("blazepose", "rtmpose")), FUSED59, BLAZEPOSE33).observe(scene)
    np.testing.assert_allclose(flipped.points[:26], from_crop(unit(HALPE26.joints), ROI), atol=1e-6)


def test_names_of_pairs():
    source = find_source(NAME)
    assert (source.joint_set, source.joint3d_set, source.detects) == ("fused59", "blazepose33", True)
    assert networks_of(NAME) == ("blazepose-detector", "blazepose-landmarks-full", "rtmpose-s-halpe26")
    assert networks_of("blazepose+rtmpose-m-halpe26")[-1] == "rtmpose-m-halpe26"
    with pytest.raises(UsageError, match="the first of two sources gives depth and regions; name blazepose"):
        find_source("rtmpose-s+rtmpose-s-halpe26")
    with pytest.raises(UsageError, match="the second of two sources has Halpe's 26 points"):
        find_source("blazepose+rtmpose-s")
    with pytest.raises(UsageError, match="unknown keypoint source 'nothing'"):
        find_source("blazepose+nothing")


def test_errors_grow_as_confidence_falls_and_end_at_the_worst():
    for spread in SPREADS.values():
        sigma = spread.sigma(SHARED, np.linspace(1, 0, 11)[:, None])
        assert np.all(np.diff(sigma, axis=0) >= 0)
        assert sigma.max() <= WORST


def test_the_better_network_counts_more_and_other_sets_as_before(body):
    names = HALPE26.joints
    counts = dict(zip(names, reliability("fused59", names), strict=True))
    assert all(1 < counts[f"left_{joint}"] <= MOST for joint in ("wrist", "elbow", "shoulder", "hip", "knee"))
    assert counts["left_wrist"] > counts["left_ankle"]
    np.testing.assert_array_equal(reliability("blazepose33", names), 1.0)


def test_blazeposes_own_points_are_read_by_the_pose_lifter_and_not_fitted_twice(body):
    points = body.points("fused59")
    fitted = [points.names[row] for row in evidence_rows(points, "fused59")]
    hands = {f"{side}_{finger}{BLAZEPOSE_OWN}" for side in ("left", "right") for finger in ("index", "pinky")}
    assert {name for name in fitted if name.endswith(BLAZEPOSE_OWN)} == hands
    assert joints_estimated(body, "fused59") == joints_estimated(body, "blazepose33") == ()
    person = Person(
        1, np.arange(4), keypoint_set="fused59", keypoints=np.tile(100 * TRUE, (4, 1, 1)),
        keypoint_confidence=np.full((4, 59), 0.9), keypoint3d_set="blazepose33",
        keypoints3d=np.random.default_rng(0).normal(size=(4, 33, 3)),
    )  # fmt: skip
    assert prior_of(person, "learned") == "learned"
    from kinema.geometry.camera import camera_from_focal

    camera = camera_from_focal(640, 480, 500.0, "calibration")
    own = person.replace(
        keypoint_set="blazepose33", keypoints=person.keypoints[:, 26:],
        keypoint_confidence=person.keypoint_confidence[:, 26:],
    )  # fmt: skip
    ours, theirs = (PoseLifter().observed(each, camera) for each in (person, own))
    np.testing.assert_array_equal(ours.rays, theirs.rays)


@pytest.mark.parametrize("sure", [0.0, 0.8])
def test_whoever_the_first_network_follows_is_there_whatever_the_second_sees(sure):
    """Half a man at the picture's edge is too little for the second."""
    assert fused(BlazePose(), Halpe(sure=sure)).observe(view()).score == 0.9
