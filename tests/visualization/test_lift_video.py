"""The lift video: 2D beside 3D, at the source's times, right and left in their colours, several people."""

from __future__ import annotations

import colorsys
import json
from fractions import Fraction

import av
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError
from kinema.formats import save_motion
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import COCO17, SMPL24
from kinema.synthetic import procedural_motion, studio_camera
from kinema.visualization.lift_video import write_lift_video
from kinema.visualization.lift_views import KeypointsView, SkeletonsView
from kinema.visualization.sides import LEFT, RIGHT, SolidSkeleton, side_color
from tests.helpers.video_clips import write_clip

BODY = load_body()
SIZE = (640, 480)


def standing(frames: int = 6, *, away: bool = False) -> Motion:
    """Somebody in front of the camera, facing it, with the body's own keypoints of COCO's set."""
    whole = procedural_motion(BODY, "on-the-spot", fps=10, camera=studio_camera(*SIZE))
    person = whole.people[0].select(np.arange(frames))
    points = BODY.posed_points("coco17", person.pose, person.betas, person.transl)
    pixels = project(points, whole.camera.intrinsics)
    person = person.replace(
        keypoint_set="coco17", keypoints=pixels, keypoint_confidence=np.ones(pixels.shape[:2]), keypoints3d=None
    )
    return whole.replace(times=whole.times[:frames], people=(person,))


def share(image: np.ndarray, color: tuple[float, float, float], points: np.ndarray) -> float:
    """Share of the points (N, 2) near which the image has a saturated colour of this hue."""
    hue = colorsys.rgb_to_hsv(*color)[0]
    hits = 0
    for x, y in np.rint(points).astype(int):
        patch = image[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4].reshape(-1, 3) / 255
        hits += any(abs(h - hue) < 0.06 and s > 0.4 for h, s, _ in (colorsys.rgb_to_hsv(*pixel) for pixel in patch))
    return hits / len(points)


def of_side(joints, side: str) -> list[int]:
    return [
        k for k, name in enumerate(joints.joints) if name.startswith(side) and "eye" not in name and "ear" not in name
    ]


def test_right_and_left_have_their_colours_in_both_halves():
    motion = standing()
    person = motion.people[0]
    flat = KeypointsView(motion, SIZE).draw(3, np.full((480, 640, 3), 246, np.uint8), [])
    view = SkeletonsView(motion, SIZE)
    solid = view.draw(3, flat, [])
    shift = view.translation - view.rotation @ view.middle[3]
    seen = project(person.joints_world[3] @ view.rotation.T + shift, view.intrinsics)
    for side, own, other in (("right", RIGHT, LEFT), ("left", LEFT, RIGHT)):
        for image, points in (
            (flat, person.keypoints[3][of_side(COCO17, side)]), (solid, seen[of_side(SMPL24, side)])
        ):  # fmt: skip
            assert share(image, own, points) > 0.9
            assert share(image, other, points) < 0.4  # where the other arm or leg is near
    assert seen.min() > 0
    assert (seen < SIZE).all()


def test_a_midline_joint_has_neither_colour():
    assert side_color(("left_hip", "left_knee")) == side_color(("pelvis", "left_hip")) == LEFT
    assert side_color(("right_wrist",)) == RIGHT
    assert side_color(("left_hip", "right_hip")) == side_color(("nose",)) not in (LEFT, RIGHT)


def test_the_solid_skeleton_stands_on_its_joints_and_pales_where_nothing_is_seen():
    skeleton = SolidSkeleton(SMPL24)
    joints = BODY.joints(np.zeros((1, 72)), np.zeros((1, 10)), np.zeros((1, 3)))[0]
    vertices = skeleton.vertices(joints)
    nearest = np.linalg.norm(vertices[:, None] - joints, axis=-1).min(axis=0)
    np.testing.assert_allclose(nearest, nearest[0], atol=0.02)  # a ball about each joint; rods end in it
    shown = np.array([not name.endswith("hand") for name in SMPL24.joints])
    pale = np.abs(skeleton.colors(shown) - skeleton.colors(None)).max(axis=1) > 0
    hands = np.linalg.norm(vertices[:, None] - joints[SMPL24.indices(("left_hand", "right_hand"))], axis=-1).min(axis=1)
    assert pale[hands < 0.034].all()
    assert not pale[hands > 0.2].any()
    # Outward faces: the divergence theorem gives a positive volume.
    corners = vertices[skeleton.faces]
    assert np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


def frames_of(path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def test_the_times_of_a_variable_rate_are_kept_with_and_without_the_video(tmp_path):
    ticks = (0, 1, 2, 5, 6, 9)
    motion = standing(len(ticks))
    motion = motion.replace(times=np.array(ticks) / 10)
    video = write_clip(tmp_path / "clip.mp4", ticks, width=640, height=480, time_base=Fraction(1, 10), rate=10)
    save_motion(motion, tmp_path / "walk.pkl")
    plain, over = tmp_path / "plain.mp4", tmp_path / "over.mp4"
    assert main(["render", str(tmp_path / "walk.pkl"), "--out", str(plain), "--quiet"]) == 0
    assert main(["render", str(tmp_path / "walk.pkl"), "--video", str(video), "--out", str(over), "--quiet"]) == 0
    for out in (plain, over):
        times, images = frames_of(out)
        np.testing.assert_allclose(times, motion.times, atol=1e-3)
        assert images[0].shape == (480, 1280, 3)
    paper, picture = frames_of(plain)[1][2][:, :640], frames_of(over)[1][2][:, :640]
    assert np.abs(paper.astype(int) - 246)[:40, :40].max() < 6
    assert np.abs(paper.astype(int) - picture).mean() > 5


def test_several_people_are_numbered_and_all_in_view():
    motion = standing()
    one = motion.people[0]
    move = np.array([1.5, 0.0, -2.0])
    two = one.replace(id=2, joints_world=one.joints_world + move, keypoints=one.keypoints + [150, 0])
    motion = motion.replace(people=(one, two))
    view = SkeletonsView(motion, SIZE)
    shift = view.translation - view.rotation @ view.middle[0]
    for person in motion:
        seen = project(person.joints_world[0] @ view.rotation.T + shift, view.intrinsics)
        assert seen.min() > 0
        assert (seen < SIZE).all()
    image = view.draw(0, np.zeros((480, 640, 3), np.uint8), [])
    only = SkeletonsView(motion.replace(people=(one,)), SIZE).draw(0, image, [])
    assert np.abs(image.astype(int) - only).mean() > 1


def test_the_camera_follows_somebody_who_walks_far():
    motion = standing(30)
    person = motion.people[0]
    far = person.joints_world + np.linspace(0, 40, 30)[:, None, None] * [1.0, 0.0, 0.0]
    view = SkeletonsView(motion.replace(people=(person.replace(joints_world=far),)), SIZE)
    still = SkeletonsView(motion, SIZE)
    assert np.ptp(view.middle[:, 0]) > 20
    assert view.translation[2] < 3 * still.translation[2]


def test_without_a_world_people_stand_upright_on_the_floor():
    motion = standing()
    person = motion.people[0].replace(joints_world=None, pose_world=None, transl_world=None)
    view = SkeletonsView(motion.replace(people=(person,)), SIZE)
    joints = view.joints[0]
    assert abs(joints[..., 1].min()) < 0.05
    assert (joints[:, SMPL24.index("head"), 1] > joints[:, SMPL24.index("pelvis"), 1]).all()


def test_a_run_knows_its_video_and_its_seconds(tmp_path):
    video = write_clip(tmp_path / "clip.mp4", range(20), width=640, height=480, time_base=Fraction(1, 10), rate=10)
    motion = standing(6)
    save_motion(motion.replace(times=motion.times + 0.5), tmp_path / "smpl_output.pkl")
    record = {
        "input": {"path": str(video)},
        "arguments": {
            "video": {"fps": None, "slow_motion": None, "rotate": 0},
            "time_range": {"start": 0.5, "end": 1.1},
        },
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert main(["render", str(tmp_path), "--quiet"]) == 0
    times, images = frames_of(tmp_path / "smpl_output_lift.mp4")
    assert len(times) == 6
    assert np.abs(images[0][:40, :40].astype(int) - 246).max() > 20


class TestRefused:
    def said(self, capsys, *arguments) -> str:
        assert main(["render", *map(str, arguments), "--quiet"]) in (2, 3)
        printed = capsys.readouterr().err
        assert printed.startswith("kinema: ")
        assert printed.count("\n") == 1
        return printed

    def test_another_video(self, tmp_path, capsys):
        video = write_clip(tmp_path / "tall.mp4", range(4), width=120, height=320)
        save_motion(standing(), tmp_path / "walk.pkl")
        printed = self.said(capsys, tmp_path / "walk.pkl", "--video", video)
        assert "120x320 pixels, the motion was made of 640x480" in printed
        assert not (tmp_path / "walk_lift.mp4").exists()

    def test_a_damaged_record(self, tmp_path, capsys):
        save_motion(standing(), tmp_path / "smpl_output.pkl")
        (tmp_path / "run.json").write_text(json.dumps({"input": 3}))
        assert "does not say which video the run read" in self.said(capsys, tmp_path)

    def test_a_panel_that_is_too_small(self, tmp_path, capsys):
        save_motion(standing(), tmp_path / "walk.pkl")
        assert "--height must be at least 64 pixels" in self.said(capsys, tmp_path / "walk.pkl", "--height", 5)

    def test_nothing_to_draw(self, tmp_path):
        empty = Motion(np.arange(3) / 10, 640, 480, people=(Person(1, np.arange(3)),))
        with pytest.raises(InputError, match="neither 2D keypoints nor joints"):
            write_lift_video(empty, tmp_path / "out.mp4")
        flat = standing().people[0].replace(joints=None, joints_world=None)
        with pytest.raises(InputError, match="nobody in the motion has 3D joints"):
            write_lift_video(standing().replace(people=(flat,)), tmp_path / "out.mp4")

    def test_a_video_that_is_too_short_is_said(self, tmp_path):
        from kinema.video import open_video

        video = write_clip(tmp_path / "clip.mp4", range(3), width=640, height=480)
        with open_video(video) as reader:
            _, warnings = write_lift_video(standing(), tmp_path / "out.mp4", video=reader)
        assert "the video has 3 frames, the motion 6" in warnings[0]
