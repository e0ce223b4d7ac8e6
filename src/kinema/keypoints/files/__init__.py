"""2D keypoints that other programs wrote: AlphaPose, OpenPose, Sports2D, DeepLabCut, COCO, MMPose, VideoPose3D."""

from kinema.keypoints.files.reading import read_keypoints as read_keypoints

__all__ = ["read_keypoints"]
