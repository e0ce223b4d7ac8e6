"""People who overlap are looked at again with the others hidden: who, what is shown, and what is kept of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.keypoints import SOURCES
from kinema.keypoints.blazepose import THRESHOLDS
from kinema.keypoints.source import Observation, OpenedSource, View
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import chain
from kinema.segmentation.files import write_masks
from kinema.segmentation.masks import Masks
from kinema.skeleton import BLAZEPOSE33
from kinema.stage import Context
from kinema.storage.stored import StoredArray
from kinema.tracking import apart
from kinema.tracking.apart import overlapped
from kinema.tracking.apart_stage import look_at_overlapped
from kinema.tracking.options import TrackingOptions
from kinema.video import Frame, VideoReader
from tests.helpers.walkers import image_of, observe_at, walker

WIDTH, HEIGHT, FRAMES, TALL = 320, 240, 9, 160
MEET = (3, 4, 5)
"""Frames in which the second person stands in front of the first; elsewhere far away."""

BEHIND, BEFORE = (150.0, 120.0), (175.0, 122.0)
AWAY = (275.0, 122.0)
RED, GREEN = ((200, 0, 0), (100, 0, 0)), ((0, 200, 0), (0, 100, 0))
"""Colours in stripes, which are neither once they are blurred."""


def place_of(who: int, frame: int) -> tuple[float, float]:
    return BEHIND if who == 0 else BEFORE if frame in MEET else AWAY


def stripes(image: np.ndarray, mask: np.ndarray, colours: tuple) -> None:
    rows = np.arange(image.shape[0])[:, None] % 2 == 0
    for stripe, colour in zip((rows, ~rows), colours, strict=True):
        image[mask & stripe] = colour


def rectangle(hips: tuple[float, float]) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (np.abs(x - hips[0]) <= 25) & (np.abs(y - hips[1]) <= TALL / 2)


def masks_in(frame: int) -> np.ndarray:
    front = rectangle(place_of(1, frame))
    return np.array([rectangle(place_of(0, frame)) & ~front, front])


class Clip(VideoReader):
    def __init__(self) -> None:
        super().__init__(Path("clip.mp4"), WIDTH, HEIGHT, 30.0, FRAMES)

    def __iter__(self):
        for index in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for mask, colours in zip(masks_in(index), (RED, GREEN), strict=True):
                stripes(image, mask, colours)
            yield Frame(index, index / 30, image)


class ByColour:
    """Sees the person at the mean of all stripes in the view, as many of each colour as there are; `changed` alters
    what it says."""

    crop_size, gives_masks, thresholds = 256, False, THRESHOLDS

    def __init__(self) -> None:
        self.views: list[View] = []
        self.changed = lambda seen, index: seen

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        self.views.append(view)
        off = np.abs(view.pixels[..., None, :].astype(int) - np.array([*RED, *GREEN])).max(-1).min(-1)
        y, x = np.nonzero(off < 12)
        scale = view.roi[2] / 256
        hips = view.roi[:2] + (np.array([x.mean(), y.mean()]) - 127.5) * scale
        seen = observe_at((float(hips[0]), float(hips[1])), height=TALL)
        return self.changed(dataclasses.replace(seen, roi=view.roi), view.frame.index)


@pytest.fixture
def network(monkeypatch) -> ByColour:
    estimator = ByColour()
    opened = OpenedSource(SOURCES.find("blazepose"), estimator, None)
    monkeypatch.setattr(apart, "open_source", lambda *_, **__: opened)
    return estimator


@pytest.fixture
def motion(tmp_path) -> Motion:
    """The second person in place; the first one, where they meet, pulled 12 pixels to the second."""
    people = []
    for who in (0, 1):
        masks = np.array([masks_in(frame)[who] for frame in range(FRAMES)])
        np.save(tmp_path / f"{who}.npy", masks)
        world = walker(np.zeros(1), noise=0.0)[0]
        points = np.array([image_of(world, height=TALL, hips=place_of(who, frame)) for frame in range(FRAMES)])
        if who == 0:
            points[list(MEET), :, 0] += 12
        low, high = points.min(axis=1), points.max(axis=1)
        people.append(
            Person(
                who + 1, np.arange(FRAMES), boxes=np.concatenate([low - [18, 4], high + [18, 4]], axis=1),
                confidence=np.full(FRAMES, 0.9), observed=np.arange(FRAMES) != 4, keypoint_set="blazepose33",
                keypoints=points, keypoint_confidence=np.full((FRAMES, 33), 0.9),
                keypoints3d=np.tile(world, (FRAMES, 1, 1)), masks=StoredArray(tmp_path / f"{who}.npy"),
            )
        )  # fmt: skip
    return Motion(np.arange(FRAMES) / 30, WIDTH, HEIGHT, people=tuple(people))


def looked(motion: Motion) -> Motion:
    context = Context(video=Clip())
    return look_at_overlapped(motion, options=TrackingOptions(), context=context)


def hips_of(person: Person) -> np.ndarray:
    return person.keypoints[:, BLAZEPOSE33.indices(("left_hip", "right_hip"))].mean(axis=1)


def test_only_those_whom_others_cover_are_looked_at(motion):
    assert overlapped(motion) == [(frame, place) for frame in MEET for place in (0, 1)]
    alone = motion.replace(people=motion.people[:1])
    assert overlapped(alone) == []
    unmasked = motion.replace(people=(motion.people[0], motion.people[1].replace(masks=None)))
    assert overlapped(unmasked) == []


def test_the_person_behind_is_seen_without_the_one_in_front(motion, network):
    """What is left of the first one begins 25 pixels left of BEHIND and ends where the other begins, so that its
    middle is at 137; with the other's stripes in view it would be at 162. Stripes between rows count by chance."""
    after = looked(motion)
    found, other = after.people
    rows = list(MEET)
    np.testing.assert_allclose(hips_of(found)[rows], [[137.0, 120.0]] * 3, atol=3.0)
    np.testing.assert_allclose(hips_of(other)[rows], [BEFORE] * 3, atol=3.0)
    others = np.setdiff1d(np.arange(FRAMES), rows)
    for name in ("keypoints", "keypoint_confidence", "boxes", "keypoints3d", "confidence"):
        for new, old in zip(after, motion, strict=True):
            np.testing.assert_array_equal(getattr(new, name)[others], getattr(old, name)[others])
    assert found.observed.all()
    assert (found.boxes[rows, :2] < found.keypoints[rows].min(axis=1)).all()
    assert (found.boxes[rows, 2:] > found.keypoints[rows].max(axis=1)).all()
    record = after.provenance[-1].arguments
    assert record["looked_at"] == 6
    assert record["replaced"] >= 3


def test_whose_keypoints_are_on_somebody_else_is_looked_for_in_the_own_mask(motion, network):
    """Tracking took the person in front for both: it is the region around the mask that is looked at."""
    first, second = motion.people
    both = np.array(first.keypoints)
    both[list(MEET)] = second.keypoints[list(MEET)]
    found = looked(motion.replace(people=(first.replace(keypoints=both), second))).people[0]
    np.testing.assert_allclose(hips_of(found)[list(MEET)], [[137.0, 120.0]] * 3, atol=3.0)
    assert {round(float(view.roi[0])) for view in network.views[::4]} == {137}


def test_a_look_that_leaves_the_mask_is_not_taken(motion, network):
    network.changed = lambda seen, index: dataclasses.replace(seen, points=seen.points + [45, 0])
    after = looked(motion)
    np.testing.assert_array_equal(after.people[0].keypoints, motion.people[0].keypoints)
    assert after.provenance[-1].arguments["replaced"] == 0


def test_nobody_seen_changes_nothing(motion, network):
    network.changed = lambda seen, index: dataclasses.replace(seen, score=0.1)
    np.testing.assert_array_equal(looked(motion).people[0].keypoints, motion.people[0].keypoints)


def test_sides_that_are_exchanged_in_one_look_are_put_back(motion, network):
    usual = looked(motion).people[0]
    mirror = BLAZEPOSE33.mirror

    def exchanged(seen: Observation, index: int) -> Observation:
        if index != 4:
            return seen
        return dataclasses.replace(seen, points=seen.points[mirror], points3d=seen.points3d[mirror])

    network.changed = exchanged
    found = looked(motion).people[0]
    limbs = BLAZEPOSE33.indices(("left_shoulder", "right_shoulder", "left_knee", "right_ankle"))
    np.testing.assert_allclose(found.keypoints[4, limbs], usual.keypoints[4, limbs], atol=0.5)


def test_keypoints_of_another_source_are_refused(motion, network):
    people = tuple(
        Person(
            person.id, person.frames, boxes=person.boxes, confidence=person.confidence, keypoint_set="coco17",
            keypoints=person.keypoints[:, :17], keypoint_confidence=person.keypoint_confidence[:, :17],
            masks=person.masks,
        )
        for person in motion
    )  # fmt: skip
    with pytest.raises(UsageError, match="person 1 has keypoints of coco17 and blazepose gives blazepose33"):
        looked(motion.replace(people=people))


def test_a_run_looks_again_with_masks_that_are_better_than_the_networks_own(motion, tmp_path):
    write_masks(Masks.of([masks_in(0)], height=HEIGHT, width=WIDTH, ids=(1, 2)), tmp_path / "masks.json")

    def names(**settings: str) -> list[str]:
        return [step.stage.name for step in chain(RunOptions.of(**settings))][:3]

    assert names(masks=str(tmp_path / "masks.json")) == ["track", "segment", "apart"]
    assert names(masks="blazepose") == ["track", "segment", "camera"]
    assert names() == ["track", "camera", "fit"]
    assert look_at_overlapped.needed(motion, TrackingOptions())
    assert not look_at_overlapped.needed(motion.replace(people=motion.people[:1]), TrackingOptions())
