"""A person lost beside somebody else is found again at once if in plain view, and not taken for somebody hidden."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kinema.keypoints.blazepose import THRESHOLDS
from kinema.keypoints.source import Observation
from kinema.tracking.association import same_body
from kinema.tracking.gate import Gate
from kinema.tracking.recovery import recover
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import PARTS, clothed, observe_at

SIZE = (640, 480)
HEIGHT, PLACE, BESIDE = 200.0, (300.0, 240.0), (360.0, 240.0)


def mask(width: float) -> np.ndarray:
    """Of somebody in the middle of their region, `width` of it wide."""
    x = np.abs(np.linspace(-1, 1, 64))[None].repeat(64, axis=0)
    return np.where(x < width, 6.0, -6.0).astype(np.float32)


def found(seen: Observation, *, width: float = 0.2, colour: int = 3, hidden: bool = False) -> bool:
    """Whether the person, lost for a few frames, is found in what the network sees in their place beside another."""
    track = Track(0, 0, 0.0, observe_at(PLACE, height=HEIGHT), clothed(3))
    for frame in range(1, 20):
        track.add(frame, frame / 30, observe_at(PLACE, height=HEIGHT), crowded=False)
    perception = SimpleNamespace(
        size=SIZE,
        thresholds=THRESHOLDS,
        gate=Gate(SIZE, 0.5, THRESHOLDS),
        view=lambda frame, roi: SimpleNamespace(pixels=np.zeros((64, 64, 3), np.uint8), roi=roi),
        observe=lambda view, mask: seen,
        appearance=lambda view, seen: clothed(colour),
        same_body=lambda one, other: same_body(one, other, PARTS),
    )
    frame = Frame(22, 22 / 30, np.zeros((480, 640, 3), np.uint8))
    other = observe_at(BESIDE, height=HEIGHT, mask=mask(width))
    near = [] if hidden else [other]
    track.rivals[1] = object()  # type: ignore[assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinema.tracking.recovery.hide_people", lambda view, people: view)
        return recover(track, frame, perception, near, hidden=hidden) is not None


def test_in_plain_view_beside_somebody():
    assert found(observe_at(PLACE, height=HEIGHT))


@pytest.mark.parametrize(
    "doubt",
    [
        {"seen": observe_at(PLACE, height=HEIGHT, visibility=0.7)},
        {"seen": observe_at(PLACE, height=HEIGHT, score=0.6)},
        {"seen": observe_at((350.0, 240.0), height=HEIGHT)},
        {"seen": observe_at(PLACE, height=HEIGHT), "width": 1.0},
        {"seen": observe_at(PLACE, height=HEIGHT), "colour": 90},
        {"seen": observe_at(PLACE, height=HEIGHT), "hidden": True},
    ],
    ids=[
        "unclear",
        "hardly a person",
        "the other one",
        "covered by the other",
        "other clothes",
        "another is lost there",
    ],
)
def test_not_where_in_doubt(doubt):
    assert not found(**doubt)
