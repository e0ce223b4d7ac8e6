"""The person detector inside the released TorchScript program, called on a GPU through the method that gives boxes.

`detect_poses_batched` finds people and estimates their poses. The boxes are taken, the poses are not: the method
decodes the images' gamma twice before it looks for points, though not before it looks for people. Loading the program
runs the code in the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.models.detecting import Detecting
from kinema.models.nlf.program import DEVICE, load_program, weights_of
from kinema.models.person_boxes import part_of

DETECT = "detect_poses_batched"
"""Method of the program that finds people."""

OVERLAP = 0.7
"""Intersection over union of double boxes, unless another is chosen: the method's own default."""

ALL = -1
"""As `max_detections`: as many people of an image as the program ever gives."""

OTHERS = (
    "choose a `detector` that runs on the CPU, such as yolox-tiny-coco, or your own ONNX export of YOLOv8x, the one in"
    " the program"
)
"""What to do without a GPU."""


@dataclass(frozen=True, eq=False)
class ProgramDetector:
    """The program's detector as a network of boxes (`kinema.keypoints.detectors.BoxNetwork`).

    weights: those of the points whose poses are estimated and not used. detecting: which of the program's own mirrored
    looks and what suppression.
    """

    program: Any
    weights: Mapping[str, Any]
    device: str
    detecting: Detecting = field(default_factory=Detecting)

    @classmethod
    def load(cls, path: str | Path, points: np.ndarray, *, device: str | None = None) -> ProgramDetector:
        """That of a file, which is executed.

        points (N,3): in the canonical body, metres; a body's joints, so that a distance can be solved for. device: None
        for the program's. Raises UsageError (torch missing, no GPU), InputError for a file that is not the program.
        """
        device = device or DEVICE
        program = load_program(path, DETECT, device=device, advice=OTHERS)
        return cls(program, weights_of(program, points, device), device)

    def looking(self, wanted: Detecting) -> ProgramDetector:
        """The same detector with these settings applied."""
        return dataclasses.replace(self, detecting=wanted)

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n,4) x1 y1 x2 y2 and scores (n,) of the people in the square `tile` (x, y, side) of an image (H,W,3)
        uint8 RGB, in pixels of the image, best first."""
        part, corner = part_of(image, tile)
        if not part.size:
            return np.zeros((0, 4)), np.zeros(0)
        found = self._found(part, threshold)
        found = found[np.argsort(-found[:, 4], kind="stable")]
        return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1) + np.tile(corner, 2), found[:, 4]

    def _found(self, image: np.ndarray, threshold: float) -> np.ndarray:
        """(n,5) x y w h score in pixels of the image."""
        import torch

        wanted = self.detecting
        with torch.inference_mode(), torch.device(self.device):
            pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).to(self.device)
            found = self.program.detect_poses_batched(
                pixels,
                self.weights,
                num_aug=1,
                detector_threshold=float(threshold),
                detector_nms_iou_threshold=OVERLAP if wanted.overlap is None else float(wanted.overlap),
                max_detections=ALL,
                detector_flip_aug=wanted.flip,
                detector_both_flip_aug=wanted.both_flips,
                suppress_implausible_poses=False,
            )
        boxes = found.get("boxes")  # missing, with some methods, where there is nobody
        if not boxes:
            return np.zeros((0, 5))
        return np.asarray(boxes[0].double().cpu().numpy()).reshape(-1, 5)
