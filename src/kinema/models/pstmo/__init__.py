"""P-STMO: a transformer over a window of 2D poses that gives the 3D pose of its middle frame.

Shan et al., "P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose Estimation", ECCV 2022. The
authors' code is MIT; their weights were trained on Human3.6M, which is for academic use. The user names a checkpoint of
theirs (https://github.com/paTRICK-swk/P-STMO) or of `kinema train lifter`.
"""
