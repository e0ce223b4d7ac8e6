"""The doubled overlay: new frames in the middle of the video's, and nothing that crosses a cut, a pause or a gap."""

from __future__ import annotations

import itertools
import sys

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.video import Frame, open_video
from kinema.visualization import OverlayOptions, write_overlay
from kinema.visualization.doubled_motion import breaks, doubled
from kinema.visualization.doubled_video import DoubledVideo, interpolator, interpolator_identity
from tests.visualization.test_overlay import motion_of, source_video

BODY = load_body()
UNEVEN = np.array([0, 0.1, 0.15, 0.3, 0.42, 0.5, 0.6, 0.77])


def turning(times, frames=None, *, cuts=(), **fields) -> Motion:
    """Somebody whose every joint turns evenly about its own axis, by up to 0.4 rad a frame, and who walks evenly."""
    frames = np.arange(len(times)) if frames is None else np.asarray(frames)
    axes = np.random.default_rng(0).normal(size=(24, 3))
    axes *= 0.4 / np.linalg.norm(axes, axis=1).max()
    pose = (frames[:, None, None] * axes).reshape(len(frames), 72)
    transl = frames[:, None] * np.array([0.1, 0.0, 0.02]) + [0, 0, 4]
    person = Person(id=1, frames=frames, pose=pose, betas=np.zeros((len(frames), 10)), transl=transl, **fields)
    return Motion(np.asarray(times, float), 64, 48, people=(person,), cuts=np.asarray(cuts, dtype=int))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 0.09), min_size=1, max_size=30), st.data())
def test_new_frames_lie_in_the_middle_in_time_rotation_and_place(steps, data):
    times = np.r_[0.0, np.cumsum(steps)]
    frames = np.array(sorted(data.draw(st.sets(st.integers(0, len(steps)), min_size=1))))
    twice = doubled(turning(times, frames))
    assert twice.num_frames == 2 * len(times) - 1
    np.testing.assert_array_equal(twice.times[::2], times)
    np.testing.assert_allclose(twice.times[1::2], (times[:-1] + times[1:]) / 2)
    (person,) = twice.people
    both = [2 * a + 1 for a, b in itertools.pairwise(frames) if b == a + 1]
    assert person.frames.tolist() == sorted([*(2 * frames).tolist(), *both])  # nobody in the gaps
    truth = turning(np.arange(2 * len(times)), np.arange(2 * len(times))).people[0]
    found, half = np.array(person.pose), truth.pose[person.frames] / 2
    turned = Rotation.from_rotvec(found.reshape(-1, 3)).inv() * Rotation.from_rotvec(half.reshape(-1, 3))
    assert turned.magnitude().max() < 1e-6  # the shortest arc, also where axis-angle wraps
    np.testing.assert_allclose(person.transl, truth.transl[person.frames] / 2 + [0, 0, 2], atol=1e-12)


def test_what_is_known_of_both_frames_is_known_of_the_new_one():
    contacts = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0]], dtype=bool)
    boxes = np.array([[0, 0, 10, 10], [2, 2, 14, 14], [np.nan] * 4])
    twice = doubled(turning([0, 0.1, 0.2], contacts=contacts, boxes=boxes)).people[0]
    np.testing.assert_array_equal(twice.contacts[::2], contacts)
    np.testing.assert_array_equal(twice.contacts[1::2], [[1, 0, 0, 0], [1, 0, 1, 0]])
    np.testing.assert_array_equal(twice.boxes[1::2], [[1, 1, 12, 12], [np.nan] * 4])


def test_cuts_and_pauses_hold_the_frame_before():
    """At the cut, frame 3, and in the pause of a second after frame 4; also a person who is not seen after the cut."""
    times = np.array([0, 0.1, 0.2, 0.3, 0.4, 1.4, 1.5])
    motion = turning(times, cuts=[3])
    leaver = motion.people[0].select(np.arange(3)).replace(id=2)
    motion = motion.replace(people=(*motion.people, leaver))
    np.testing.assert_array_equal(breaks(motion), [False, False, True, False, True, False])
    twice = doubled(motion)
    assert twice.cuts.tolist() == [6]
    person, gone = twice.people
    np.testing.assert_allclose(person.pose[[5, 9]], person.pose[[4, 8]], atol=1e-9)
    np.testing.assert_array_equal(person.transl[[5, 9]], person.transl[[4, 8]])
    assert person.transl[7, 0] == pytest.approx((person.transl[6, 0] + person.transl[8, 0]) / 2)
    assert gone.frames.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_moving_camera_goes_on_between_frames():
    angles = np.array([0.0, 0.2, 0.6])
    rotation = Rotation.from_euler("y", angles).as_matrix()
    camera = Camera(64, 48, np.diag([60.0, 60, 1]), rotation=rotation, translation=np.arange(9.0).reshape(3, 3))
    twice = doubled(turning([0, 0.1, 0.2], cuts=[2]).replace(camera=camera)).camera
    found = Rotation.from_matrix(twice.rotation).as_euler("yxz")[:, 0]
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.2, 0.6], atol=1e-9)
    np.testing.assert_allclose(twice.translation[:, 0], [0, 1.5, 3, 3, 6])


def average(first, second):
    return ((first.astype(int) + second) // 2).astype(np.uint8)


class Levels:
    """Frames of one grey level each. Whoever gets a frame may paint over it, and this one does."""

    width, height = 8, 6

    def __init__(self, times, levels):
        self.times, self.levels = times, levels

    def __iter__(self):
        for index, (time, level) in enumerate(zip(self.times, self.levels, strict=True)):
            yield Frame(index, float(time), np.full((6, 8, 3), level, np.uint8))


@pytest.mark.parametrize("between", [average, None])
def test_frames_of_the_doubled_video(between):
    """A new frame is made of both neighbours as they were, never of two sides of a cut; else it repeats."""
    times, levels = UNEVEN[:4], [10, 30, 200, 220]
    seen = []
    for frame in DoubledVideo(Levels(times, levels), np.array([False, True, False]), between):
        seen.append((frame.index, frame.time, int(frame.image[0, 0, 0])))
        frame.image[:] = 255
    assert [index for index, _, _ in seen] == list(range(7))
    np.testing.assert_allclose([time for _, time, _ in seen], [0, 0.05, 0.1, 0.125, 0.15, 0.225, 0.3])
    expected = [10, 20, 30, 30, 200, 210, 220] if between else [10, 10, 30, 30, 200, 200, 220]
    assert [level for _, _, level in seen] == expected


def test_the_doubled_overlay_keeps_times_and_sound(tmp_path, monkeypatch):
    """Without a checkpoint: one note; the body of a new frame lies between its neighbours'."""
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    video = source_video(tmp_path / "clip.mp4", UNEVEN, audio=True)
    motion = motion_of(8).replace(times=UNEVEN)
    calls = []
    report = write_overlay(
        motion, BODY, video, tmp_path / "overlay.mp4", OverlayOptions(fps_factor=2, labels=False),
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert calls[-1] == (15, 15) == (report.frames, report.frames)
    (note,) = report.warnings
    assert "the video's own frames are shown twice" in note
    times = np.array([frame.time for frame in open_video(report.path)])
    np.testing.assert_allclose(times[::2], UNEVEN, atol=1e-4)
    np.testing.assert_allclose(times[1::2], (UNEVEN[:-1] + UNEVEN[1:]) / 2, atol=1e-4)
    with av.open(str(report.path)) as container:
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize("factor", [1, 2])
def test_progress_counts_the_drawn_frames_where_the_motion_covers_fewer(factor, tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    video = source_video(tmp_path / "clip.mp4", UNEVEN)
    motion = motion_of(3).replace(times=UNEVEN[:3])
    calls = []
    report = write_overlay(
        motion, BODY, video, tmp_path / "overlay.mp4", OverlayOptions(fps_factor=factor),
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert report.frames == 8 * factor - factor + 1
    assert calls == [(i, report.frames) for i in range(1, report.frames + 1)]


def test_a_view_of_the_world_alone_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    motion = motion_of(3)
    video = source_video(tmp_path / "clip.mp4", motion.times)
    report = write_overlay(motion, BODY, video, tmp_path / "w.mp4", OverlayOptions(view="side", fps_factor=2))
    assert (report.frames, report.warnings) == (5, ())


def test_one_sentence_without_torch_or_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "flownet.pkl"
    with pytest.raises(InputError, match=r"flownet.pkl is not a file; give RIFE's checkpoint"):
        interpolator_identity(file)
    file.write_bytes(b"no weights")
    assert len(interpolator_identity(file)) == 64
    assert interpolator_identity(None) == ""
    monkeypatch.setitem(sys.modules, "torch", None)
    between, note = interpolator(None)
    assert between is None
    assert note.endswith("as RIFE needs torch, which is not installed; run `pip install 'kinema[torch]'`")
    with pytest.raises(InputError, match="this needs torch, which is not installed"):
        interpolator(file)


@pytest.mark.torch
def test_a_checkpoint_that_is_missing_or_broken(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    between, note = interpolator(None)
    assert between is None
    assert "`kinema weights add rife FILE`" in note
    file = tmp_path / "flownet.pkl"
    torch.save({"module.encode.cnn0.weight": torch.ones(32, 3, 3, 3)}, file)
    with pytest.raises(InputError, match=r"flownet.pkl is not a RIFE 4.18 checkpoint: 'block0"):
        interpolator(file)


def test_settings():
    with pytest.raises(UsageError, match="`fps_factor` must be 1 or 2"):
        OverlayOptions(fps_factor=3)
    with pytest.raises(UsageError, match="`rife` is used only to interpolate"):
        OverlayOptions(rife="flownet.pkl")
