"""Keypoint sources: the registry, opening them, and regions from keypoints."""

import dataclasses

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.geometry.roi import to_crop
from kinema.keypoints import SOURCES, open_source
from kinema.keypoints.source import region_of
from kinema.skeleton import COCO17, JOINT_SETS, JointSet
from tests.helpers.coloured_people import SOURCE, Colours, layout


@pytest.mark.parametrize("source", [pytest.param(source, id=source.name) for source in SOURCES])
def test_every_row_is_complete(source):
    assert source.summary
    assert source.joint_set in JOINT_SETS
    assert source.joint3d_set is None or source.joint3d_set in JOINT_SETS
    assert source.open.startswith("kinema.keypoints.")


def test_an_unknown_source_is_refused_by_name():
    with pytest.raises(UsageError, match="unknown keypoint source 'magic'; known: blazepose"):
        open_source("magic")


def test_a_source_of_ones_own():
    opened = open_source(SOURCE, threads=2)
    assert isinstance(opened.estimator, Colours)
    assert opened.joint_set is COCO17
    assert opened.joint3d_set is None
    assert open_source(opened) is opened


def test_a_missing_extra_is_named():
    source = dataclasses.replace(SOURCE, open="no_such_package.module:function", extra="torch")
    with pytest.raises(UsageError, match=r"colours needs no_such_package, .* `pip install 'kinema\[torch\]'`"):
        source.opened()
    with pytest.raises(ModuleNotFoundError):
        dataclasses.replace(source, extra=None).opened()


@pytest.mark.usefixtures("networks")
def test_a_source_that_does_not_detect_is_given_the_default_detector():
    opened = open_source(dataclasses.replace(SOURCE, detects=False))
    assert opened.detector is not None
    assert not isinstance(opened.detector, Colours)
    assert {file.name for file in opened.weights} == {"blazepose-detector"}


def test_a_region_is_centred_on_the_hips_and_holds_everything_seen():
    points = layout() * [60.0, 200.0] + [100.0, 50.0]
    region = region_of(points, np.ones(17), COCO17, visible=0.3)
    np.testing.assert_allclose(region[:2], [130, 150])
    assert 200 < region[2] < 300
    unit = to_crop(points, region)
    assert np.all((unit > 0) & (unit < 1))
    half = np.where(points[:, 1] > 160, 0.0, 1.0)  # the legs are hidden
    np.testing.assert_allclose(region_of(points, half, COCO17, visible=0.3)[2], region[2], rtol=0.15)
    nobody = region_of(points, np.zeros(17), COCO17, visible=0.3)
    assert np.all(np.isfinite(nobody))
    lying = region_of(points[:, ::-1] * [1.0, -1.0], np.ones(17), COCO17, visible=0.3)  # the head to the left
    np.testing.assert_allclose(lying[:3], [150, -130, region[2]])
    np.testing.assert_allclose(lying[3], -np.pi / 2)
    head_down = region_of(-points, np.ones(17), COCO17, visible=0.3)
    np.testing.assert_allclose(np.abs(head_down[2:]), [region[2], np.pi])
    hands = JointSet("hands", ("left_wrist", "right_wrist"))
    np.testing.assert_allclose(region_of(np.array([[0.0, 0], [10, 4]]), np.ones(2), hands, visible=0.3)[:2], [5, 2])


def test_what_a_network_sees_of_a_region_holds_arms_that_are_spread():
    points = layout() * [200.0, 200.0]
    narrow, wide = (region_of(points, np.ones(17), COCO17, visible=0.3, aspect=aspect) for aspect in (0.75, 1.0))
    unit = to_crop(points, narrow)
    assert np.all(np.abs(unit[:, 0] - 0.5) < 0.75 / 2)
    assert narrow[2] >= wide[2]
