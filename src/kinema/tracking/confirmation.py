"""Confirmation of people who went out of view before the detector could find them often enough.

In a video the detector finds a person again and again, a thing only at times (`kinema.tracking.people.is_person`). A
still image, somebody who comes in at the end or passes by, gives it one look, and whoever stays at the image's edge
lies in few tiles as a whole. More looks at the same frame tell as much: with the person in tiles of other sizes, and
mirrored, the detector finds most people most of the time, and things hardly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kinema.geometry.circles import Circles
from kinema.tracking.newcomers import count_detections, is_among
from kinema.tracking.people import SURE_HITS
from kinema.tracking.perception import Perception
from kinema.tracking.track import Track
from kinema.video import Frame

_SIDES = (0.8, 1.0, 1.3, 1.6)  # of the tiles, over that of the person's region


def confirm(tracks: Sequence[Track], frame: Frame, perception: Perception) -> None:
    """Search again for people whose last frame this is and for whom the detector has rarely searched.

    Counts what it finds in `hits` and `searches` of the tracks.
    """
    young = [track for track in tracks if track.last_frame == frame.index and track.searches < SURE_HITS]
    if not young:
        return
    mirrored = dataclasses.replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))
    threshold, sure = perception.options.detection_threshold, perception.detector.tile_range.sure
    for track in young:
        inside = perception.gate.inside(track.centre)
        for share in _SIDES:
            side = share * track.side
            tile = np.array([*(track.centre - side / 2), side])
            other_way = np.array([frame.image.shape[1] - 1 - tile[0] - side, tile[1], side])
            looks = (
                perception.detector.detect(frame, tile, threshold=threshold),
                _mirrored(perception.detector.detect(mirrored, other_way, threshold=threshold), frame),
            )
            for found in looks:
                if inside or is_among(track, found):  # whose hips are outside is easily missed
                    count_detections([track], tile[None], found, sure)


def _mirrored(found: Circles, frame: Frame) -> Circles:
    """What was found in the mirrored frame, in the frame."""
    flip, shift = np.array([-1.0, 1.0]), np.array([frame.image.shape[1] - 1.0, 0.0])
    return Circles(found.hips * flip + shift, found.rims * flip + shift, found.scores)
