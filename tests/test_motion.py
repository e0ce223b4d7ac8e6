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


# Selecting, cutting, joining


def two_people(**changes) -> Motion:
    """A clip of ten frames with two people and a moving camera."""
    other = person(id=1, frames=np.array([1, 3, 4, 9]), data={"speed": np.arange(F), "label": "left"})
    eyes = np.tile(np.eye(3), (10, 1, 1))
    place = np.linspace(0, 1, 30).reshape(10, 3)
    return motion(
        people=(person(data={"speed": -np.arange(F), "label": "right"}), other), source="clip.mp4", body_model="free",
        camera=camera(rotation=eyes, translation=place), data={"notes": ["one"], "curve": np.arange(3.0)}, **changes,
    ).recorded("track").recorded("fit")  # fmt: skip


def assert_equal(a: Motion, b: Motion) -> None:
    """Equal in everything; times to a rounding error."""
    np.testing.assert_allclose(a.times, b.times, atol=1e-12)
    for name in ("width", "height", "source", "body_model", "provenance"):
        assert getattr(a, name) == getattr(b, name)
    for name in a.camera.__dataclass_fields__:
        np.testing.assert_equal(getattr(a.camera, name), getattr(b.camera, name), err_msg=name)
    np.testing.assert_equal(dict(a.data), dict(b.data))
    assert [one.id for one in a] == [one.id for one in b]
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        assert one.filled == other.filled
        for name in one.filled:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        np.testing.assert_equal(dict(one.data), dict(other.data))


def test_select_keeps_the_clip():
    whole = two_people()
    assert [one.id for one in whole.select(1)] == [1]
    assert [one.id for one in whole.select(1, 3)] == [1, 3]
    assert whole.select().people == ()
    assert whole.select(1).num_frames == 10
    with pytest.raises(UsageError, match="no person 8"):
        whole.select(8)
    with pytest.raises(ShapeError, match="same id"):
        whole.select(1, 1)


def test_merge_undoes_select():
    whole = two_people()
    assert_equal(whole.select(3).merge(whole.select(1)), whole)
    assert_equal(whole.select(3).merge(whole.select(1)).select(1), whole.select(1))
    bare = whole.select(1).replace(camera=None, body_model=None, data={"other": 2}, provenance=())
    merged = bare.merge(whole.select(3).recorded("filter"))
    assert merged.camera is whole.camera
    assert merged.body_model == "free"
    assert set(merged.data) == {"notes", "curve", "other"}
    assert [record.name for record in merged.provenance] == ["track", "fit", "filter"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"times": np.arange(10.0)}, "motions of different clips cannot be merged"),
        ({"width": 65}, "motions of different clips"),
        ({"body_model": "SMPL_NEUTRAL.pkl"}, r"motions of different bodies \(SMPL_NEUTRAL\.pkl, free\)"),
        ({"camera": camera(intrinsics=np.diag([60.0, 60.0, 1.0]))}, "the motions have different cameras"),
        ({"camera": camera(rotation=np.eye(3), translation=np.ones(3))}, "the motions have different cameras"),
        ({"people": (person(),)}, "both motions have a person 3; rename one of them first"),
    ],
)
def test_merge_refuses(changes, match):
    whole = two_people()
    with pytest.raises(UsageError, match=match):
        whole.select(3).merge(whole.select(1).replace(**changes))


def test_merge_takes_the_pose_of_the_camera_that_has_one():
    whole = two_people()
    unplaced = whole.select(1).replace(camera=camera())
    assert unplaced.merge(whole.select(3)).camera is whole.camera
    assert whole.select(3).merge(unplaced).camera is whole.camera


@given(st.integers(2, 8))
def test_slices_make_the_clip_again(cut):
    whole = two_people()
    time = float(whole.times[cut])
    first, second = whole.slice(end=time), whole.slice(start=time)
    np.testing.assert_array_equal(np.concatenate([first.times, second.times]), whole.times)
    assert first.camera.rotation.shape == (cut, 3, 3)
    joined = Motion.concatenate([first, second])
    assert [record.name for record in joined.provenance] == ["track", "fit"] * 2
    order = [one.id for one in joined]
    assert_equal(joined.replace(provenance=whole.provenance), whole.select(*order))


def test_slice_counts_frames_from_its_start_and_keeps_times():
    part = two_people().slice(0.1, 0.2)
    np.testing.assert_allclose(part.times, np.arange(3, 6) / 30)
    assert [(one.id, one.frames.tolist()) for one in part] == [(3, [1]), (1, [0, 1])]
    assert [one.id for one in two_people().slice(start=0.29)] == [1]
    assert_equal(two_people().slice(), two_people())


@pytest.mark.parametrize(
    ("bounds", "match"),
    [
        ((5, None), r"the clip has no frame at or after 5 s; its frames go from 0 to 0\.3 s"),
        ((None, 0), r"the clip has no frame before 0 s"),
        ((0.11, 0.12), r"no frame at or after 0\.11 s and before 0\.12 s"),
    ],
)
def test_slice_of_nothing(bounds, match):
    with pytest.raises(UsageError, match=match):
        two_people().slice(*bounds)
    with pytest.raises(UsageError, match="the clip has no frame at all; it is empty"):
        motion(times=[]).slice()


@given(st.floats(-0.1, 0.4), st.floats(-0.1, 0.4))
def test_swapping_twice_changes_nothing(a, b):
    whole = two_people()
    whole = whole.replace(people=tuple(one.replace(data={"speed": one.data["speed"]}) for one in whole))
    start, end = sorted((a, b))
    assert_equal(whole.swap(1, 3, start, end).swap(1, 3, start, end), whole)
    assert_equal(whole.swap(1, 3, start, end), whole.swap(3, 1, start, end))


def test_swap_of_a_whole_clip_is_rename():
    whole = two_people()
    renamed = whole.rename({1: 3, 3: 1})
    assert_equal(whole.swap(1, 3), renamed.select(3, 1))
    part = whole.swap(1, 3, start=0.11)
    assert part.person(3).frames.tolist() == [0, 2, 4, 9]
    assert part.person(1).frames.tolist() == [1, 3, 4, 6]
    assert part.person(3).data["speed"].tolist() == [0, -1, 2, 3]
    lacking = whole.replace(people=(whole.people[0].replace(betas=None), whole.people[1]))
    with pytest.raises(UsageError, match="differ in the fields that are filled"):
        lacking.swap(1, 3, start=0.11)
    with pytest.raises(UsageError, match="no person 8"):
        whole.swap(1, 8)


def test_rename():
    whole = two_people()
    assert [one.id for one in whole.rename({3: 7})] == [7, 1]
    assert_equal(whole.rename({3: 7}).rename({7: 3}), whole)
    with pytest.raises(UsageError, match="no person 8"):
        whole.rename({8: 1})
    with pytest.raises(ShapeError, match="same id"):
        whole.rename({3: 1})


def test_concatenate_clips():
    one = motion(people=(person(),), camera=camera())
    other = motion(times=[2.0, 2.5], people=(person(id=5, frames=[1], **_rows(1)), person(frames=[0], **_rows(1))))
    other = other.replace(camera=camera())
    joined = Motion.concatenate([one, other, one])
    assert joined.num_frames == 22
    np.testing.assert_allclose(joined.times[9:13], [9 / 30, 10 / 30, 10 / 30 + 0.5, 10 / 30 + 1])
    assert joined.person(3).frames.tolist() == [0, 2, 4, 6, 10, 12, 14, 16, 18]
    assert joined.person(5).frames.tolist() == [11]
    single = motion(times=[4.0])
    np.testing.assert_allclose(Motion.concatenate([single, motion(times=[0, 0.1])]).times, [4.0, 4.1, 4.2])
    assert Motion.concatenate([motion(times=[]), one.replace(camera=None)]).num_frames == 10
    with pytest.raises(UsageError, match="nothing to concatenate"):
        Motion.concatenate([])
    with pytest.raises(UsageError, match="different sizes or bodies"):
        Motion.concatenate([one, one.replace(width=65)])


def _rows(count: int) -> dict:
    return {name: np.zeros((count, *shape[1:])) for name, shape in SHAPES.items()}


def test_cameras_of_clips_that_follow_each_other():
    still = camera(rotation=np.eye(3), translation=np.zeros(3), moving=False)
    clip = motion(camera=still)
    assert Motion.concatenate([clip, clip]).camera.rotation.shape == (3, 3)
    moving = two_people().select()
    twice = Motion.concatenate([moving, moving])
    assert twice.camera.rotation.shape == (20, 3, 3)
    np.testing.assert_array_equal(twice.camera.translation[10:], moving.camera.translation)
    aside = clip.replace(camera=still.replace(translation=np.ones(3), moving=True))
    both = Motion.concatenate([clip, aside]).camera
    assert both.translation.shape == (20, 3)
    assert both.moving is True
    for other in (None, camera(intrinsics=np.diag([60.0, 60, 1]))):
        for pair in ((clip, clip.replace(camera=other)), (clip.replace(camera=other), clip)):
            with pytest.raises(UsageError, match="the clips have different cameras"):
                Motion.concatenate(pair)
    with pytest.raises(UsageError, match="the camera's pose is known in one clip only"):
        Motion.concatenate([clip, motion(camera=camera())])
    assert Motion.concatenate([motion(), motion()]).camera is None


def test_motion_data():
    whole = motion(data={"curve": np.zeros((2, 5)), "notes": ("a", "b")})
    assert whole.data["notes"] == ["a", "b"]
    with pytest.raises(ValueError, match="read-only"):
        whole.data["curve"][0] = 1
    with pytest.raises(ShapeError, match=r"motion: data\['x'\] must be an array or JSON values"):
        motion(data={"x": {1, 2}})
    assert whole.recorded("track").data["notes"] == ["a", "b"]


def test_motions_are_shown_briefly():
    assert repr(two_people()) == (
        "Motion(clip.mp4: 10 frames, 0.33 s at 30 fps, 64x48; people 3, 1; stages: track, fit)"
    )
    assert repr(motion(times=[], width=0, height=0)) == (
        "Motion(no source: 0 frames, 0 s at 30 fps, unknown size; nobody; stages: none)"
    )
    shown = two_people().replace(source="<b>.mp4")._repr_html_()
    assert "&lt;b&gt;.mp4" in shown
    assert shown.count("<tr>") == 3
    assert "<td>keypoints" not in shown
    assert "keypoints, keypoint_confidence" in shown
