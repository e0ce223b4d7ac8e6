"""What a value shows of itself fits on a line or two, whatever it holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import kinema
from kinema.body import load_body
from kinema.brief import LONGEST, brief, brief_list
from kinema.formats import save_motion
from kinema.geometry.camera import camera_from_fov
from kinema.pipeline.running import RunResult
from kinema.provenance import StageRecord
from tests.contracts.samples import walk

LINE = 700
"""Characters: two or three lines of a wide terminal."""


@pytest.fixture(scope="module")
def motion():
    """A long walk of many people, with a camera that moves and a long history."""
    one = walk()
    camera = camera_from_fov(1280, 720).replace(
        rotation=np.tile(np.eye(3), (one.num_frames, 1, 1)), translation=np.zeros((one.num_frames, 3))
    )
    people = tuple(one.people[0].replace(id=id) for id in range(1, 400))
    records = [StageRecord("filter", "0", {"people": {str(n): {"jitter": n} for n in range(300)}}) for _ in range(50)]
    return one.replace(people=people, camera=camera, provenance=tuple(records), data={"map": np.zeros((50, 50))})


@pytest.fixture(scope="module")
def values(motion, tmp_path_factory):
    path = save_motion(walk(), tmp_path_factory.mktemp("brief") / "walk.pkl")
    record = {"files": {}, "summary": {"people": [{"id": n} for n in range(999)]}}
    return {
        "motion": motion,
        "person": motion.people[0],
        "camera": motion.camera,
        "record of a stage": motion.provenance[0],
        "body": load_body(),
        "validation": kinema.validate(walk()),
        "diagnosis": kinema.diagnose(path),
        "scores": kinema.evaluate(walk(), walk()),
        "result of a run": RunResult(path.parent, record),
    }


def test_no_value_prints_what_is_in_its_arrays(values):
    for name, value in values.items():
        shown = repr(value)
        assert "\n" not in shown, name
        assert "array(" not in shown, name
        assert len(shown) <= LINE, (name, len(shown))


def test_a_representation_says_what_it_is(motion):
    assert repr(motion.camera).startswith("Camera(width=1280, height=720, intrinsics=<float64 (3, 3)>, distortion=None")
    assert repr(motion.provenance[0]) == ("StageRecord(name='filter', version='0', arguments=<1 entries>, weights={})")
    assert "people 1, 2, 3, 4, 5, 6, 7, 8, ... (399 in all)" in repr(motion)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | arrays(np.float64, array_shapes(max_side=9)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_any_value_is_brief(value):
    shown = brief(value)
    assert len(shown) <= LONGEST
    assert "\n" not in shown


def test_a_short_list_is_whole():
    assert brief_list([1, 2, 3]) == "1, 2, 3"
    assert brief_list([]) == ""
    assert brief((1.0, None)) == "(1.0, None)"
