"""Pairs of keyframes that are asked whether the camera turns or travels."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.camera import choice
from kinema.camera.choice import evidence
from tests.camera.test_shot import FOCAL, orbiting, tracks_of

KEYS = np.arange(0, 60, 10)


def test_a_way_is_seen():
    asked = evidence(tracks_of(*orbiting()), KEYS, np.full(len(KEYS), np.log(FOCAL)))
    assert asked.travelled == 1.0
    assert asked.parallax > 1.0


def test_a_pair_on_which_opencv_fails_tells_nothing(monkeypatch):
    """Its search for epipolar geometry ends in a failed assertion for some pairs of noisy points."""

    def fails(*_: object) -> None:
        raise cv2.error("(-215:Assertion failed) !model.empty() in function 'setModelParameters'")

    monkeypatch.setattr(choice.cv2, "findFundamentalMat", fails)
    asked = evidence(tracks_of(*orbiting()), KEYS, np.full(len(KEYS), np.log(FOCAL)))
    assert asked.travelled == 0.0
    assert asked.parallax > 1.0
