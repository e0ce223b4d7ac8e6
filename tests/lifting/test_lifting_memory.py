"""Lifting long clips: memory, and a checkpoint that is opened once."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

from kinema.lifting.lifting import chosen_lifter, lift_clip
from kinema.lifting.options import LiftOptions
from kinema.models.pstmo.lifter import open_lifter as open_pstmo
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.models.videopose3d.lifter import open_lifter as open_videopose3d
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from kinema.skeleton import COCO17
from tests.helpers.lifters import random_tensors

LIFTERS = {
    "videopose3d": (open_videopose3d, VideoPose3DSizes(17, 17, 128, (3, 3, 3))),
    "pstmo": (open_pstmo, PSTMOSizes(9, width=32, inner=32, spatial=32, layers=1)),
}


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
    """What a clip adds is its keypoints and joints, mirrored once: less than 900 bytes for each further frame, where a
    single layer's values of a whole clip would be 512 for VideoPose3D's, and windows of tokens 1152 for P-STMO's."""
    opened, sizes = LIFTERS[name]
    network = opened(random_tensors(sizes), name)
    short, long = peak(network, 4500), peak(network, 9000)  # both more than the networks compute at once
    assert (long - short) / 4500 < 900


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
