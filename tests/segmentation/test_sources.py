"""Masks of tracked people: who gets which pixels, which instance is whose, and the command on a real clip."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.pipeline.segmenting import SegmentJob, contact_sheet, segment_video
from kinema.segmentation import sources
from kinema.segmentation.files import read_masks
from kinema.segmentation.options import MaskOptions
from kinema.segmentation.sources import KeypointMasks, linked
from kinema.skeleton import joint_set
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import track_video
from kinema.video import Frame, open_video
from kinema.video.frames import TimeRange
from tests.helpers.fakes import write_clip
from tests.helpers.goldens import outside

SIZE = 64


class Circle:
    """In place of the network: a person is a circle in the middle of the region, as wide as half of it."""

    crop_size = SIZE

    def __init__(self, sure: dict[int, float]) -> None:
        self.sure = sure

    def observe(self, view, *, mask: bool = False):
        y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
        level = self.sure.get(round(float(view.roi[0])), 4.0)
        logits = np.where(np.hypot(x, y) < SIZE / 4, level, -4.0).astype(np.float32)
        return type("Seen", (), {"mask": logits})()


@pytest.fixture
def two_people(monkeypatch):
    """Two people 20 pixels apart, the second of whom the network is surer, and only in the second frame."""
    joints = joint_set("blazepose33")
    rng = np.random.default_rng(3)
    shape = rng.uniform(-20, 20, (33, 2))
    estimator = Circle({})
    estimator.thresholds = type("Thresholds", (), {"visible": 0.3})()
    opened = type("Opened", (), {"estimator": estimator, "joint_set": joints})()
    monkeypatch.setattr(sources, "open_source", lambda *_, **__: opened)

    def person(id: int, x: float, frames: list[int]) -> Person:
        points = np.repeat((shape + [x, 60])[None], len(frames), axis=0)
        hips = joints.indices(("left_hip", "right_hip"))
        points[:, hips] = [[x - 2, 60], [x + 2, 60]]
        confidence = np.ones((len(frames), 33))
        return Person(
            id, np.array(frames), keypoints=points, keypoint_confidence=confidence, keypoint_set="blazepose33"
        )

    people = (person(4, 60.0, [0, 1]), person(9, 80.0, [1]))
    return estimator, Motion(np.array([0.0, 0.1]), 160, 120, people=people)


def test_a_pixel_belongs_to_the_surer_person(two_people):
    estimator, motion = two_people
    source = KeypointMasks(motion)
    image = np.zeros((120, 160, 3), np.uint8)
    first = source(Frame(0, 0.0, image))
    assert first.shape == (2, 120, 160)
    assert first[0, 60, 60]
    assert not first[1].any()
    estimator.sure[80] = 9.0
    both = source(Frame(1, 0.1, image))
    assert not both.all(axis=0).any()
    assert both[1, 60, 80]
    assert both[0, 60, 50]
    # Where both circles reach, the second one's is larger.
    assert both[1, 60, 70]


def test_instances_are_given_to_the_tracks_that_they_overlap_most():
    tracks = np.array([[0, 0, 10, 20], [8, 0, 18, 20], [50, 50, 60, 70]], float)
    instances = np.array([[9, 0, 19, 20], [1, 0, 11, 20], [100, 100, 120, 120]], np.float32)
    assert linked(tracks, instances) == [(0, 1), (1, 0)]
    assert linked(tracks, np.zeros((0, 4))) == []


def test_rows_of_frames():
    person = Person(1, np.array([2, 3, 7]))
    assert [row_of(person, frame) for frame in (1, 2, 3, 5, 7, 8)] == [None, 0, 1, None, 2, None]


def test_a_contact_sheet_has_room_for_every_picture():
    sheet = contact_sheet([np.full((20, 30, 3), value, np.uint8) for value in range(1, 6)])
    assert sheet.shape == (40, 120, 3)
    assert np.unique(sheet).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--out", "masks.txt"], 2, "has no suffix of a mask file"),
        (["--masks", "maskrcnn"], 3, "kinema weights add maskrcnn"),
        (["--mask-checkpoint", "w.pth"], 2, "have no checkpoint; leave out --mask-checkpoint"),
        (["--masks", "deeplabv3", "--mask-checkpoint", "none.pth"], 3, "none.pth does not exist"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, code, sentence):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4")
    assert main(["segment", str(clip), "--quiet", *arguments]) == code
    assert sentence in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.real
@pytest.mark.slow
def test_the_masks_cover_the_people_of_a_real_clip(tmp_path):
    """Two players, told apart: nine tenths of the sure joints of trunk and thighs lie in the mask of their own person,
    none of the other's; at most a twentieth of the picture is anybody's; and the file holds the same masks."""
    clip = outside("KINEMA_DATA", "../shared/data") / "videos" / "basketball_two_people_static.mp4"
    if not clip.exists():
        pytest.skip("the clip of two players is not there")
    job = SegmentJob(tracking=TrackingOptions(threads=1), time_range=TimeRange(0.0, 0.5))
    masks = segment_video(clip, job, sheet=tmp_path / "sheet.jpg")
    assert cv2.imread(str(tmp_path / "sheet.jpg")) is not None
    with open_video(clip, start=0.0, end=0.5) as reader:
        motion = track_video(None, options=TrackingOptions(threads=1), video=reader)
    joints = joint_set("blazepose33").indices(("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
    assert masks.ids == tuple(person.id for person in motion)
    inside, sure, wrong = 0, 0, 0
    for index in range(len(masks)):
        frame = masks.frame(index)
        assert frame.any(axis=0).mean() < 0.05
        for place, person in enumerate(motion):
            row = row_of(person, index)
            points = np.round(person.keypoints[row][joints]).astype(int)
            for x, y in points[person.keypoint_confidence[row][joints] > 0.7]:
                hit = frame[:, y, x]
                sure, inside = sure + 1, inside + bool(hit[place])
                wrong += bool(hit.any() and not hit[place])
    assert sure > 50
    assert inside / sure > 0.9
    assert wrong == 0


@pytest.mark.real
@pytest.mark.slow
def test_the_command_writes_masks_and_a_sheet(tmp_path, monkeypatch, capsys):
    clip = outside("KINEMA_DATA", "../shared/data") / "videos" / "basketball_two_people_static.mp4"
    if not clip.exists():
        pytest.skip("the clip of two players is not there")
    monkeypatch.chdir(tmp_path)
    assert main(["segment", str(clip), "--time-range", "0-0.5", "--threads", "1", "--max-persons", "1"]) == 0
    masks = read_masks(f"{clip.stem}_masks.pkl")
    assert masks.ids == (1,)
    assert masks.seen().all()
    assert f"person 1: {len(masks)} frames" in capsys.readouterr().out


def test_settings_of_masks():
    assert MaskOptions().source == "blazepose"
    with pytest.raises(Exception, match="unknown source of masks 'x'"):
        MaskOptions(source="x")
