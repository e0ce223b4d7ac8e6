"""Lifting long clips: memory, and a checkpoint that is opened once."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

from kinema.lifting import LIFTERS as REGISTRY
from kinema.lifting.lifting import chosen_lifter, lift_clip, lift_person
from kinema.lifting.options import LiftOptions
from kinema.models.pstmo.lifter import open_lifter as open_pstmo
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.models.videopose3d.lifter import open_lifter as open_videopose3d
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import COCO17
from tests.helpers.lifters import random_tensors

LIFTERS = {
    "videopose3d": (open_videopose3d, VideoPose3DSizes(17, 17, 128, (3, 3, 3))),
    "pstmo": (open_pstmo, PSTMOSizes(9, width=32, inner=32, spatial=32, layers=1)),
}


SHORT, LONG = 1200, 3200
"""Frames of clips, both several blocks."""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr("kinema.lifting.lifting.BLOCK", 400)


def peak(network, frames: int) -> int:
    """Bytes that lifting a clip takes at most."""
    clip = np.random.default_rng(0).normal(size=(frames, 17, 2)).astype(np.float32)
    lift_clip(network, clip[:100], COCO17)
    tracemalloc.start()
    try:
        lift_clip(network, clip, COCO17)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", LIFTERS)
def test_a_long_clip_adds_little_more_than_its_keypoints_and_joints(name):
    """What a clip adds is its joints, 204 bytes for each further frame, where a single layer's values of a whole clip
    would be 512 for VideoPose3D's, and windows of tokens 1152 for P-STMO's."""
    opened, sizes = LIFTERS[name]
    network = opened(random_tensors(sizes), name)
    short, long = peak(network, SHORT), peak(network, LONG)
    assert (long - short) / (LONG - SHORT) < 210


def test_a_long_track_adds_its_joints_and_the_keypoints_that_the_network_takes():
    """408 bytes a frame of joints in float64, which are the result, and 136 of keypoints in float32; times and their
    steps are 24 more."""
    opened, sizes = LIFTERS["videopose3d"]
    network, lifter = opened(random_tensors(sizes), "videopose3d"), REGISTRY.find("videopose3d")

    def added(frames: int) -> int:
        points = np.random.default_rng(0).uniform(100, 300, (frames, 17, 2))
        person = Person(
            1, np.arange(frames), keypoint_set=COCO17.name, keypoints=points,
            keypoint_confidence=np.ones((frames, 17)),
        )  # fmt: skip
        motion = Motion(np.arange(frames) / 50, 640, 480, people=(person,))
        tracemalloc.start()
        try:
            lift_person(motion, person, lifter, network, COCO17, LiftOptions())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert (added(LONG) - added(SHORT)) / (LONG - SHORT) < 620


def test_a_checkpoint_is_opened_once_and_again_when_it_has_changed(tmp_path):
    path = tmp_path / "coco.npz"
    np.savez(path, **random_tensors(VideoPose3DSizes(17, 17, 8, (3, 3))))
    options = LiftOptions(method="videopose3d", checkpoint=path)
    _, first, _ = chosen_lifter(options)
    assert chosen_lifter(options)[1] is first
    np.savez(path, **random_tensors(VideoPose3DSizes(17, 17, 8, (3, 3)), seed=1))
    os.utime(path, ns=(1, 1))
    clip = np.ones((20, 17, 2))
    assert np.abs(lift_clip(chosen_lifter(options)[1], clip, COCO17) - lift_clip(first, clip, COCO17)).max() > 1e-3
