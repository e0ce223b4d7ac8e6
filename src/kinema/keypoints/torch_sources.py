"""Published torch networks: HRNet and AlphaPose's FastPose as keypoint sources, YOLOv3 and NLF's program as person
detectors."""

from __future__ import annotations

import numpy as np

from kinema.body import load_body
from kinema.keypoints.calibration import HEATMAPS
from kinema.keypoints.detectors import BoxDetector, DetectorRow
from kinema.keypoints.onnx_sources import file_of
from kinema.keypoints.source import REGION_PER_HEIGHT, KeypointSource, Observation, OpenedSource, PersonDetector, View
from kinema.keypoints.top_down import CropNetwork, TopDown
from kinema.models.alphapose.torch_run import FastPoseRun
from kinema.models.hrnet.torch_run import HRNetPose
from kinema.models.nlf.program_detector import ProgramDetector
from kinema.models.torch_inference import require_torch
from kinema.models.yolov3.torch_run import YoloDetector
from kinema.skeleton import COCO17
from kinema.weights import locate
from kinema.weights.hub import WeightsFile


class AsPublished(TopDown):
    """HRNet on crops as video-to-pose3D makes them, with their two defects (`kinema.models.hrnet.pose`)."""

    def __init__(self, network: HRNetPose) -> None:
        super().__init__(network, COCO17, HEATMAPS)
        self._published = network

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        x, y, side, _ = (float(value) for value in view.roi)
        half = side / REGION_PER_HEIGHT / 2
        # The width is left to the crop, which takes it from the height unless the box is wider.
        box = np.array([x, y - half, x, y + half])
        return self.seen(view, *self._published.in_box(view.frame.image, box, parity=True))


def _opened(source: KeypointSource, network: CropNetwork, file: WeightsFile) -> OpenedSource:
    return OpenedSource(source, TopDown(network, COCO17, HEATMAPS), None, (file,))


def open_hrnet(source: KeypointSource, *, threads: int) -> OpenedSource:
    """The HRNet of a row.

    Raises WeightsError, InputError for a missing or wrong checkpoint, ModuleNotFoundError without torch.
    """
    file, network = _hrnet(source, threads)
    return _opened(source, network, file)


def open_hrnet_as_published(source: KeypointSource, *, threads: int) -> OpenedSource:
    """The same with the defects of the published program. Raises what `open_hrnet` raises."""
    file, network = _hrnet(source, threads)
    return OpenedSource(source, AsPublished(network), None, (file,))


def _hrnet(source: KeypointSource, threads: int) -> tuple[WeightsFile, HRNetPose]:
    require_torch()
    file = locate(source.weights[0])
    return file, HRNetPose(file.path, source.name, threads=threads)


def open_alphapose(source: KeypointSource, *, threads: int) -> OpenedSource:
    """FastPose. Raises what `open_hrnet` raises."""
    require_torch()
    file = locate(source.weights[0])
    return _opened(source, FastPoseRun(file.path, threads=threads), file)


def open_yolov3(row: DetectorRow, *, threads: int) -> tuple[PersonDetector, WeightsFile]:
    """The YOLOv3 of a row. Raises what `open_hrnet` raises."""
    require_torch()
    file = locate(row.weights[0])
    return BoxDetector(YoloDetector(file.path, row.name, threads=threads)), file


def open_nlf(row: DetectorRow, *, threads: int) -> tuple[PersonDetector, WeightsFile]:
    """The detector in the NLF program of a row, which is executed. Raises WeightsError, and what `ProgramDetector.load`
    raises."""
    require_torch()
    return _nlf_detector(locate(row.weights[0]))


def open_nlf_file(row: DetectorRow, *, threads: int) -> tuple[PersonDetector, WeightsFile]:
    """The same of a row whose name is that of a file."""
    require_torch()
    return _nlf_detector(file_of(row.name))


def _nlf_detector(file: WeightsFile) -> tuple[PersonDetector, WeightsFile]:
    return BoxDetector(ProgramDetector.load(file.path, load_body().J_template)), file
