"""Keypoint sources and person detectors of ONNX files: the family is recognised from a file's inputs and outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import InputError
from kinema.keypoints.calibration import HEATMAPS, ONE_STAGE, SIMCC
from kinema.keypoints.detectors import BoxDetector, BoxNetwork, DetectorRow
from kinema.keypoints.one_stage import OneStage
from kinema.keypoints.source import KeypointSource, OpenedSource, PersonDetector
from kinema.keypoints.top_down import Calibration, CropNetwork, TopDown
from kinema.models.image_network import IMAGE_OPERATORS, ImageNetwork
from kinema.models.onnx_check import check_graph, probe
from kinema.models.rtmdet.network import RTMDet
from kinema.models.rtmo.network import RTMO, gives_people
from kinema.models.rtmpose.network import RTMPose, gives_classes
from kinema.models.vitpose.network import ViTPose, gives_heatmaps
from kinema.models.yolov8.network import YOLOv8, gives_candidates
from kinema.models.yolox.network import FOCUS, YOLOX, gives_boxes, gives_cells
from kinema.skeleton import COCO17, COCO25, HALPE26, WHOLEBODY133, JointSet
from kinema.weights import locate
from kinema.weights.cache import hashed
from kinema.weights.hub import WeightsFile

JOINTS_BY_COUNT = {len(joints): joints for joints in (COCO17, COCO25, HALPE26, WHOLEBODY133)}
"""The sets of published networks by their number of keypoints."""

DEADLINE = 90.0
"""Seconds for a child to start, load a network and run it once."""

NEEDED = (
    "Kinema runs RTMPose (two outputs of classes), ViTPose (one of heatmaps), RTMO (boxes and keypoints), and as"
    " `detector` YOLOX and RTMDet (boxes and labels, or YOLOX's cells) and YOLOv8 (boxes that are not suppressed)"
)


@dataclass(frozen=True)
class Family:
    """Networks that are run alike. fits: whether a file is one of them; is_detector: whether it gives boxes only."""

    name: str
    fits: Callable[[ImageNetwork], bool]
    is_detector: bool = False


FAMILIES = (
    Family("rtmo", gives_people),
    Family("rtmpose", gives_classes),
    Family("vitpose", gives_heatmaps),
    Family("yolox", lambda network: gives_cells(network) or (gives_boxes(network) and network.filters == FOCUS), True),
    Family("rtmdet", gives_boxes, True),
    Family("yolov8", gives_candidates, True),
)
"""Every family, the more special one first."""


def family_of(network: ImageNetwork) -> Family:
    """The family of a file. Raises InputError for another kind of network, saying what was found and what is needed."""
    for family in FAMILIES:
        if family.fits(network):
            return family
    raise InputError(f"{network.path} is none of the networks that Kinema knows: {network.found}; {NEEDED}")


def joints_of(network: ImageNetwork, count: int) -> JointSet:
    """The joint set of a file. Raises InputError for a number of keypoints that no known set has."""
    if count not in JOINTS_BY_COUNT:
        known = ", ".join(f"{number} ({joints.name})" for number, joints in sorted(JOINTS_BY_COUNT.items()))
        raise InputError(f"{network.path} gives {count} keypoints, of which Kinema knows no names; it knows {known}")
    return JOINTS_BY_COUNT[count]


def file_of(path: str) -> WeightsFile:
    """A user's network file with its hash. Raises InputError if there is none, WeightsError if it cannot be read."""
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}; check the path, or give the name of a source or a detector")
    return WeightsFile(Path(path).name, Path(path), hashed(Path(path)))


def source_of_file(path: str) -> KeypointSource:
    """A row for a user's file; its joint set is known when it is opened."""
    place = f"{__name__}:open_source_file"
    return KeypointSource(path, "a network from a file", joint_set=COCO17.name, joint3d_set=None, open=place)


def detector_of_file(path: str) -> DetectorRow:
    """A row for a user's file."""
    return DetectorRow(path, "a network from a file", f"{__name__}:open_detector_file", ())


def open_source_file(source: KeypointSource, *, threads: int) -> OpenedSource:
    """The source of a row whose name is that of a file. Raises InputError if the file is unsuitable."""
    file = file_of(source.name)
    _try(file)
    return _opened(source, file, threads)


def open_source(source: KeypointSource, *, threads: int) -> OpenedSource:
    """The source of a row with one network of the catalogue. Raises WeightsError, InputError."""
    return _opened(source, locate(source.weights[0]), threads)


def _opened(source: KeypointSource, file: WeightsFile, threads: int) -> OpenedSource:
    network = ImageNetwork(file.path, threads=threads)
    family = family_of(network)
    if family.is_detector:
        raise InputError(f"{file.path} finds people, not their keypoints; give it as `detector`")
    if family.name == "rtmo":
        everybody = RTMO(network)
        joints = joints_of(network, everybody.count)
        both = OneStage(everybody, joints, ONE_STAGE)
        about = dataclasses.replace(source, joint_set=joints.name, detects=True)
        return OpenedSource(about, both, both, (file,))
    one: CropNetwork
    calibration: Calibration
    if family.name == "rtmpose":
        one, calibration = (classes := RTMPose(network)), SIMCC
        joints = joints_of(network, classes.count)
    else:
        one, calibration = (heatmaps := ViTPose(network)), HEATMAPS
        joints = joints_of(network, heatmaps.count)
    about = dataclasses.replace(source, joint_set=joints.name)
    return OpenedSource(about, TopDown(one, joints, calibration), None, (file,))


def open_detector_file(row: DetectorRow, *, threads: int) -> tuple[PersonDetector, WeightsFile]:
    """The detector of a row whose name is that of a file. Raises InputError if the file is unsuitable."""
    file = file_of(row.name)
    _try(file)
    return _detector(file, threads)


def _try(file: WeightsFile) -> None:
    """Try an untrusted network in a separate process first. Raises InputError if it needs too much, or crashes."""
    check_graph(file.path.read_bytes(), file.path, IMAGE_OPERATORS)
    probe(file.path, "image", deadline=DEADLINE)


def open_detector(row: DetectorRow, *, threads: int) -> tuple[PersonDetector, WeightsFile]:
    """The detector of a row with one network of the catalogue. Raises WeightsError, InputError."""
    return _detector(locate(row.weights[0]), threads)


def _detector(file: WeightsFile, threads: int) -> tuple[PersonDetector, WeightsFile]:
    network = ImageNetwork(file.path, threads=threads)
    family = family_of(network)
    if not family.is_detector:
        raise InputError(
            f"{file.path} is a network of the {family.name} family, which finds keypoints, not boxes of people; give it"
            " as `keypoints`"
        )
    makers: dict[str, Callable[[ImageNetwork], BoxNetwork]] = {"yolox": YOLOX, "rtmdet": RTMDet, "yolov8": YOLOv8}
    return BoxDetector(makers[family.name](network)), file
