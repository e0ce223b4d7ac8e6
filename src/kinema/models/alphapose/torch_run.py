"""FastPose on crops, and AlphaPose on whole images: boxes, then poses, one for each person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.alphapose.pose import (
    HEIGHT,
    JOINTS,
    MEANS,
    STRIDE,
    WIDTH,
    cut,
    decode,
    mirrored_back,
    to_image,
    widened,
)
from kinema.models.alphapose.pose_nms import Poses, suppress_poses
from kinema.models.torch_inference import read_network, run
from kinema.models.yolov3.detections import people_of_alphapose, unletterboxed

if TYPE_CHECKING:
    from kinema.models.yolov3.torch_run import YoloDetector


class FastPoseRun:
    """FastPose with the weights of a checkpoint such as `duc_se.pth`.

    width, height: pixels of its crops; count: of its keypoints. threads: of torch, for the whole process. Raises what
    `FastPose.from_tensors` and `read_network` raise, ModuleNotFoundError without torch.
    """

    width, height, count = WIDTH, HEIGHT, JOINTS

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        from kinema.models.alphapose.network import FastPose

        self._net = read_network(
            path,
            lambda tensors, name: FastPose.from_tensors(tensors, source=name),
            (2, 3, self.height, self.width),
            threads=threads,
        )

    def __call__(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (17,2) in pixels of a crop (height,width,3) uint8 RGB, centres at integers, and confidences (17,) in
        [0,1]."""
        image = (crop.astype(np.float32) / np.float32(255) - MEANS).transpose(2, 0, 1)
        points, values = decode(self.heatmaps(np.ascontiguousarray(image)[None])[0])
        return points * STRIDE, np.clip(values, 0.0, 1.0).astype(np.float64)

    def heatmaps(self, images: np.ndarray) -> np.ndarray:
        """COCO's heatmaps (B,17,h/4,w/4) of images (B,3,h,w): the mean of theirs and of their mirror images'."""
        both = run(self._net, np.concatenate([images, images[..., ::-1]]))[:, :JOINTS]
        return np.asarray((both[: len(images)] + mirrored_back(both[len(images) :])) / 2)

    def in_box(self, image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (17,2) in pixels of an image (H,W,3) uint8 RGB and values (17,) of the person in a box (4,)
        x1 y1 x2 y2, as published."""
        wide = widened(box[None], image.shape[1], image.shape[0])[0]
        heatmaps = self.heatmaps(cut(image, wide)[None])[0]
        points, values = decode(heatmaps)
        return to_image(points, wide, heatmaps.shape[1]), values


def poses_in(image: np.ndarray, detector: YoloDetector, network: FastPoseRun) -> Poses:
    """The people in an image (H,W,3) uint8 RGB, as AlphaPose finds them: YOLOv3-SPP's boxes, FastPose, pose NMS."""
    prediction, box = detector.boxes(image, square=True)
    rows = people_of_alphapose(prediction[None])
    corners = unletterboxed(rows[:, 1:5], image.shape[1], image.shape[0], box)
    found = [network.in_box(image, one) for one in corners]
    points = np.array([points for points, _ in found]).reshape(-1, JOINTS, 2)
    scores = np.array([values for _, values in found]).reshape(-1, JOINTS)
    return suppress_poses(corners, rows[:, 5], points, scores)
