"""The pose lifter: Kinema's own pose prior, from 33 landmarks over time to SMPL rotations with their uncertainty.

Trained by `tools/train_pose_lifter.py` (docs/pose-lifter.md). Its weights ship in this folder, under Apache-2.0 like
Kinema itself.
"""
