"""The second look: where hardly anybody was found, a few frames are searched for smaller people, and upside down.

Small people need many small tiles, which would make every clip slower. They are tried only in a handful of frames, and
only after the whole clip has shown nobody, or somebody for less than half of it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.detection.tiles import SMALLEST_PERSON, tile_plan
from kinema.geometry.circles import concatenate, merge
from kinema.geometry.roi import roi_from_circle
from kinema.keypoints.source import Observation
from kinema.motion import Motion
from kinema.tracking.gate import clearness
from kinema.tracking.options import CLOSER_LOOK
from kinema.tracking.perception import Perception
from kinema.video import Frame, VideoReader

FEW = 0.5
"""Share of frames with somebody in them below which a second look is taken."""

STEPS = ((2 * CLOSER_LOOK, 4), (CLOSER_LOOK, 2))
"""Smallest person, and number of frames, of each step of the second look. The next one, with four times as many tiles,
is taken only if this one shows nobody. The frames are spread evenly over those without people."""


@dataclass(frozen=True)
class Sample:
    """What the second look saw. smallest: for a second pass, as `TrackingOptions.smallest_person`; None: nobody.
    turned: whether somebody is clearly seen with the image turned by 180 degrees, and nobody as it is.
    """

    smallest: float | None = None
    turned: bool = False


def share_with_people(motion: Motion) -> float:
    """The share of the clip's frames in which somebody was seen."""
    somebody = _with_people(motion)
    return float(somebody.mean()) if len(somebody) else 1.0


def look_again(video: VideoReader, motion: Motion, perception: Perception) -> Sample:
    """Search a few of the frames in which nobody was found for people as small as `CLOSER_LOOK`.

    If nobody at all is seen upright, the same frames are searched upside down.
    """
    frames = _spread(video, np.flatnonzero(~_with_people(motion)), STEPS[0][1])
    searched = 0
    plan = _plan(perception, CLOSER_LOOK)
    for smallest, count in STEPS:
        tiles = plan[searched : len(_plan(perception, smallest))]
        searched += len(tiles)
        chosen = frames[:: max(len(frames) // count, 1)][:count]
        if any(people_in(frame, np.concatenate(tiles), perception) for frame in chosen if tiles):
            return Sample(smallest=smallest)
    if motion.people:
        return Sample()
    usual = np.concatenate(_plan(perception, SMALLEST_PERSON))
    turned = (dataclasses.replace(frame, image=cv2.rotate(frame.image, cv2.ROTATE_180)) for frame in frames)
    found = sum(bool(people_in(frame, usual, perception, sure=True)) for frame in turned)
    return Sample(turned=found > len(frames) / 2)


def _spread(video: VideoReader, places: np.ndarray, count: int) -> list[Frame]:
    """Up to `count` of the video's frames at `places`, from all of it."""
    chosen = places[np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)]
    wanted = set(chosen.tolist())
    return [frame for frame in video if frame.index in wanted]


def people_in(frame: Frame, tiles: np.ndarray, perception: Perception, *, sure: bool = False) -> list[Observation]:
    """Who is a person in these tiles (n, 3): found by the detector and confirmed by clear keypoints, by very clear
    ones if `sure`.
    """
    least = perception.thresholds.certainly_person if sure else perception.thresholds.surely_person
    found = merge(concatenate(perception.detect(frame, tiles)))
    people = []
    for roi in roi_from_circle(found.hips, found.rims):
        rough = perception.observe(perception.view(frame, roi))
        if rough.score < perception.options.landmark_threshold:
            continue
        seen = perception.observe(perception.view(frame, rough.next_roi))
        if perception.gate.person(seen) and clearness(seen.points, seen.confidence, perception.size) > least:
            people.append(seen)
    return people


def _plan(perception: Perception, smallest: float) -> list[np.ndarray]:
    return tile_plan(*perception.size, smallest=smallest, smallest_in_tile=perception.detector.tile_range.smallest)


def _with_people(motion: Motion) -> np.ndarray:
    """(T,) bool: the frames of the clip in which somebody was seen."""
    somebody = np.zeros(motion.num_frames, dtype=bool)
    for person in motion:
        somebody[person.frames if person.observed is None else person.frames[person.observed]] = True
    return somebody
