"""VideoPose3D: dilated convolutions over time that lift 2D keypoints to 3D joints.

Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training", CVPR 2019.
The authors' code and weights are CC BY-NC 4.0. The user names a checkpoint of theirs
(https://github.com/facebookresearch/VideoPose3D) or of `kinema train lifter`.
"""
