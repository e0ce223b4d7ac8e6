"""The pose lifter: Kinema's own prior of body pose, from 33 landmarks over time to SMPL rotations with their doubt.

Trained by `tools/train_pose_lifter.py` (docs/pose-lifter.md). Its weights ship in this folder, under Apache-2.0 as
Kinema itself.
"""
