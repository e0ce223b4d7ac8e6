"""The real networks on real clips: several people followed without BlazePose, and BlazePose's largest network."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import WeightsError
from kinema.keypoints import open_source
from kinema.keypoints.onnx_sources import family_of
from kinema.models.image_network import ImageNetwork
from kinema.skeleton import BLAZEPOSE33, HALPE26, LIMBS12
from kinema.tracking import TrackingOptions, track_people
from kinema.video import open_video
from kinema.weights import locate

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def files():
    """The networks that need nothing but package indexes; fetched if they can be, else the tests are skipped."""
    found = {}
    for name in ("yolox-tiny", "rtmpose-s-halpe26", "blazepose-landmarks-heavy"):
        try:
            found[name] = locate(name).path
        except WeightsError as error:
            pytest.skip(f"a network cannot be had: {error}")
    return found


def track(data_dir, clip: str, seconds: float, **options):
    path = data_dir / "videos" / clip
    if not path.is_file():
        pytest.skip(f"there is no {path}; set KINEMA_DATA")
    with open_video(path, end=seconds) as video:
        return track_people(video, TrackingOptions(threads=2, **options))


def test_the_published_files_tell_their_families(files):
    yolox, rtmpose = (ImageNetwork(files[name]) for name in ("yolox-tiny", "rtmpose-s-halpe26"))
    assert (family_of(yolox).name, family_of(rtmpose).name) == ("yolox", "rtmpose")
    assert (yolox.width, yolox.height, rtmpose.width, rtmpose.height) == (416, 416, 192, 256)


def test_a_file_by_path_is_the_same_source(files):
    opened = open_source(str(files["rtmpose-s-halpe26"]), detector=str(files["yolox-tiny"]))
    assert opened.joint_set is HALPE26
    assert [file.path for file in opened.weights] == [files["rtmpose-s-halpe26"], files["yolox-tiny"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "seconds", "people"),
    [("exercise_three_people_static_10fps.mp4", 3, 3), ("basketball_two_people_static.mp4", 1, 2)],
)
def test_several_people_are_followed_without_blazepose(data_dir, clip, seconds, people):
    """Everybody from the first frame to the last, upright, each with an id of one's own."""
    motion = track(data_dir, clip, seconds, keypoints="rtmpose-s-halpe26", detector="yolox-tiny")
    assert len(motion.people) == people
    head, feet = HALPE26.indices(("nose",)), HALPE26.indices(("left_ankle", "right_ankle"))
    for person in motion:
        assert len(person) == motion.num_frames
        assert person.observed.mean() > 0.95
        assert person.keypoint_set == "halpe26"
        assert person.keypoints3d is None
        assert np.median(person.keypoint_confidence[:, HALPE26.indices(LIMBS12)]) > 0.5
        assert np.all(person.keypoints[:, head, 1] < person.keypoints[:, feet, 1].min(axis=1, keepdims=True))
    hips = [person.keypoints[:, HALPE26.index("mid_hip")] for person in motion]
    for first in range(people):
        for second in range(first):
            assert np.hypot(*(hips[first] - hips[second]).T).min() > 40


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_the_large_network_sees_the_same_body(data_dir):
    """The points of heavy, mirrored picture averaged in, and of full lie a few hundredths of the height apart; those of
    the mirrored picture alone are no farther."""
    clip = "taiji_single_static.mp4"
    (full,) = track(data_dir, clip, 0.5).people
    for options in ({}, {"flip": True}):
        (heavy,) = track(data_dir, clip, 0.5, keypoints="blazepose-heavy", **options).people
        assert heavy.frames.tolist() == full.frames.tolist()
        rows = BLAZEPOSE33.indices(LIMBS12)
        apart = np.linalg.norm(heavy.keypoints[:, rows] - full.keypoints[:, rows], axis=-1)
        height = np.ptp(full.keypoints[..., 1], axis=1).mean()
        assert 0.001 * height < np.median(apart) < 0.03 * height
        apart3d = np.linalg.norm(heavy.keypoints3d[:, rows] - full.keypoints3d[:, rows], axis=-1)
        assert np.median(apart3d) < 0.08  # metres
