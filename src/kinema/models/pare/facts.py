"""PARE as published: its files, input, camera and joints.

Kocabas et al., "PARE: Part attention regressor for 3D human body estimation", ICCV 2021, and the authors' code
(https://github.com/mkocabas/PARE), which takes input, camera and joints from SPIN (Kolotouros et al., ICCV 2019).
"""

from __future__ import annotations

CHECKPOINTS = {"pare-3dpw": "pare_w_3dpw_checkpoint.ckpt", "pare": "pare_checkpoint.ckpt"}
"""Names in the weights hub, the demo's default first, and the release's file names."""

TENSORS = ("model.backbone.conv1.weight", "model.head.pose_mlp.weight")
"""Tensors that a checkpoint must contain; all of them are checked when the network is loaded."""

IMAGE_SIZE = 224
"""Side of the network's input, pixels. Its colours are normalised as in `kinema.models.imagenet`."""

MAP_SIZE = 56
"""Side of the part and attention maps."""

NUM_PARTS = 24
"""Body parts, one for each of SMPL's joints."""

FOCAL = 5000.0
"""Focal length, in pixels of the input, with which the weak-perspective camera is interpreted."""

REFERENCE_HEIGHT = 200.0
"""Datasets give a person's size as a multiple of this, pixels."""

LEAST_SCORE = 0.7
"""The demo ignores detections below this score."""

DEMO_RATE = 25.0
"""Frames per second of the demo's videos, whatever the source's."""

MAP49 = (
    24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27,
)  # fmt: skip
"""Index of each of the 49 joints in the list of 24 SMPL joints, 21 vertices and 9 regressed joints."""

H36M_TO_14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""The evaluation's 14 joints as rows of the Human3.6M regressor; its row 0 is the pelvis."""

JOINTS14 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
)  # fmt: skip
"""The evaluation's joints, in its order."""
