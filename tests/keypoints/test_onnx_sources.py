"""ONNX files as keypoint sources and detectors: recognised by what they take and give, or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError, UsageError, WeightsError
from kinema.geometry.crops import crop
from kinema.keypoints import open_source
from kinema.keypoints.onnx_sources import FAMILIES, family_of
from kinema.keypoints.registry import SOURCES, files_of, find_detector, networks_of
from kinema.keypoints.source import View
from kinema.models.image_network import ImageNetwork
from kinema.motion import Motion
from kinema.skeleton import COCO17, COCO25, HALPE26, WHOLEBODY133
from kinema.tracking import TrackingOptions, track_people
from kinema.video import Frame
from kinema.weights.catalogue import find as find_weights
from tests.helpers.coloured_people import TALL, WIDE, ColouredPeople, layout
from tests.helpers.picture_networks import (
    Graph,
    boxes_network,
    candidates_network,
    cells_network,
    classes_network,
    heatmap_network,
    people_network,
)

HEIGHT, WIDTH = 256, 192


def rtmdet(path):
    return boxes_network(path, [[1, 1, 9, 9, 0.9]], [0], focus=False)


def yolox(path):
    return boxes_network(path, [[1, 1, 9, 9, 0.9]], [0])


def megvii(path):
    return cells_network(path, np.zeros((64 + 16 + 4, 85)), side=(64, 64))


def yolov8(path):
    return candidates_network(path, np.zeros((84, 144 + 36 + 9)), side=(96, 96))


def rtmo(path, count=17):
    return people_network(path, np.array([[1.0, 2, 30, 60, 0.9]]), np.ones((1, count, 3)))


def rtmpose(path, count=17):
    return classes_network(path, count)


def vitpose(path, count=17):
    return heatmap_network(path, count)


@pytest.mark.parametrize(
    ("make", "family"),
    [
        (rtmdet, "rtmdet"),
        (yolox, "yolox"),
        (megvii, "yolox"),
        (yolov8, "yolov8"),
        (rtmo, "rtmo"),
        (rtmpose, "rtmpose"),
        (vitpose, "vitpose"),
    ],
)
def test_a_file_tells_its_family(tmp_path, make, family):
    network = ImageNetwork(make(tmp_path / "network.onnx"))
    assert family_of(network).name == family
    assert next(each.name for each in FAMILIES if each.fits(network)) == family


@pytest.mark.parametrize("joints", [COCO17, COCO25, HALPE26, WHOLEBODY133], ids=lambda joints: joints.name)
@pytest.mark.parametrize("make", [rtmpose, vitpose, rtmo])
@pytest.mark.usefixtures("networks")
def test_the_number_of_keypoints_tells_the_joint_set(tmp_path, make, joints):
    opened = open_source(str(make(tmp_path / "network.onnx", len(joints))))
    assert opened.joint_set is joints
    assert opened.joint3d_set is None
    assert opened.detector is not None
    assert {file.name for file in opened.weights} == {"network.onnx"} | (
        set() if make is rtmo else {"blazepose-detector"}
    )


@pytest.mark.parametrize("make", [rtmpose, vitpose, rtmo])
def test_an_unknown_number_of_keypoints_is_refused(tmp_path, make):
    known = r"17 \(coco17\), 25 \(coco25\), 26 \(halpe26\), 133"
    with pytest.raises(InputError, match=f"network.onnx gives 21 keypoints, of which .* it knows {known}"):
        open_source(str(make(tmp_path / "network.onnx", 21)))


def depth(path):
    graph = Graph((1, 3, 64, 64))
    graph.output("depth", graph.add("ReduceMean", ["input"], axes=[1]), (1, 1, 64, 64))
    return graph.save(path)


def number(path):
    graph = Graph((1, 3, 64, 64))
    graph.output("age", graph.nothing(), (1,))
    return graph.save(path)


def three_axes(path):
    graph = Graph((1, 3, 64, 48))
    for name, size in (("x", 96), ("y", 128), ("z", 96)):
        graph.output(name, graph.add("Add", [graph.constant(np.zeros((1, 17, size))), graph.nothing()]), (1, 17, size))
    return graph.save(path)


@pytest.mark.parametrize(
    ("make", "found"),
    [(depth, r"depth \(1, 1, 64, 64\)"), (number, r"age \(1,\)"), (three_axes, r"x \(1, 17, 96\), y .*, z ")],
)
def test_other_networks_are_refused(tmp_path, make, found):
    with pytest.raises(InputError, match=f"none of the networks that Kinema knows: .*{found}.*; Kinema runs RTMPose"):
        open_source(str(make(tmp_path / "network.onnx")))
    with pytest.raises(InputError, match="none of the networks"):
        find_detector(str(tmp_path / "network.onnx")).opened()


def test_a_detector_is_no_source_and_a_source_no_detector(tmp_path):
    with pytest.raises(InputError, match=r"finds people, not their keypoints; give it as `detector`"):
        open_source(str(yolox(tmp_path / "yolox.onnx")))
    source = rtmpose(tmp_path / "rtmpose.onnx")
    with pytest.raises(InputError, match=r"of the rtmpose family, which finds keypoints.*as `keypoints`"):
        open_source(str(source), detector=str(source))


def test_a_network_that_takes_too_much_memory_is_not_run(tmp_path):
    """Twelve gigabytes of ones: tried in a process with limits only."""
    graph = Graph((1, 3, 64, 64))
    ones = graph.add("ConstantOfShape", [graph.constant([3, 1000, 1000, 1000])])
    graph.output("out", graph.add("Add", [graph.add("ReduceSum", [ones], keepdims=0), graph.nothing()]), (1,))
    with pytest.raises(InputError, match="was not run: "):
        open_source(str(graph.save(tmp_path / "large.onnx")))


def test_a_missing_or_damaged_file_is_named(tmp_path):
    for name, match in (("none.onnx", ""), ("empty.onnx", "contains no network")):
        if name == "empty.onnx":
            (tmp_path / name).write_bytes(b"")
        with pytest.raises((InputError, WeightsError), match=f"{name}.*{match}"):
            open_source(str(tmp_path / name))
    cut = vitpose(tmp_path / "cut.onnx")
    cut.write_bytes(cut.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"cut.onnx .* truncated or damaged"):
        open_source(str(cut))


def test_names_of_networks_and_files(tmp_path):
    """What a run's key knows: entries of the catalogue by name, files by their contents."""
    assert networks_of("blazepose") == ("blazepose-detector", "blazepose-landmarks-full")
    assert networks_of("rtmpose-s-halpe26") == ("rtmpose-s-halpe26", "blazepose-detector")
    assert networks_of("rtmpose-s", "yolox-tiny") == ("rtmpose-s", "yolox-tiny")
    assert networks_of("rtmo-s") == ("rtmo-s",)
    assert files_of("blazepose", "yolox-tiny") == {}
    path = vitpose(tmp_path / "mine.onnx")
    before = files_of(str(path))
    assert list(before) == [str(path)]
    assert networks_of(str(path)) == ("blazepose-detector",)
    vitpose(path, 26)
    assert files_of(str(path)) != before
    with pytest.raises(UsageError, match="unknown person detector 'magic'; known: blazepose, yolox"):
        networks_of("rtmpose-s", "magic")


@pytest.mark.parametrize("source", [pytest.param(source, id=source.name) for source in SOURCES])
def test_every_source_needs_weights_of_the_catalogue(source):
    for name in networks_of(source.name):
        assert find_weights(name).name == name


@pytest.mark.parametrize("make", [rtmpose, vitpose])
@pytest.mark.usefixtures("networks")
def test_a_dot_is_found_at_its_place_in_the_picture(tmp_path, make):
    """Within a pixel: the crop is smaller than the region."""
    path = tmp_path / "network.onnx"
    (classes_network if make is rtmpose else heatmap_network)(path, 17, height=HEIGHT, width=WIDTH)
    estimator = open_source(str(path)).estimator
    y, x = np.mgrid[:480, :640]
    rng = np.random.default_rng(0)
    for angle in (0.0, 0.4, np.pi / 2):
        places = np.array([320.0, 240]) + rng.uniform(-60, 60, (3, 2))
        square = [((x - px) ** 2 + (y - py) ** 2) / (2 * 9.0**2) for px, py in places]
        image = (255 * np.exp(-np.stack(square, axis=-1))).astype(np.uint8)
        roi = np.array([320.0, 240, 360, angle])
        seen = estimator.observe(View(Frame(0, 0.0, image), roi, crop(image, roi, size=estimator.crop_size)))
        np.testing.assert_allclose(seen.points, places[np.arange(17) % 3], atol=1.0)
        assert seen.mask is None
        assert seen.points3d is None


class Everybody:
    """In RTMO's place: the coloured people, as many as there are in a tile."""

    def __init__(self, people: ColouredPeople) -> None:
        self.people, self.passes = people, 0

    def __call__(self, image, tile, *, threshold):
        from kinema.models.rtmo.network import People
        from tests.helpers.coloured_people import _rectangles

        self.passes += 1
        x, y = (max(int(v), 0) for v in tile[:2])
        part = image[y : int(tile[1] + tile[2]), x : int(tile[0] + tile[2])]
        boxes = np.reshape([box + [x, y, x, y] for box in _rectangles(part)], (-1, 4))
        points = boxes[:, None, :2] + layout() * (boxes[:, None, 2:] - boxes[:, None, :2])
        return People(boxes, np.full(len(boxes), 0.9), points, np.full(points.shape[:2], 0.9))


def test_one_pass_a_frame_follows_everybody():
    from kinema.keypoints.calibration import ONE_STAGE
    from kinema.keypoints.one_stage import OneStage
    from kinema.keypoints.source import KeypointSource, OpenedSource

    paths = {
        "red": lambda i: (80 + 12.0 * i, 180),
        "blue": lambda i: (560 - 12.0 * i, 190),
        "green": lambda i: (320, 60),
    }
    clip = ColouredPeople(paths, 40)
    network = Everybody(clip)
    both = OneStage(network, COCO17, ONE_STAGE)
    about = KeypointSource("toy", "coloured people", "coco17", None, open="none:none", detects=True)
    motion = track_people(
        clip, TrackingOptions(cuts=False, min_track_frames=20), source=OpenedSource(about, both, both)
    )
    assert isinstance(motion, Motion)
    whole = [person for person in motion if len(person) > 30]
    assert len(whole) == 3
    for person in whole:
        hips = person.keypoints[:, COCO17.indices(("left_hip", "right_hip"))].mean(axis=1)
        near = {
            name: np.mean(
                [np.hypot(*(hip - path(f))) < max(TALL, WIDE) / 4 for f, hip in zip(person.frames, hips, strict=True)]
            )
            for name, path in paths.items()
        }
        assert max(near.values()) > 0.9
    # One pass over each frame, and a few tiles where somebody was hidden.
    assert network.passes < 40 + 40


def test_flipping_needs_a_source_that_looks_at_one_person(tmp_path):
    with pytest.raises(UsageError, match="`flip` needs a source that looks at each person alone"):
        open_source(str(rtmo(tmp_path / "rtmo.onnx")), flip=True)
