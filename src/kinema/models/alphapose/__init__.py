"""AlphaPose's FastPose (DUC, SE-ResNet-101): 2D keypoints of one person, and the suppression of double poses.

Fang et al., "RMPE: Regional multi-person pose estimation", ICCV 2017. The authors' code and weights are licensed for
non-commercial research; this implementation is Kinema's own.
"""
