"""`nlf_parity`: one setting for the original's own, beneath the user's; and the original's ground."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.pipeline import RunOptions
from kinema.pipeline.nlf_parity import GROUND, with_ground


def test_it_chooses_the_originals_settings():
    options = RunOptions.of(estimator="nlf", nlf_parity=True, masks="stcn")
    assert (options.nlf.num_aug, options.nlf.antialias_factor, options.nlf.boxes) == (5, 2, "masks")
    assert (options.fit.fov, options.tracks.parity, options.smooth) == (55.0, True, False)
    assert (options.masks.passes, options.masks.permute, options.masks.clean) == (2, True, True)
    assert options.masks.init_frame == "half"
    earlier = RunOptions.of(estimator="nlf", nlf_parity=True, masks="stcn", seg_init_time="0:01")
    assert (earlier.masks.init_frame, earlier.masks.init_time) == (None, 1.0)
    assert not options.nlf.suppress_implausible_poses
    alone = RunOptions.of(estimator="nlf", nlf_parity=True)
    assert (alone.nlf.boxes, alone.nlf.suppress_implausible_poses) == ("tracks", True)
    assert (options.nlf.double_gamma, alone.nlf.double_gamma) == (False, True)


@pytest.mark.parametrize("detector", ["nlf-l", "somewhere/nlf_s_multi.torchscript"])
def test_the_programs_own_detector_is_used_as_the_original_uses_it(detector):
    """The thresholds of its `run_all`; another detector's scores mean something else, so it keeps its own."""
    own = RunOptions.of(estimator="nlf", nlf_parity=True, detector=detector).tracking
    assert (own.detection_threshold, own.detection_overlap, own.detection_flip) == (0.15, 0.8, True)
    other = RunOptions.of(estimator="nlf", nlf_parity=True, detector="yolox-tiny-coco").tracking
    assert (other.detection_threshold, other.detection_overlap, other.detection_flip) == (0.5, None, False)


def test_the_users_own_go_before():
    options = RunOptions.of(estimator="nlf", nlf_parity=True, num_aug=1, fov=70.0, masks="stcn", passes=1)
    assert (options.nlf.num_aug, options.fit.fov, options.masks.passes) == (1, 70.0, 1)
    assert options.tracks.parity


def test_another_estimator_has_no_parity_with_nlf():
    with pytest.raises(UsageError, match="`nlf_parity` is of the `estimator` nlf"):
        RunOptions.of(nlf_parity=True)


def test_the_ground_is_under_the_first_persons_toes(walk):
    """The floor's normal within a degree, and the floor beneath the person within 4 cm, since toes are above it."""
    notes: list[str] = []
    ground = with_ground(walk, notes).data[GROUND]
    camera = walk.camera
    up = camera.rotation @ [0.0, 1.0, 0.0]
    assert ground["up"] @ up > np.cos(np.radians(1))
    beneath = walk.people[0].joints_world[:, 0] * [1.0, 0.0, 1.0]
    seen = beneath @ camera.rotation.T + camera.translation
    assert np.mean(seen @ ground["up"]) == pytest.approx(ground["height"], abs=0.04)
    nobody = with_ground(walk.replace(people=()), notes)
    assert GROUND not in nobody.data
    assert "at least three toes" in notes[0]
