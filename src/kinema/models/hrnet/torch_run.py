"""HRNet's pose networks: a crop of one person to COCO's keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.models.hrnet.pose import (
    JOINTS,
    SIZES,
    STRIDE,
    aspect_of,
    crop_of,
    cut,
    decode,
    normalized,
    to_image,
)
from kinema.models.torch_inference import read_network, run
from kinema.models.yolov3.detections import objects, people_of_hrnet, unletterboxed

if TYPE_CHECKING:
    from kinema.models.yolov3.torch_run import YoloDetector


class HRNetPose:
    """A pose network with the weights of a checkpoint.

    network: one of `SIZES`. width, height: pixels of its crops; count: of its keypoints. threads: of torch, for the
    whole process. Raises what `PoseNetwork.from_tensors` and `read_network` raise, ModuleNotFoundError without torch.
    """

    count = JOINTS

    def __init__(self, path: str | Path, network: str = "hrnet-w32", *, threads: int = 1) -> None:
        from kinema.models.hrnet.network import PoseNetwork

        self.width, self.height = SIZES[network]
        self._net = read_network(
            path,
            lambda tensors, name: PoseNetwork.from_tensors(tensors, network, source=name),
            (1, 3, self.height, self.width),
            threads=threads,
        )

    def __call__(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (17,2) in pixels of a crop (height,width,3) uint8 RGB, centres at integers, and confidences (17,) in
        [0,1]."""
        points, values = decode(self.heatmaps(normalized(crop[None]))[0])
        # Trained so that the centre of cell i is that of pixel 4 i.
        return points * STRIDE, np.clip(values, 0.0, 1.0).astype(np.float64)

    def heatmaps(self, images: np.ndarray) -> np.ndarray:
        """Heatmaps (B,17,height/4,width/4) of images (B,3,height,width), as `normalized` gives them."""
        return run(self._net, images)

    def in_box(self, image: np.ndarray, box: np.ndarray, *, parity: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Points (17,2) in pixels of an image (H,W,3) uint8 RGB and confidences (17,) of the person in a box (4,)
        x1 y1 x2 y2.

        As published; parity: with the defects of video-to-pose3D.
        """
        size = (self.width, self.height)
        crop = crop_of(box, aspect_of(size, (image.shape[1], image.shape[0]), parity=parity))
        heatmaps = self.heatmaps(normalized(cut(image, crop, size)[None], parity=parity))[0]
        points, values = decode(heatmaps)
        placed = to_image(points, crop, heatmaps.shape[2], heatmaps.shape[1])
        return placed, np.clip(values, 0.0, 1.0).astype(np.float64)


def poses_in(
    image: np.ndarray, detector: YoloDetector, network: HRNetPose, *, parity: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The people in an image (H,W,3) uint8 RGB as video-to-pose3D finds them with YOLOv3, the most certain first.

    Points (n,17,2) in pixels of the image and confidences (n,17). parity: with its defects in the crops.
    """
    height, width = image.shape[:2]
    prediction, box = detector.boxes(image, square=True)
    rows = people_of_hrnet(objects(prediction, confidence=0.5, overlap=0.4))
    boxes = unletterboxed(rows[:, :4], width, height, box)
    found = [network.in_box(image, one, parity=parity) for one in boxes]
    points = np.array([points for points, _ in found]).reshape(-1, JOINTS, 2)
    return points, np.array([values for _, values in found]).reshape(-1, JOINTS)
