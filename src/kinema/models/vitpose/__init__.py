"""ViTPose and ViTPose++: keypoints of one person by heatmaps, run with onnxruntime.

Xu et al., "ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation" (NeurIPS 2022), "ViTPose++" (TPAMI
2024). Apache-2.0; the ONNX exports are easy_ViTPose's.
"""
