"""HRNet, FastPose and YOLOv3 as keypoint sources and detectors: geometry with doubles of known answers, bad input."""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from kinema.errors import InputError, UsageError, WeightsError
from kinema.formats import load_motion
from kinema.geometry.crops import crop
from kinema.keypoints import SOURCES, open_source, torch_sources
from kinema.keypoints.calibration import HEATMAPS
from kinema.keypoints.detectors import DETECTORS, BoxDetector
from kinema.keypoints.registry import find_detector
from kinema.keypoints.source import OpenedSource, View
from kinema.keypoints.top_down import TopDown
from kinema.keypoints.torch_sources import AsPublished
from kinema.models.alphapose.torch_run import poses_in as alphapose_poses
from kinema.models.alphapose.weights import ALPHAPOSE
from kinema.models.hrnet.torch_run import poses_in as hrnet_poses
from kinema.models.yolov3.architecture import TITLES
from kinema.skeleton import COCO17
from kinema.tracking import track_people
from kinema.video import Frame
from kinema.weights import cache, consent
from tests.helpers.dotted_people import GREY, TALL, DottedPeople, draw, fastpose, hrnet, places, yolov3
from tests.helpers.fakes import write_images
from tests.helpers.nlf_program import write_double

pytestmark = pytest.mark.torch

NETWORKS = {"hrnet-w32": hrnet, "hrnet-w48": lambda: hrnet("hrnet-w48"), "alphapose": fastpose}
TORCH_SOURCES = [row.name for row in SOURCES.built_in if row.extra == "torch"]


def picture(points: np.ndarray, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    image = np.full((size[1], size[0], 3), GREY, np.uint8)
    draw(image, points)
    return image


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_joints_are_found_where_they_are(name, angle):
    """In the region of a person, turned or not, to half a cell of the heatmaps."""
    truth = places(330, 240)
    network = NETWORKS[name]()
    estimator = TopDown(network, COCO17, HEATMAPS)
    image, roi = picture(truth), np.array([330.0, 240.0, 1.25 * TALL, angle])
    if angle:  # the person leans as the region does
        c, s = np.cos(angle), np.sin(angle)
        truth = (truth - roi[:2]) @ np.array([[c, s], [-s, c]]) + roi[:2]
        image = picture(truth)
    seen = estimator.observe(View(Frame(0, 0.0, image), roi, crop(image, roi, size=estimator.crop_size)))
    cell = 4 * roi[2] / estimator.crop_size
    assert np.abs(seen.points - truth).max() < 0.5 * cell
    assert seen.confidence.min() > 0.5
    assert seen.score > 0.9


def test_the_published_crop_is_right_for_pictures_of_4_to_3_only():
    """Parity: people in a picture of 4 : 3 are shown rightly, in a wider one their feet are cut off."""
    estimator = AsPublished(hrnet())
    for size, whole in (((640, 480), True), ((1128, 480), False)):
        truth = places(330, 240, tall=340)
        image, roi = picture(truth, size), np.array([330.0, 240.0, 1.25 * 340, 0.0])
        seen = estimator.observe(View(Frame(0, 0.0, image), roi, crop(image, roi, size=estimator.crop_size)))
        ankles = COCO17.indices(("left_ankle", "right_ankle"))
        assert bool(np.abs(seen.points - truth)[ankles].max() < 5) is whole
        assert bool(seen.confidence[ankles].min() > 0.3) is whole


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1280, 720)])
def test_the_detector_sees_people_where_they_are(size, square):
    """Within two pixels of the network's input; in the whole picture, and in tiles that reach beyond it."""
    truth = places(size[0] / 2 - 40, size[1] / 2 + 10)
    detector, image = yolov3(), picture(truth, size)
    for tile in ((0, (size[1] - max(size)) / 2, max(size)), (size[0] / 2 - 220, size[1] / 2 - 200, 400)):
        boxes, scores = detector(image, np.array(tile, dtype=float), threshold=0.5)
        expected = np.concatenate([truth.min(axis=0) - 4, truth.max(axis=0) + 4])
        assert scores.tolist() == pytest.approx([0.95])
        np.testing.assert_allclose(boxes, [expected], atol=2 * max(size) / 416)
    assert detector.boxes(image, square=square)[1].size == ((416, 416) if square else detector.boxes(image)[1].size)
    nowhere, none = detector(image, np.array([size[0] + 10.0, 0.0, 100.0]), threshold=0.5)
    assert nowhere.shape == (0, 4)
    assert len(none) == 0


@pytest.mark.parametrize("name", ["hrnet-w32", "alphapose"])
@pytest.mark.slow
def test_people_are_followed(name):
    """The whole way from pictures to tracks, with YOLOv3 and each pose network."""
    clip = DottedPeople([(140, 240), (430, 250)], frames=12)
    estimator = TopDown(NETWORKS[name](), COCO17, HEATMAPS)
    source = OpenedSource(SOURCES.find(name), estimator, BoxDetector(yolov3()))
    motion = track_people(clip, source=source)
    assert len(motion.people) == 2
    for person in motion:
        number = int(np.argmin([abs(x - person.keypoints[0, :, 0].mean()) for x, _ in clip.starts]))
        assert len(person) == clip.frames
        truth = np.array([clip.joints(number, int(frame)) for frame in person.frames])
        assert np.abs(person.keypoints - truth).max() < 5.0
        assert person.keypoint_confidence.mean() > 0.7


def test_alphapose_whole():
    """Boxes, crops, mirror images, decoding, suppression: two people, each once, in pixels of the picture."""
    truth = np.array([places(160, 240), places(440, 230, tall=250)])
    found = alphapose_poses(_both(truth), yolov3(608), fastpose())
    assert len(found) == 2
    order = np.argsort(found.keypoints[:, 0, 0])
    # A quarter of a cell, the published offsets of 0.2 cells and 0.3 pixels, half a pixel of its crop.
    cell = 4 * 1.3 * TALL / 320
    assert np.abs(found.keypoints[order] - truth).max() < 0.6 * cell + 1.0
    assert found.proposal.min() > 2.0


@pytest.mark.parametrize("parity", [False, True])
def test_video_to_pose3d_whole(parity):
    """Boxes, crops, decoding; in a picture of 4 : 3 the published crop is the right one. Half a cell."""
    truth = np.array([places(160, 240), places(440, 230, tall=250)])
    points, confidence = hrnet_poses(_both(truth), yolov3(), hrnet("hrnet-w48"), parity=parity)
    assert points.shape == truth.shape
    order = np.argsort(points[:, 0, 0])
    assert np.abs(points[order] - truth).max() < 0.5 * 4 * 1.25 * TALL / 384 + 1.0
    assert confidence.min() > 0.5
    nobody, none = hrnet_poses(np.full((480, 640, 3), GREY, np.uint8), yolov3(), hrnet(), parity=parity)
    assert nobody.shape == (0, 17, 2)
    assert none.shape == (0, 17)


def _both(people: np.ndarray) -> np.ndarray:
    image = picture(people[0])
    draw(image, people[1])
    return image


@pytest.mark.parametrize("name", TORCH_SOURCES)
def test_without_torch_the_extra_is_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=rf"source {name} needs torch, .*; run `pip install 'kinema\[torch\]'`$"):
        open_source(name)


@pytest.mark.parametrize("name", TITLES)
def test_without_torch_the_detector_names_the_extra(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=rf"detector {name} needs torch, .*; run `pip install 'kinema\[torch\]'`$"):
        DETECTORS.find(name).opened()


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache without files, in which AlphaPose's licence is agreed to."""
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path))
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    consent.agree(ALPHAPOSE)
    cache.weights_dir().mkdir(parents=True, exist_ok=True)
    return cache.weights_dir()


@pytest.mark.parametrize("name", TORCH_SOURCES)
def test_missing_weights(empty_cache, name):
    with pytest.raises(WeightsError, match=rf"^{name} \(.*\.pth\) .*: download .*: `kinema weights add {name} FILE`$"):
        open_source(name)


@pytest.mark.parametrize("name", TITLES)
def test_a_detector_without_weights(empty_cache, name):
    with pytest.raises(
        WeightsError,
        match=rf"^{name} is not .* fetch https.*{name}\.weights .* `kinema weights add {name} FILE\.weights`$",
    ):
        DETECTORS.find(name).opened()


def test_wrong_checkpoints(empty_cache):
    from kinema.models.hrnet.network import PoseNetwork

    torch.save(PoseNetwork(32).state_dict(), empty_cache / "pose_hrnet_w48_384x288.pth")
    with pytest.raises(WeightsError, match=r"is HRNet-W32, not HRNet-W48; choose the keypoints hrnet-w32$"):
        open_source("hrnet-w48")
    torch.save({"state_dict": {"conv1.weight": torch.ones(64, 3, 3, 3)}}, empty_cache / "pose_hrnet_w32_256x192.pth")
    with pytest.raises(InputError, match=r"is not a published HRNet-W32 checkpoint: 'bn1\.bias' is missing"):
        open_source("hrnet-w32")
    torch.save({"conv1.weight": torch.ones(64, 3, 3, 3)}, empty_cache / "duc_se.pth")
    with pytest.raises(InputError, match=r"is not a FastPose checkpoint: "):
        open_source("alphapose")
    (empty_cache / "duc_se.pth").write_bytes(b"PK\x03\x04 and no more")
    (empty_cache / "duc_se.pth.json").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"duc_se\.pth"):
        open_source("alphapose")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hrnet-w32", "alphapose"])
def test_a_run_from_video_to_file(empty_cache, tmp_path, monkeypatch, capsys, name):
    """The command with doubles of both networks: keypoints within half a cell of where the video shows them."""
    from kinema.__main__ import main

    for file in ("pose_hrnet_w32_256x192.pth", "duc_se.pth", "yolov3.weights"):
        (empty_cache / file).write_bytes(b"in the double's place")
    monkeypatch.setattr(torch_sources, "HRNetPose", lambda path, network, threads: hrnet(network))
    monkeypatch.setattr(torch_sources, "FastPoseRun", lambda path, threads: fastpose())
    monkeypatch.setattr(torch_sources, "YoloDetector", lambda path, network, threads: yolov3())
    clip = DottedPeople([(250, 240)], frames=10)
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "clip.mp4", (frame.image for frame in clip))
    code = main(["run", "clip.mp4", "--keypoints", name, "--detector", "yolov3", "--no-overlay", "--threads", "1"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "1 person in 10 frames" in printed.out
    (record,) = (tmp_path / "outputs").glob("*/run.json")
    assert {name, "yolov3"} <= set(json.loads(record.read_text())["weights"])
    (person,) = load_motion(record.with_name("smpl_output.pkl"))
    assert person.keypoint_set == "coco17"
    truth = np.array([clip.joints(0, int(frame)) for frame in person.frames])
    assert np.median(np.abs(person.keypoints - truth)) < 3.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_with_the_detector_of_the_nlf_program(empty_cache, tmp_path, monkeypatch, capsys):
    """The command with a scripted double of the program, which finds two people of dots, and its file's sha256 kept."""
    from kinema.__main__ import main
    from kinema.models.nlf import program_detector

    (empty_cache / "pose_hrnet_w32_256x192.pth").write_bytes(b"in the double's place")
    monkeypatch.setattr(torch_sources, "HRNetPose", lambda path, network, threads: hrnet(network))
    monkeypatch.setattr(program_detector, "DEVICE", "cpu")
    clip = DottedPeople([(140, 240), (430, 250)], frames=10)
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "clip.mp4", (frame.image for frame in clip))
    write_double(tmp_path / "nlf.torchscript")
    settings = ["--keypoints", "hrnet-w32", "--detector", "nlf.torchscript", "--detector-nms-iou-threshold", "0.8"]
    code = main(["run", "clip.mp4", *settings, "--detector-flip-aug", "--no-overlay", "--threads", "1"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "2 people in 10 frames" in printed.out
    (record,) = (tmp_path / "outputs").glob("*/run.json")
    used = json.loads(record.read_text())["weights"]["nlf.torchscript"]
    assert used == hashlib.sha256((tmp_path / "nlf.torchscript").read_bytes()).hexdigest()
    for person in load_motion(record.with_name("smpl_output.pkl")):
        number = int(np.argmin([abs(x - person.keypoints[0, :, 0].mean()) for x, _ in clip.starts]))
        truth = np.array([clip.joints(number, int(frame)) for frame in person.frames])
        assert np.median(np.abs(person.keypoints - truth)) < 3.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_detector_of_the_nlf_program_without_a_gpu(tmp_path):
    path = write_double(tmp_path / "nlf.torchscript")
    with pytest.raises(
        UsageError, match=r"half precision and needs a GPU, .*; choose a `detector` that runs on the CPU"
    ):
        find_detector(str(path)).opened()


def test_cut_off_weights(empty_cache):
    (empty_cache / "yolov3.weights").write_bytes(np.array([0, 2, 0, 7, 0], "<i4").tobytes() + bytes(4000))
    with pytest.raises(WeightsError, match=r"is not the weights of YOLOv3: it has 4000 bytes .* it is cut off"):
        DETECTORS.find("yolov3").opened()


def test_parity_is_refused_where_there_is_nothing_to_choose():
    with pytest.raises(UsageError, match=r"`parity` changes nothing .* blazepose; .* one of hrnet-w32, hrnet-w48$"):
        open_source("blazepose", parity=True)
    with pytest.raises(UsageError, match=r"leave out `flip`$"):
        open_source("hrnet-w32", parity=True, flip=True)
