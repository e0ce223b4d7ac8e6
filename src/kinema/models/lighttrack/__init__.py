"""LightTrack's siamese graph convolutional network (SGCN): a pose as 128 numbers, alike for one person at two moments.

Ning et al., "LightTrack: A Generic Framework for Online Top-Down Human Pose Tracking", CVPR Workshops 2020. The code is
MIT; the user names the authors' checkpoint (`epoch210_model.pt`), which was trained on PoseTrack.
"""
