"""Motion, StageRecord: what cannot exist, and what changing them does."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import ShapeError, UsageError
from kinema.motion import Motion
from kinema.provenance import StageRecord
from tests.helpers.values import SHAPES, F, camera, motion, person


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


@pytest.mark.parametrize("cuts", [[0], [10], [3, 3], [5, 2], [-1], [2.5], [[1]], ["a"]])
def test_cuts_lie_inside_the_clip_and_increase(cuts):
    with pytest.raises(ShapeError, match="cuts"):
        motion(cuts=cuts)


@given(st.sets(st.integers(1, 9)), st.integers(0, 9), st.integers(1, 10))
def test_cuts_are_carried_along(cuts, first, length):
    whole = motion(people=(person(),), cuts=np.array(sorted(cuts), dtype=int))
    assert [frame for shot in whole.shots for frame in range(shot.start, shot.stop)] == list(range(10))
    assert [shot.start for shot in whole.shots[1:]] == sorted(cuts)
    last = min(first + length, 10)
    part = whole.slice(whole.times[first], whole.times[last] if last < 10 else None)
    assert part.cuts.tolist() == [cut - first for cut in sorted(cuts) if first < cut < last]
    joined = Motion.concatenate([whole, part])
    assert joined.cuts.tolist() == [*whole.cuts, *(part.cuts + 10)]
    assert whole.merge(whole.replace(people=(), cuts=[4])).cuts.tolist() == sorted({*cuts, 4})


def test_a_person_is_in_parts_at_cuts_and_in_pieces_at_gaps_too():
    one = person()  # in every second frame
    whole = motion(people=(one,), cuts=[5])
    assert [part.frames.tolist() for part in whole.parts(one)] == [[0, 2, 4], [6]]
    assert whole.pieces(one, 1.0) == [slice(0, 3), slice(3, 4)]
    assert whole.pieces(one, 0.01) == [slice(row, row + 1) for row in range(4)]
    assert motion(people=(one,)).parts(one) == (one,)
    assert motion(people=(one,), cuts=[9]).parts(one) == (one,)


def test_the_rate_and_the_length_of_a_clip_with_a_pause():
    times = np.arange(60) / 30 + np.where(np.arange(60) >= 30, 60.0, 0.0)
    paused = motion(times=times)
    assert paused.fps == pytest.approx(30.0)
    assert paused.seconds == pytest.approx(62.0)
    assert "62.00 s at 30 fps" in repr(paused)
    assert motion(times=[]).seconds == 0.0
