"""A scripted double of NLF's program: the released one's methods and signatures, with answers that are known.

`estimate_poses_batched` says where it was asked to look and with which settings. `detect_poses_batched` finds what is
coloured in a grey picture, in groups that are 50 pixels apart, twice: the second box is a tenth of its width to the
right of the first. A mirrored look finds it once more, a tenth to the left, one upside down below.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import torch

from kinema.models.nlf.program import register_suppression

SCORE, SHIFTED_SCORE, MIRRORED_SCORE, TURNED_SCORE = 0.9, 0.6, 0.5, 0.4
GREY = 128

POINTS = """
def get_weights_for_canonical_points(self, canonical_points: Tensor) -> Dict[str, Tensor]:
    return {"w_tensor": canonical_points}
"""

_SHARED = """intrinsic_matrix: Optional[Tensor] = None, distortion_coeffs: Optional[Tensor] = None,
        extrinsic_matrix: Optional[Tensor] = None, world_up_vector: Optional[Tensor] = None,
        default_fov_degrees: float = 55.0, internal_batch_size: int = 64, antialias_factor: int = 1"""

ESTIMATE = f"""
def estimate_poses_batched(self, images: Tensor, boxes: List[Tensor], weights: Dict[str, Tensor],
        {_SHARED}, num_aug: int = 5, rot_aug_max_degrees: float = 25.0) -> Dict[str, List[Tensor]]:
    poses: List[Tensor] = []
    spread: List[Tensor] = []
    for i in range(len(boxes)):
        keep = torch.ops.torchvision.nms(boxes[i] + 1000.0 * torch.arange(len(boxes[i]))[:, None], boxes[i][:, 0], 0.5)
        points = weights["w_tensor"][None].repeat(len(keep), 1, 1) * 1000.0
        points[:, :, 0] += boxes[i][:, :1]
        points[:, :, 1] += images[i].float().mean()
        if intrinsic_matrix is not None:
            points[:, :, 2] += intrinsic_matrix[i, 0, 0]
        poses.append(points)
        spread.append(torch.full([len(keep), points.shape[1]], 0.001 * num_aug + 0.01 * antialias_factor))
        if distortion_coeffs is not None:
            spread[i] += distortion_coeffs.shape[1]
    return {{"poses3d": poses, "poses2d": poses, "uncertainties": spread}}
"""

DETECT = f"""
def detect_poses_batched(self, images: Tensor, weights: Dict[str, Tensor],
        {_SHARED}, num_aug: int = 1, rot_aug_max_degrees: float = 25.0, detector_threshold: float = 0.3,
        detector_nms_iou_threshold: float = 0.7, max_detections: int = 150, detector_flip_aug: bool = False,
        detector_both_flip_aug: bool = False, suppress_implausible_poses: bool = True,
        extra_boxes: Optional[List[Tensor]] = None) -> Dict[str, List[Tensor]]:
    boxes: List[Tensor] = []
    poses: List[Tensor] = []
    spread: List[Tensor] = []
    for i in range(len(images)):
        coloured = ((images[i].float() - {GREY}.0).abs() > 38.0).any(0)
        groups: List[List[int]] = []
        last = -1000
        for column in range(coloured.shape[1]):
            if bool(coloured[:, column].any()):
                if column - last > 50:
                    groups.append([column, column + 1])
                groups[-1][1] = column + 1
                last = column
        found: List[Tensor] = []
        for group in groups:
            rows = torch.nonzero(coloured[:, group[0]:group[1]].any(1))[:, 0]
            wide, tall = float(group[1] - group[0]), float(rows[-1] - rows[0] + 1)
            x, y = float(group[0]), float(rows[0])
            found.append(torch.tensor([x, y, wide, tall, {SCORE}]))
            found.append(torch.tensor([x + 0.1 * wide, y, wide, tall, {SHIFTED_SCORE}]))
            if detector_flip_aug or detector_both_flip_aug:
                found.append(torch.tensor([x - 0.1 * wide, y, wide, tall, {MIRRORED_SCORE}]))
            if detector_both_flip_aug:
                found.append(torch.tensor([x, y + 0.1 * tall, wide, tall, {TURNED_SCORE}]))
        here = torch.zeros([0, 5]) if len(found) == 0 else torch.stack(found)
        here = here[here[:, 4] > detector_threshold]
        corners = torch.cat([here[:, :2], here[:, :2] + here[:, 2:4]], 1)
        kept = torch.ops.torchvision.nms(corners, here[:, 4], detector_nms_iou_threshold)
        here = here[kept[: 150 if max_detections < 0 else max_detections]]
        if suppress_implausible_poses and num_aug == 1:
            here = here[:0]
        boxes.append(here)
        poses.append(weights["w_tensor"][None].repeat(len(here), 1, 1) * 1000.0)
        spread.append(torch.ones([len(here), len(weights["w_tensor"])]))
    return {{"boxes": boxes, "poses3d": poses, "poses2d": poses, "uncertainties": spread}}
"""

_NUMBERS = itertools.count()


def write_double(path: Path, *sources: str) -> Path:
    """A file with methods, all of the double's if none are given."""
    register_suppression()
    # A class of its own for each: methods of one class are defined once in a process.
    program: Any = type(f"Double{next(_NUMBERS)}", (torch.jit.ScriptModule,), {})()
    program.define("\n".join(sources or (POINTS, ESTIMATE, DETECT)))
    torch.jit.save(program, str(path))
    return path
