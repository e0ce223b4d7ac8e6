"""People as coloured dots, one for each joint of COCO, and what stands in for the published networks to see them.

The doubles take the place of the torch modules only: letterbox, crops, normalisation, mirroring and decoding are real.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from kinema.models.alphapose.pose import MEANS
from kinema.models.alphapose.torch_run import FastPoseRun
from kinema.models.hrnet.pose import SIZES
from kinema.models.hrnet.torch_run import HRNetPose
from kinema.models.imagenet import MEAN, STD
from kinema.models.yolov3.torch_run import OVERLAP, YoloDetector
from kinema.skeleton import COCO17
from kinema.video import Frame, VideoReader
from tests.helpers.coloured_people import layout

GREY = 128
TALL, WIDE = 300, 160

_COLOURS = {
    "nose": (255, 255, 255), "eye": (255, 0, 0), "ear": (0, 255, 0), "shoulder": (0, 0, 255), "elbow": (255, 255, 0),
    "wrist": (255, 0, 255), "hip": (0, 255, 255), "knee": (255, 128, 0), "ankle": (0, 128, 255),
}  # fmt: skip


def _part(joint: str) -> str:
    return joint.rpartition("_")[2]


def places(x: float, y: float, tall: float = TALL, wide: float = WIDE) -> np.ndarray:
    """(17, 2): the joints of a person around a point. The left side is at larger x: the person faces the camera."""
    return np.array([x, y]) + (layout() - 0.5) * [wide, tall]


def draw(image: np.ndarray, points: np.ndarray) -> None:
    """A dot at each joint; the middle of a pixel has whole coordinates."""
    for joint, (x, y) in zip(COCO17.joints, points, strict=True):
        cv2.circle(image, (round(16 * x), round(16 * y)), 4 * 16, _COLOURS[_part(joint)], -1, cv2.LINE_AA, 4)


class DottedPeople(VideoReader):
    """A clip of people who walk to the right: `starts` are their places in the first frame."""

    def __init__(self, starts: list[tuple[float, float]], frames: int, size: tuple[int, int] = (640, 480)) -> None:
        super().__init__("dotted", *size, 30.0, frames)
        self.starts, self.frames = starts, frames

    def joints(self, person: int, frame: int) -> np.ndarray:
        x, y = self.starts[person]
        return places(x + 2.0 * frame, y)

    def __iter__(self):
        for index in range(self.frames):
            image = np.full((self.height, self.width, 3), GREY, dtype=np.uint8)
            for person in range(len(self.starts)):
                draw(image, self.joints(person, index))
            yield Frame(index, index / 30, image)


class DotNetwork(nn.Module):
    """Heatmaps of the dots in pictures that were normalised with a mean and deviation; maps: number of channels.

    Left and right of a pair have one colour: the left one is at larger x, in mirror images, too.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray, maps: int) -> None:
        super().__init__()
        self._mean, self._std, self._maps = mean, std, maps

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.from_numpy(np.array([self._of(each) for each in pictures.numpy()]))

    def _of(self, picture: np.ndarray) -> np.ndarray:
        colours = (picture.transpose(1, 2, 0) * self._std + self._mean).astype(np.float32)
        heatmaps = np.zeros((self._maps, picture.shape[1] // 4, picture.shape[2] // 4), np.float32)
        columns = np.arange(picture.shape[2])
        parts = {part: _nearness(colours, colour) for part, colour in _COLOURS.items()}
        for number, joint in enumerate(COCO17.joints):
            near = parts[_part(joint)]
            if near.any() and "_" in joint:
                middle = (near.sum(axis=0) * columns).sum() / near.sum()
                near = near * ((columns > middle) if joint.startswith("left") else (columns < middle))
            heatmap = cv2.GaussianBlur(near, (0, 0), 3.0)[::4, ::4]
            if heatmap.max() > 0.05:
                heatmaps[number] = heatmap * (0.9 / heatmap.max())
        return heatmaps


def _nearness(colours: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(H, W) float32: 1 where a picture has the colour, 0 where it has another one."""
    apart = ((colours - np.array(colour, np.float32) / 255) ** 2).sum(axis=2)
    return np.where(apart < 0.05, np.exp(-apart / 0.05), 0).astype(np.float32)


class BoxesOfDots(nn.Module):
    """YOLOv3's boxes around people of dots, each picture's people apart by at least a grey column."""

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.from_numpy(np.array([self._of(each) for each in pictures.numpy()]))

    def _of(self, picture: np.ndarray) -> np.ndarray:
        coloured = (np.abs(picture - GREY / 255) > 0.15).any(axis=0)
        blob = cv2.dilate(coloured.astype(np.uint8), np.ones((121, 51), np.uint8))
        _, labels = cv2.connectedComponents(blob)
        rows = np.zeros((4, 85), np.float32)
        for number in range(1, min(labels.max(), 4) + 1):
            y, x = np.nonzero(coloured & (labels == number))
            low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()]) + 1
            rows[number - 1, :6] = [*(low + high) / 2, *(high - low), 0.95, 0.9]
        return rows


def hrnet(network: str = "hrnet-w32") -> HRNetPose:
    double = HRNetPose.__new__(HRNetPose)
    double.width, double.height = SIZES[network]
    double._net = DotNetwork(MEAN, STD, 17)
    return double


def fastpose() -> FastPoseRun:
    double = FastPoseRun.__new__(FastPoseRun)
    double._net = DotNetwork(MEANS, np.ones(3, np.float32), 33)
    return double


def yolov3(size: int = 416) -> YoloDetector:
    double = YoloDetector.__new__(YoloDetector)
    double.name, double.size, double.overlap = "YOLOv3", size, OVERLAP
    double._net = BoxesOfDots()
    return double
