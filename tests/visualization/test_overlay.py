"""The overlay video: times, audio and background preserved, people with any kind of data drawn, no exceptions."""

from __future__ import annotations

import errno

import av
import cv2
import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import silent
from kinema.synthetic import procedural_motion, studio_camera
from kinema.video import VideoWriter, open_video
from kinema.video.options import VideoOptions
from kinema.visualization import OverlayOptions, write_overlay
from kinema.visualization.drawing import draw_label, draw_skeleton, track_colors
from kinema.visualization.framing import looking_from
from kinema.visualization.ground import checkered_ground
from kinema.visualization.vantage import steady_vantage
from kinema.visualization.views import CameraView
from kinema.visualization.world_view import WorldView

BODY = load_body()
SIZE = (192, 108)


def motion_of(frames=8, size=SIZE, **changes) -> Motion:
    motion = procedural_motion(BODY, "on-the-spot", fps=10, camera=studio_camera(*size))
    people = tuple(person.select(np.arange(frames)) for person in motion)
    return motion.replace(times=motion.times[:frames], people=people, **changes)


def source_video(path, times, size=SIZE, *, audio=False):
    """A gray video with these times, with a tone if `audio`."""
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(90, 110, (size[1] // 4, size[0] // 4, 1)), 3, axis=2).astype(np.uint8)
    image = image.repeat(4, axis=0).repeat(4, axis=1)
    image = np.pad(image, [(0, size[1] - image.shape[0]), (0, size[0] - image.shape[1]), (0, 0)], mode="edge")
    with VideoWriter(path, *size, crf=10) as writer:
        for time in times:
            writer.write(image, float(time))
    if audio:
        add_tone(path, seconds=2.0)
    return open_video(path)


def add_tone(path, seconds: float) -> None:
    """Add a tone to a video file."""
    silent_path = path.rename(path.with_name("silent.mp4"))
    with av.open(str(silent_path)) as source, av.open(str(path), "w") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        tone = container.add_stream("aac", rate=44100)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                container.mux(packet)
        wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(44100 * seconds)) / 44100)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.tile(wave, (2, 1)), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        container.mux(tone.encode(frame))
        container.mux(tone.encode(None))
    silent_path.unlink()


def images(path):
    return [frame.image for frame in open_video(path)]


def test_times_audio_and_background_are_preserved(tmp_path):
    motion = motion_of(8)
    times = np.array([0, 0.1, 0.15, 0.3, 0.42, 0.5, 0.6, 0.77])  # uneven on purpose
    video = source_video(tmp_path / "clip.mp4", times, audio=True)
    motion = motion.replace(times=times)
    calls = []
    out = tmp_path / "overlay.mp4"
    options = OverlayOptions(labels=False, crf=10)
    report = write_overlay(motion, BODY, video, out, options, progress=lambda done, total: calls.append((done, total)))
    assert (report.path, report.frames, report.warnings) == (out, 8, ())
    assert calls == [(i, 8) for i in range(1, 9)]
    written = list(open_video(out))
    np.testing.assert_allclose([frame.time for frame in written], times, atol=1e-4)
    with av.open(str(out)) as container:
        assert len(container.streams.audio) == 1
    person = motion.people[0]
    for before, after in zip(video, written, strict=True):
        vertices = BODY.vertices(person.pose, person.betas, person.transl)[before.index]
        pixels = project(vertices, motion.camera.intrinsics)
        (left, top), (right, bottom) = pixels.min(axis=0).astype(int) - 17, pixels.max(axis=0).astype(int) + 18
        outside = np.ones(before.image.shape[:2], dtype=bool)
        outside[max(top, 0) : bottom, max(left, 0) : right] = False
        change = np.abs(after.image.astype(int) - before.image)
        # Outside the body's box (and the codec's blocks around it) only the re-encoding changes pixels.
        assert change[outside].mean() < 2
        u, v = project(person.joints[before.index, 0], motion.camera.intrinsics).round().astype(int)
        assert change[v - 1 : v + 2, u - 1 : u + 2].max() > 40


def test_the_overlay_of_slow_motion_plays_as_the_source_does(tmp_path):
    """The motion's times are those of life, the overlay's and its sound's are those of the file."""
    times = np.arange(8) / 10
    source_video(tmp_path / "clip.mp4", times, audio=True)
    video = open_video(tmp_path / "clip.mp4", options=VideoOptions(slow_motion=4), start=0.3)
    np.testing.assert_allclose([frame.time for frame in video], times[3:] / 4, atol=1e-4)
    out = tmp_path / "overlay.mp4"
    motion = motion_of(5).replace(times=times[3:] / 4)
    report = write_overlay(motion, BODY, video, out, OverlayOptions(labels=False))
    assert report.warnings == ()
    np.testing.assert_allclose([frame.time for frame in open_video(out)], times[3:] - 0.3, atol=1e-4)
    with av.open(str(out)) as container:
        (sound,) = container.streams.audio
        seconds = [frame.time for frame in container.decode(sound)]
    assert seconds[0] < 0.05
    assert 0.4 < seconds[-1] < 0.55


def test_frames_without_people_are_unchanged():
    motion = motion_of(4).replace(people=())
    view = CameraView(motion, BODY, SIZE)
    image = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3)).astype(np.uint8)
    np.testing.assert_array_equal(view.draw(0, image.copy(), view.prepare(0)), image)
    alone = motion_of(4)
    gone = alone.replace(people=(alone.people[0].select(np.array([1, 2])),))
    view = CameraView(gone, BODY, SIZE)
    np.testing.assert_array_equal(view.draw(0, image.copy(), view.prepare(0)), image)
    assert (view.draw(1, image.copy(), view.prepare(1)) != image).any()
    np.testing.assert_array_equal(view.draw(3, image.copy(), view.prepare(3)), image)
    # A frame beyond the motion (the reader found more) is copied unchanged, too.
    np.testing.assert_array_equal(view.draw(9, image.copy(), view.prepare(9)), image)


def shifted(person: Person, by, id: int) -> Person:
    return person.replace(id=id, transl=person.transl + by, joints=person.joints + by, boxes=None)


def test_people_outside_behind_and_across_the_camera_do_no_harm():
    motion = motion_of(2)
    one = motion.people[0]
    places = [(0, 0, 0), (-1.9, 0, -1), (0, 0, -9), (0, 0, -4.1), (50, 0, 0), (0.3, 0.2, -3.7)]
    people = tuple(shifted(one, np.array(by, dtype=float), i + 1) for i, by in enumerate(places))
    motion = motion.replace(people=people)
    view = CameraView(motion, BODY, SIZE, keypoints=True)
    image = np.full((*SIZE[::-1], 3), 120, np.uint8)
    out = view.draw(0, image.copy(), view.prepare(0))
    assert out.dtype == np.uint8
    assert (out != image).any()
    behind = motion.replace(people=(shifted(one, np.array([0, 0, -9.0]), 1),))
    view = CameraView(behind, BODY, SIZE)
    np.testing.assert_array_equal(view.draw(0, image.copy(), view.prepare(0)), image)


def test_nearer_people_occlude_farther_ones():
    motion = motion_of(1, size=(640, 360))
    one = motion.people[0]
    far, near = shifted(one, np.array([0, 0, 1.0]), 1), shifted(one, np.array([0.1, 0, 0]), 2)
    colors = track_colors([1, 2])
    image = np.full((360, 640, 3), 128, np.uint8)
    for people in ((far, near), (near, far)):
        view = CameraView(motion.replace(people=people), BODY, (640, 360), opacity=1.0, labels=False)
        out = view.draw(0, image.copy(), view.prepare(0))
        u, v = project(near.joints[0, 6], motion.camera.intrinsics).round().astype(int)  # spine2
        seen = out[v, u] / 255.0
        ratio = seen / np.linalg.norm(seen)
        wanted, other = (np.array(colors[i]) / np.linalg.norm(colors[i]) for i in (2, 1))
        assert ratio @ wanted > ratio @ other


def test_people_without_a_pose_are_shown_by_keypoints_or_box():
    points = np.full((2, 33, 2), 50.0)
    points[:, :, 0] += np.arange(33) * 3
    points[0, 5] = np.nan
    confidence = np.full((2, 33), 0.9)
    confidence[0, 5] = 0
    sketched = Person(
        id=1, frames=np.arange(2), keypoint_set="blazepose33", keypoints=points, keypoint_confidence=confidence
    )
    boxed = Person(id=2, frames=np.arange(2), boxes=np.array([[10.0, 10, 40, 90], [np.nan] * 4]))
    motion = Motion(times=np.array([0.0, 0.1]), width=SIZE[0], height=SIZE[1], people=(sketched, boxed))
    image = np.full((*SIZE[::-1], 3), 100, np.uint8)
    view = CameraView(motion, BODY, SIZE)
    for frame in (0, 1):
        assert (view.draw(frame, image.copy(), view.prepare(frame)) != image).any()
    # Poses without a camera cannot be projected into the image either.
    posed = motion_of(2).replace(camera=None)
    view = CameraView(posed, BODY, SIZE, labels=False)
    assert view.prepare(0) == []
    assert (view.draw(0, image.copy(), []) != image).any()


@pytest.mark.parametrize(("view", "beside"), [("side", False), ("world", False), ("side", True), ("follow", True)])
def test_world_views(tmp_path, view, beside):
    motion = motion_of(3)
    video = source_video(tmp_path / "clip.mp4", motion.times)
    options = OverlayOptions(view=view, beside=beside)
    report = write_overlay(motion, BODY, video, tmp_path / "world.mp4", options)
    assert report.warnings == ()
    written = images(report.path)
    assert len(written) == 3
    assert written[0].shape == (SIZE[1], SIZE[0] * (2 if beside else 1), 3)
    right = written[0][:, -SIZE[0] :]
    colored = np.ptp(right.astype(int), axis=2) > 60
    assert 0.005 < colored.mean() < 0.4


def test_world_view_frames_everyone_and_colours_contacts():
    motion = procedural_motion(BODY, "rounds", fps=5, camera=studio_camera(*SIZE))
    view = WorldView(motion, BODY, (320, 180), steady_vantage(motion, (320, 180), 1.57, 0.1))
    (rotation,), (centre,) = view.looks.rotation, view.looks.centre
    pixels = project((motion.people[0].joints_world - centre) @ rotation.T, view.looks.intrinsics)
    assert pixels.min() > 0
    assert np.all(pixels.max(axis=(0, 1)) < [319, 179])
    assert np.ptp(pixels[..., 0]) > 100
    paint = view._vertex_colors(view.prepare(0)[0])
    left_toes = BODY.weights[:, 10] > 0.9
    chest = BODY.weights[:, 9] > 0.9
    assert np.linalg.norm(paint[left_toes] - paint[chest].mean(axis=0), axis=1).min() > 0.3


@pytest.mark.parametrize(("view", "beside"), [("side", False), ("world", True)])
def test_without_a_world_the_cameras_view_is_shown(tmp_path, view, beside):
    motion = motion_of(2)
    motion = motion.replace(people=(motion.people[0].replace(pose_world=None),))
    video = source_video(tmp_path / "clip.mp4", motion.times)
    report = write_overlay(motion, BODY, video, tmp_path / "a.mp4", OverlayOptions(view=view, beside=beside))
    (note,) = report.warnings
    assert f"the {view} view needs people in the world" in note
    plain = write_overlay(motion, BODY, video, tmp_path / "b.mp4")
    assert report.frames == plain.frames == 2
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_other_sizes_scale_everything(tmp_path):
    motion = motion_of(2, size=(384, 216))
    video = source_video(tmp_path / "half.mp4", motion.times, size=(192, 108))
    report = write_overlay(motion, BODY, video, tmp_path / "a.mp4", OverlayOptions(labels=False))
    colored = [np.ptp(image.astype(int), axis=2) > 40 for image in images(report.path)]
    v, u = np.nonzero(colored[0])
    person = motion.people[0]
    vertices = BODY.vertices(person.pose, person.betas, person.transl)[0]
    pixels = project(vertices, motion.camera.intrinsics) / 2
    np.testing.assert_allclose([v.min(), v.max()], [pixels[:, 1].min(), pixels[:, 1].max()], atol=4)
    np.testing.assert_allclose([u.min(), u.max()], [pixels[:, 0].min(), pixels[:, 0].max()], atol=4)
    report = write_overlay(motion, BODY, video, tmp_path / "b.mp4", OverlayOptions(max_side=96))
    assert images(report.path)[0].shape == (54, 96, 3)


@pytest.mark.parametrize("size", [(17, 33), (16, 16), (601, 97)])
def test_odd_and_tiny_sizes(tmp_path, size):
    motion = motion_of(2, size=size)
    video = source_video(tmp_path / "odd.mp4", motion.times, size=size)
    report = write_overlay(motion, BODY, video, tmp_path / "o.mp4", OverlayOptions(view="world", beside=True))
    assert report.frames == 2
    assert report.warnings == ()


class BrokenBody:
    """A body with everything that a view uses, whose posing fails."""

    def __init__(self, error: BaseException) -> None:
        self.faces, self.weights, self.error = BODY.faces, BODY.weights, error

    def vertices(self, *args):
        raise self.error


def test_failures_become_warnings(tmp_path):
    motion = motion_of(3)
    video = source_video(tmp_path / "clip.mp4", motion.times)
    out = tmp_path / "o.mp4"
    report = write_overlay(motion, BrokenBody(ValueError("bad skin")), video, out)
    assert report.path is None
    assert "bad skin" in report.warnings[0]
    full = OSError(errno.ENOSPC, "No space left on device")
    report = write_overlay(motion, BrokenBody(full), video, out)
    assert "disk is full" in report.warnings[0]
    (tmp_path / "file").write_text("in the way")
    report = write_overlay(motion, BODY, video, tmp_path / "file" / "o.mp4")
    assert report.path is None
    assert report.warnings
    assert write_overlay(motion, BODY, video, tmp_path / "o.avi").path is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "file"]


@pytest.mark.parametrize("where", ["body", "progress"])
def test_interruption_propagates_and_leaves_nothing_behind(tmp_path, where):
    motion = motion_of(3)
    video = source_video(tmp_path / "clip.mp4", motion.times)

    def stop(done, total):
        raise KeyboardInterrupt

    body, progress = (BrokenBody(KeyboardInterrupt()), silent) if where == "body" else (BODY, stop)
    with pytest.raises(KeyboardInterrupt):
        write_overlay(motion, body, video, tmp_path / "o.mp4", progress=progress)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_colors_are_distinct_and_follow_the_ids():
    colors = track_colors([9, 2, 5])
    assert colors == {id: track_colors([2, 5, 9])[id] for id in (9, 2, 5)}
    many = np.array(list(track_colors(range(14)).values()))
    apart = np.linalg.norm(many[:, None] - many[None], axis=-1) + np.eye(14)
    assert apart.min() > 0.1
    assert len(track_colors(range(40))) == 40


def test_drawing_outside_the_image_does_no_harm():
    image = np.zeros((40, 60, 3), np.uint8)
    draw_label(image, "12", np.array([-500.0, 1e9]), (1, 0, 0))
    assert image.any()
    from kinema.skeleton import COCO17

    points = np.full((17, 2), 1e7)
    points[3] = np.nan
    draw_skeleton(image, points, None, COCO17, (0, 1, 0))


def test_ground_is_checkered_in_metres():
    camera = camera_from_fov(320, 240, 50)
    rotation = looking_from(0.0, 0.5)
    translation = np.array([0.0, 0.0, 4.0])
    image = checkered_ground(320, 240, camera.intrinsics, rotation, translation, square=0.5)
    points = np.array([[0.25, 0, 0.25], [0.75, 0, 0.25], [0.25, 0, 0.75], [0.75, 0, 0.75]])
    pixels = project(points @ rotation.T + translation, camera.intrinsics).round().astype(int)
    light = image[pixels[:, 1], pixels[:, 0], 0].astype(int)
    assert light[0] == light[3]
    assert light[1] == light[2]
    assert light[0] > light[1] + 10


@pytest.mark.parametrize(
    "bad", [{"view": "top"}, {"beside": True}, {"opacity": 0}, {"opacity": 1.5}, {"max_side": 4}, {"crf": 60}]
)
def test_invalid_options_are_refused(bad):
    with pytest.raises(UsageError, match=f"`{next(iter(bad))}`"):
        OverlayOptions(**bad)


def test_drawing_on_planes_looks_as_drawing_on_the_image(tmp_path):
    """Bodies, keypoints, boxes and labels: within the blur of colours that halved chroma means."""
    motion = motion_of(4)
    video = source_video(tmp_path / "clip.mp4", motion.times)
    assert video.planar is not None
    for shown in (motion, motion.replace(people=tuple(person.replace(pose=None) for person in motion))):
        view = CameraView(shown, BODY, (video.width, video.height))
        for frame, stored in zip(video, video.planes(), strict=True):
            bodies = view.prepare(frame.index)
            image = view.draw(frame.index, frame.image.copy(), bodies)
            planes = view.draw_planes(frame.index, stored.planes, bodies)
            with planes.part(slice(0, video.height), slice(0, video.width)) as found:
                assert np.any(np.abs(image.astype(int) - frame.image) > 40)
                # Luma is whole, so grey levels agree but for rounding; thin lines lose colour.
                grey = [
                    cv2.cvtColor(np.ascontiguousarray(one), cv2.COLOR_RGB2GRAY).astype(int) for one in (found, image)
                ]
                change = np.abs(grey[0] - grey[1])
            assert change.mean() < 1
            assert np.percentile(change, 99) <= 2
