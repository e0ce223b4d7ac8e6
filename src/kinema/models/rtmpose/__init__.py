"""RTMPose: keypoints of one person by one classification along each axis (SimCC), run with onnxruntime.

Jiang et al., "RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose" (2023); Li et al., "SimCC" (ECCV 2022).
Code Apache-2.0; what the licences of the training data allow is not settled.
"""
