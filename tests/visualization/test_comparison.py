"""The video of a motion before and after refinement."""

from __future__ import annotations

import av
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import refine
from kinema.synthetic import procedural_motion, studio_camera
from kinema.visualization.comparison import ComparisonOptions, shaking, write_comparison

BODY = load_body()
SIZE = (160, 120)


def pair(frames: int = 12) -> tuple[Motion, Motion]:
    motion = procedural_motion(BODY, "on-the-spot", fps=10, camera=studio_camera(*SIZE))
    person = motion.people[0].select(np.arange(frames))
    rng = np.random.default_rng(0)
    pose = person.pose + 0.05 * rng.normal(size=person.pose.shape)
    keypoints = 60 + rng.normal(size=(frames, 17, 2)) * 20
    person = person.replace(
        pose=pose, joints=BODY.joints(pose, person.betas, person.transl), keypoint_set="coco17", keypoints=keypoints,
        keypoint_confidence=np.ones((frames, 17)), keypoints3d=None,
    )  # fmt: skip
    before = motion.replace(times=motion.times[:frames], people=(person,))
    return before, refine(before, BODY, "whittaker", strength=1.0)


@pytest.mark.parametrize("kind", ["body", "3d", "2d"])
def test_two_views_side_by_side_above_the_curves(tmp_path, kind):
    before, after = pair()
    out = write_comparison(before, after, BODY, tmp_path / "out.mp4", ComparisonOptions(kind))
    with av.open(str(out)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(images) == 12
    height, width = images[0].shape[:2]
    assert width == 2 * SIZE[0]
    assert height > SIZE[1]
    left, right = images[6][: SIZE[1], : SIZE[0]].astype(int), images[6][: SIZE[1], SIZE[0] :].astype(int)
    assert left[30:].std() > 3  # something is drawn
    different = np.abs(left[30:] - right[30:]).max()
    assert different > 20 if kind != "2d" else different < 60  # the filter leaves keypoints as they are
    assert images[11][SIZE[1] :].astype(int).min() < 150  # the curves


def test_the_curve_is_the_acceleration():
    before, after = pair()
    a, b = (shaking(motion, BODY, "3d") for motion in (before, after))
    assert np.isnan(a[0])
    assert np.isnan(a[-1])
    assert np.nanmean(b) < 0.5 * np.nanmean(a)
    joints = before.people[0].joints
    step = before.times[1] - before.times[0]
    expected = np.linalg.norm(joints[2] - 2 * joints[1] + joints[0], axis=-1).mean() / step**2
    assert a[1] == pytest.approx(expected)


def test_motions_that_cannot_be_shown_are_refused(tmp_path):
    before, after = pair()
    with pytest.raises(InputError, match="before has 12 frames, after 5"):
        write_comparison(before, after.replace(times=after.times[:5], people=()), BODY, tmp_path / "x.mp4")
    empty = before.replace(people=(Person(1, np.arange(12)),))
    for kind, message in (
        ("body", "has a pose to draw"),
        ("3d", "has joints to draw"),
        ("2d", "has keypoints to draw"),
    ):
        with pytest.raises(InputError, match=message):
            write_comparison(empty, empty, BODY, tmp_path / "x.mp4", ComparisonOptions(kind))
    with pytest.raises(UsageError, match="`show` must be one of body, 3d, 2d"):
        ComparisonOptions("4d")
    with pytest.raises(UsageError, match="at least 64 pixels"):
        ComparisonOptions(max_side=10)
    assert not (tmp_path / "x.mp4").exists()


def test_the_command_writes_next_to_the_refined_file(tmp_path, capsys):
    before, after = pair()
    files = [str(save_motion(m, tmp_path / f"{n}.pkl", body=BODY)) for n, m in (("a", before), ("b", after))]
    assert main(["visualize", *files, "--show", "3d", "--quiet"]) == 0
    assert (tmp_path / "b_comparison.mp4").is_file()
    assert "b_comparison.mp4" in capsys.readouterr().out
