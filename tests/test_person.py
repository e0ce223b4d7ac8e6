"""Person: what cannot exist, and what changing, selecting and joining do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinema.errors import InputError, ShapeError, UsageError
from kinema.person import PERSON_FIELDS, Person, join_people
from kinema.skeleton import JOINT_SETS
from kinema.storage.stored import StoredArray
from tests.helpers.values import FLAGS, SHAPES, F, motion, person

MAY_HOLD_NAN = tuple(name for name, field in PERSON_FIELDS.items() if field.may_hold_nan)


def test_the_table_is_complete():
    """Every array field of Person is in the table above, so that the tests below see it."""
    others = {"id", "frames", "keypoint_set", "keypoint3d_set", "data", "masks", "vertices", "vertex_uncertainty"}
    assert set(SHAPES) == {f.name for f in dataclasses.fields(Person)} - others
    assert person().filled == tuple(n for n in _order() if n in SHAPES)


def _order() -> list[str]:
    return list(PERSON_FIELDS)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("axis", [0, -1])
def test_wrong_shape_names_field_found_and_expected(name, axis):
    shape = list(SHAPES[name])
    shape[axis] += 1
    with pytest.raises(ShapeError) as error:
        person(**{name: np.zeros(shape)})
    text = str(error.value)
    assert "person 3" in text
    assert f"{name} has shape {tuple(shape)}, expected {SHAPES[name]}" in text


@pytest.mark.parametrize("name", SHAPES)
def test_too_few_axes(name):
    with pytest.raises(ShapeError, match=rf"{name} has shape \(\), expected"):
        person(**{name: 1.0})


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(name, value):
    array = np.zeros(SHAPES[name])
    array[(2,) + (0,) * (array.ndim - 1)] = value
    if np.isnan(value) and name in MAY_HOLD_NAN:
        assert np.isnan(getattr(person(**{name: array}), name)).sum() == 1
        return
    place = (2,) + (0,) * (array.ndim - 1)
    with pytest.raises(ShapeError) as error:
        person(**{name: array})
    assert f"{name} holds a value that is not finite at {place}" in str(error.value)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("value", ["many", [[1], [2, 3]], [1j] * F, object()])
def test_no_numbers(name, value):
    with pytest.raises(ShapeError, match=name):
        person(**{name: value})


@pytest.mark.parametrize("name", FLAGS)
def test_probabilities_are_no_flags(name):
    """0.3 as a bool would be True: a threshold that somebody forgot."""
    array = np.zeros(SHAPES[name])
    array[1] = 0.3
    with pytest.raises(ShapeError, match=rf"{name} must be True or False, found 0\.3 at \(1"):
        person(**{name: array})
    array[1] = 1
    assert getattr(person(**{name: array}), name).dtype == bool


@pytest.mark.parametrize("name", ["confidence", "keypoint_confidence"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_confidences_lie_in_0_to_1(name, value):
    array = np.ones(SHAPES[name])
    array[2] = value
    with pytest.raises(ShapeError, match=rf"{name} must lie in \[0, 1\], found {value} at \(2"):
        person(**{name: array})


@pytest.mark.parametrize(
    ("frames", "match"),
    [
        ([0.0, 1.0, 2.0, 3.0], "integers"),
        ([[0, 1], [2, 3]], "integers"),
        ([[0], [1, 2]], "integers"),
        (["a", "b", "c", "d"], "integers"),
        ([True, False, True, True], "integers"),
        ([-1, 0, 1, 2], "non-negative and strictly increasing"),
        ([0, 1, 1, 2], "non-negative and strictly increasing"),
        ([3, 2, 1, 0], "non-negative and strictly increasing"),
    ],
)
def test_frames(frames, match):
    with pytest.raises(ShapeError, match=f"person 3: frames must be .*{match}"):
        person(frames=frames)


def test_keypoints_need_their_set():
    with pytest.raises(ShapeError, match=r"keypoints is given but keypoint_set is not"):
        Person(id=1, frames=[0], keypoints=np.zeros((1, 17, 2)))
    with pytest.raises(ShapeError, match=r"keypoint_set is 'coco18'; known: .*coco17"):
        person(keypoint_set="coco18")
    with pytest.raises(ShapeError, match=r"keypoints has shape \(4, 17, 2\), expected \(4, 33, 2\) = \(F, K, 2\)"):
        person(keypoint_set="blazepose33")
    for joint_set in JOINT_SETS.values():
        Person(id=1, frames=[0], keypoint_set=joint_set.name, keypoints=np.zeros((1, len(joint_set), 2)))


def test_a_person_of_no_frames_is_legal():
    empty = Person(id=1, frames=[], pose=np.zeros((0, 72)))
    assert len(empty) == 0
    assert empty.pose.shape == (0, 72)
    assert len(person().select([])) == 0
    assert motion(people=(empty,)).people[0] is empty


def test_shape_errors_are_input_errors_and_value_errors():
    assert issubclass(ShapeError, InputError)
    assert issubclass(ShapeError, ValueError)
    assert ShapeError.exit_code == 3


def test_global_orient_and_require():
    one = person()
    np.testing.assert_array_equal(one.global_orient, one.pose[:, :3])
    bare = Person(id=9, frames=[0, 1])
    assert bare.global_orient is None
    assert bare.filled == ()
    pose, betas = one.require("pose", "betas")
    assert pose is one.pose
    assert betas is one.betas
    with pytest.raises(UsageError, match=r"person 9 has no pose, transl; .*filled: nothing"):
        bare.require("pose", "transl")
    with pytest.raises(UsageError, match=r"has no transl; .*filled: betas"):
        Person(id=9, frames=[0], betas=np.zeros((1, 10))).require("betas", "transl")


@given(hnp.arrays(bool, F))
def test_select_by_mask(mask):
    one = person()
    some = one.select(mask)
    np.testing.assert_array_equal(some.frames, one.frames[mask])
    assert some.filled == one.filled
    assert (some.id, some.keypoint_set) == (one.id, one.keypoint_set)
    for name in SHAPES:
        np.testing.assert_array_equal(getattr(some, name), getattr(one, name)[mask])


def test_select_by_rows():
    one = person()
    np.testing.assert_array_equal(one.select([0, 3]).pose, one.pose[[0, 3]])
    with pytest.raises(ShapeError, match=r"rows has shape \(5,\), expected \(4,\) = \(F,\)"):
        one.select(np.ones(5, bool))
    with pytest.raises(ShapeError, match="strictly increasing"):
        one.select([3, 0])


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=12),
    st.sampled_from(sorted(JOINT_SETS)),
    st.lists(st.sampled_from(sorted(SHAPES)), unique=True),
    st.randoms(use_true_random=False),
)
def test_any_consistent_person_exists_and_survives_select_and_replace(frames, keypoint_set, names, random):
    frames = sorted(frames)
    count = len(JOINT_SETS[keypoint_set])
    rng = np.random.default_rng(random.getrandbits(32))
    fields = {}
    for name in names:
        shape = [len(frames) if i == 0 else count if n == 17 else n for i, n in enumerate(SHAPES[name])]
        fields[name] = rng.random(shape) > 0.5 if name in FLAGS else rng.random(shape)
    one = Person(id=0, frames=np.array(frames, int), keypoint_set=keypoint_set, **fields)
    assert set(one.filled) == set(names)
    assert one.replace().filled == one.filled
    half = one.select(np.arange(len(frames)) % 2 == 0)
    assert half.frames.tolist() == frames[::2]
    for name in names:
        np.testing.assert_array_equal(getattr(half, name), getattr(one, name)[::2])


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
