"""Person: free data, two joint sets, arrays in files, and joining the parts of one person."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import ShapeError, UsageError
from kinema.person import PERSON_FIELDS, Person, join_people
from kinema.storage.stored import StoredArray
from tests.test_motion import F, person


def test_data_is_checked_and_read_only():
    one = person(data={"speed": np.arange(F), "label": "dancer", "marks": (1, np.float32(2.5)), "none": None})
    assert one.data["marks"] == [1, 2.5]
    assert one.data["speed"].dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        one.data["speed"][0] = 5
    for wrong, match in (
        ({"speed": np.zeros(F + 1)}, r"person 3: data\['speed'\] has shape \(5,\), expected \(4, \.\.\.\)"),
        ({"speed": np.array(["a"] * F)}, r"data\['speed'\] must hold numbers"),
        ({3: "a"}, "data is kept by names, 3 is not text"),
        ({"what": object()}, r"data\['what'\] must be an array or JSON values"),
    ):
        with pytest.raises(ShapeError, match=match):
            person(data=wrong)


def test_data_is_selected_with_the_frames():
    part = person(data={"speed": np.arange(F), "label": "dancer"}).select(np.array([1, 2]))
    assert part.data["speed"].tolist() == [1, 2]
    assert part.data["label"] == "dancer"


def test_keypoints_have_their_own_sets():
    one = Person(1, [0], keypoint_set="coco17", keypoints=np.zeros((1, 17, 2)), keypoints3d=np.zeros((1, 17, 3)))
    assert one.keypoint3d_set == "coco17"
    two = Person(
        1, [0], keypoint_set="coco17", keypoints=np.zeros((1, 17, 2)), keypoint3d_set="blazepose33",
        keypoints3d=np.zeros((1, 33, 3)), keypoint3d_uncertainty=np.zeros((1, 33)),
    )  # fmt: skip
    assert (two.keypoint_set, two.keypoint3d_set) == ("coco17", "blazepose33")
    with pytest.raises(ShapeError, match=r"keypoints3d has shape \(1, 17, 3\), expected \(1, 33, 3\) = \(F, L, 3\)"):
        two.replace(keypoints3d=np.zeros((1, 17, 3)))
    with pytest.raises(ShapeError, match="keypoints3d is given but keypoint3d_set is not"):
        Person(1, [0], keypoints3d=np.zeros((1, 17, 3)))
    with pytest.raises(ShapeError, match="keypoint3d_set is 'magic'"):
        Person(1, [0], keypoint3d_set="magic")


def test_the_table_is_of_use():
    for name, field in PERSON_FIELDS.items():
        assert field.name == name
        assert field.letters.startswith("(F")
        assert field.unit
        assert field.meaning
    assert len({field.pkl for field in PERSON_FIELDS.values()}) == len(PERSON_FIELDS)


@pytest.fixture(scope="module")
def vertices(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "vertices.npy"
    np.save(path, np.arange(F * 6.0).reshape(F, 2, 3))
    return StoredArray(path)


def test_stored_arrays_follow_the_frames(vertices):
    one = person(vertices=vertices)
    assert "vertices" in one.filled
    part = one.select(np.array([False, True, True, False]))
    np.testing.assert_array_equal(part.vertices.open(), vertices.open()[1:3])
    joined = join_people(3, (one.select([2, 3]), one.select([0, 1])))
    np.testing.assert_array_equal(joined.vertices.open(), vertices.open())
    with pytest.raises(ShapeError, match="vertices must be a StoredArray, the reference to a file, not ndarray"):
        person(vertices=np.zeros((F, 2, 3)))
    with pytest.raises(ShapeError, match="vertices has 2 rows, the person 4 frames"):
        person(vertices=vertices.select(np.array([0, 1]), F))
    other = StoredArray(vertices.path.with_name("others.npy"))
    with pytest.raises(UsageError, match="the vertices of person 3 lie in different files; clear them first"):
        join_people(3, (one.select([0, 1]), one.replace(vertices=other).select([2, 3])))


@given(st.lists(st.sampled_from("abc"), min_size=F, max_size=F))
def test_parts_of_a_person_make_it_again(letters):
    one = person(data={"speed": np.arange(F), "label": "dancer"})
    parts = tuple(one.select(np.array([each == letter for each in letters])) for letter in "bca")
    joined = join_people(one.id, parts)
    np.testing.assert_array_equal(joined.frames, one.frames)
    for name in one.filled:
        np.testing.assert_array_equal(getattr(joined, name), getattr(one, name))
    assert joined.data["speed"].tolist() == [0, 1, 2, 3]
    assert joined.data["label"] == "dancer"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"betas": None}, r"cannot be joined, as they differ in the fields that are filled \(betas\)"),
        ({"data": {"a": 1}}, r"differ in the fields that are filled \(data\['a'\]\)"),
        ({"data": {"speed": np.zeros((F, 2))}}, r"data\['speed'\] \(F, 2\)"),
        ({"data": {"speed": 3}}, r"data\['speed'\]"),
        ({"keypoint_set": "h36m17", "keypoint3d_set": "h36m17"}, r"different joint sets \(h36m17, coco17\)"),
    ],
)
def test_parts_that_do_not_belong_together(changes, match):
    one = person(data={"speed": np.zeros(F)} if "speed" in changes.get("data", {}) else {})
    other = person(**changes)
    with pytest.raises(UsageError, match=match):
        join_people(3, (one.select([0, 1]), other.select([2, 3])))


def test_a_frame_belongs_to_one_part():
    with pytest.raises(ShapeError, match="strictly increasing"):
        join_people(3, (person(), person()))


def test_repr_is_short():
    assert repr(Person(id=9, frames=[])) == "Person(id=9, frames=none (0), filled=nothing)"
    assert repr(Person(id=9, frames=[2, 5], betas=np.zeros((2, 10)))) == "Person(id=9, frames=2-5 (2), filled=betas)"
