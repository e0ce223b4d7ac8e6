"""HRNet: parallel branches of several resolutions; a network of 2D keypoints, and the backbone of PARE.

Sun et al., "Deep high-resolution representation learning for human pose estimation", CVPR 2019; the authors' code is
MIT. The backbone's weights for PARE are part of PARE's checkpoints.
"""
