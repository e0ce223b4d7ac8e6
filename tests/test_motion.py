"""Motion, Person, Camera, StageRecord: what cannot exist, and what changing them does."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinema.errors import InputError, ShapeError, UsageError
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS, Person
from kinema.provenance import StageRecord
from kinema.skeleton import JOINT_SETS

F = 4
SHAPES = {
    "boxes": (F, 4),
    "confidence": (F,),
    "observed": (F,),
    "keypoints": (F, 17, 2),
    "keypoint_confidence": (F, 17),
    "keypoints3d": (F, 17, 3),
    "joints": (F, 24, 3),
    "pose": (F, 72),
    "betas": (F, 10),
    "transl": (F, 3),
    "joints_world": (F, 24, 3),
    "pose_world": (F, 72),
    "transl_world": (F, 3),
    "contacts": (F, 4),
    "reprojection_error": (F,),
    "keypoint3d_uncertainty": (F, 17),
    "joint_uncertainty": (F, 24),
    "scale": (F,),
}
MAY_HOLD_NAN = tuple(name for name, field in PERSON_FIELDS.items() if field.may_hold_nan)
FLAGS = ("observed", "contacts")


def person(**changes) -> Person:
    """A person with every field filled."""
    rng = np.random.default_rng(0)
    fields = {name: rng.random(shape) > 0.5 if name in FLAGS else rng.random(shape) for name, shape in SHAPES.items()}
    return Person(**{"id": 3, "frames": np.arange(F) * 2, "keypoint_set": "coco17", **fields, **changes})


def camera(**changes) -> Camera:
    return Camera(**{"width": 64, "height": 48, "intrinsics": np.diag([50.0, 50.0, 1.0]), **changes})


def motion(**changes) -> Motion:
    return Motion(**{"times": np.arange(10) / 30, "width": 64, "height": 48, **changes})


def test_the_table_is_complete():
    """Every array field of Person is in the table above, so that the tests below see it."""
    others = {"id", "frames", "keypoint_set", "keypoint3d_set", "data", "masks", "vertices"}
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


def test_nothing_inside_can_be_changed():
    mine = np.zeros((F, 72))
    one = person(pose=mine)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.pose = mine
    for name in (*SHAPES, "frames"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(one, name)[...] = 1
    mine[:] = 7
    assert one.pose.max() == 0
    whole = motion(people=[one], camera=camera())
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.width = 1
    with pytest.raises(ValueError, match="read-only"):
        whole.times[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        whole.camera.intrinsics[0, 0] = 1


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


def test_replace_checks_again():
    one = person()
    assert one.replace(betas=None).betas is None
    assert one.betas is not None
    with pytest.raises(ShapeError, match="betas"):
        one.replace(betas=np.zeros((F, 11)))
    with pytest.raises(ShapeError, match="outside the clip"):
        motion(people=(one,)).replace(times=[0.0, 1.0])
    with pytest.raises(ShapeError, match="intrinsics"):
        camera().replace(intrinsics=np.eye(4))


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


# Camera


@pytest.mark.parametrize("size", [(0, 48), (64, 0), (-1, 48)])
def test_camera_size(size):
    with pytest.raises(ShapeError, match=f"camera: size must be positive, found {size[0]}x{size[1]}"):
        camera(width=size[0], height=size[1])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"intrinsics": np.eye(4)}, r"intrinsics has shape \(4, 4\), expected \(3, 3\)"),
        ({"intrinsics": np.full((3, 3), np.nan)}, r"intrinsics holds a value that is not finite at \(0, 0\)"),
        ({"intrinsics": np.diag([-50.0, 50, 1])}, "focal lengths must be positive"),
        ({"intrinsics": np.diag([50.0, 0, 1])}, "focal lengths must be positive"),
        ({"distortion": np.zeros(6)}, r"distortion must be \(4,\), \(5,\) or \(8,\), found \(6,\)"),
        ({"rotation": np.eye(3)}, "must be given together"),
        ({"translation": np.zeros(3)}, "must be given together"),
        ({"rotation": np.eye(3), "translation": np.zeros(4)}, r"translation has shape \(4,\), expected \(3,\)"),
        (
            {"rotation": np.zeros((5, 3, 3)), "translation": np.zeros(3)},
            r"translation has shape \(3,\), expected \(5, 3\)",
        ),
        ({"rotation": np.eye(3) * 2, "translation": np.zeros(3)}, "is not a rotation matrix"),
        ({"rotation": np.diag([1.0, 1, -1]), "translation": np.zeros(3)}, "contains a reflection"),
        ({"rotation": np.stack([np.eye(3), -np.eye(3)]), "translation": np.zeros((2, 3))}, "contains a reflection"),
    ],
)
def test_camera_refuses(changes, match):
    with pytest.raises(ShapeError, match=match):
        camera(**changes)


@pytest.mark.parametrize("count", [4, 5, 8])
def test_camera_takes_opencv_distortions(count):
    assert camera(distortion=np.zeros(count)).distortion.shape == (count,)


# Motion


@pytest.mark.parametrize(
    ("times", "match"),
    [
        ([0.0, 0.5, 0.5], "strictly increasing"),
        ([0.0, -0.5], "strictly increasing"),
        ([0.0, np.nan], r"times holds a value that is not finite at \(1,\)"),
        ([[0.0, 1.0]], r"times has shape \(1, 2\), expected \(2,\)"),
        (["now"], "times must be numbers"),
        ([[0.0], [1.0, 2.0]], "times must be numbers"),
    ],
)
def test_motion_times(times, match):
    with pytest.raises(ShapeError, match=f"motion: .*{match}"):
        motion(times=times)


def test_motion_size():
    with pytest.raises(ShapeError, match="motion: size must not be negative, found -1x48"):
        motion(width=-1)


def test_motion_people():
    with pytest.raises(ShapeError, match=r"two people carry the same id \(ids: \[3, 3\]\)"):
        motion(people=(person(), person()))
    with pytest.raises(ShapeError, match="person 3: frame 6 lies outside the clip of 6 frames"):
        motion(times=np.arange(6.0), people=(person(),))
    both = motion(people=[person(), person(id=1)])
    assert isinstance(both.people, tuple)
    assert [p.id for p in both] == [3, 1]
    assert both.person(1) is both.people[1]
    with pytest.raises(UsageError, match=r"no person 2 in this motion; it has \[3, 1\]"):
        both.person(2)
    with pytest.raises(UsageError, match="it has nobody"):
        motion().person(0)


def test_motion_moving_camera_has_a_pose_for_every_frame():
    eyes = np.tile(np.eye(3), (10, 1, 1))
    motion(camera=camera(rotation=eyes, translation=np.zeros((10, 3))))
    with pytest.raises(ShapeError, match="rotation has 9 frames, the clip has 10"):
        motion(camera=camera(rotation=eyes[1:], translation=np.zeros((9, 3))))


def test_motion_rates():
    assert motion(times=[]).fps == 30.0
    assert motion(times=[1.5]).fps == 30.0
    assert motion(times=[1.0, 1.5, 3.0]).fps == pytest.approx(1.0)
    assert motion().num_frames == 10


def test_provenance_grows_and_the_old_motion_stays():
    old = motion()
    new = old.recorded("track", {"stride": 5}, {"net.tflite": "ab" * 32}).replace(people=(person(),)).recorded("fit")
    assert [r.name for r in new.provenance] == ["track", "fit"]
    assert new.provenance[0].weights == {"net.tflite": "ab" * 32}
    assert old.provenance == ()
    assert old.people == ()
    assert len(new.people) == 1


def test_stage_record_is_plain_json(tmp_path):
    @dataclasses.dataclass
    class Options:
        strength: float = 0.5

    record = StageRecord(
        "filter",
        "0.1",
        arguments={"a": np.float32(1.5), "b": np.arange(3), "c": tmp_path, "d": (1, 2), "e": Options(), "f": None},
    )
    assert record.arguments == {
        "a": 1.5, "b": [0, 1, 2], "c": str(tmp_path), "d": [1, 2], "e": {"strength": 0.5}, "f": None,
    }  # fmt: skip
    assert StageRecord(**json.loads(json.dumps(record.to_dict()))) == record
    with pytest.raises(ShapeError, match="provenance of stage filter: arguments must be JSON values"):
        StageRecord("filter", "0.1", arguments={"f": object()})


def test_stage_record_does_not_share_what_it_was_given():
    settings = {"list": [1]}
    record = StageRecord("x", "0", arguments=settings)
    settings["list"].append(2)
    assert record.arguments == {"list": [1]}
