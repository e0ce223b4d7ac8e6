"""RTMO: boxes and keypoints of everybody in one pass over the image, run with onnxruntime.

Lu et al., "RTMO: Towards High-Performance One-Stage Real-Time Multi-Person Pose Estimation" (CVPR 2024). Exports of
OpenMMLab, which suppress double boxes themselves. Code Apache-2.0; what the licences of the training data allow is not
settled.
"""
