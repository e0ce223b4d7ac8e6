"""HRNet: parallel branches of several resolutions, the backbone of PARE.

Sun et al., "Deep high-resolution representation learning for human pose estimation", CVPR 2019; the authors' code is
MIT. No weights of its own: they are part of PARE's checkpoints.
"""
