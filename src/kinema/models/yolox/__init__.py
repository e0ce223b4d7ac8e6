"""YOLOX: boxes of people in one image, run with onnxruntime.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021". Two kinds of files: OpenMMLab's exports, which suppress double boxes
themselves, and Megvii's, which give every cell of three grids. Code Apache-2.0; what the licences of the training data
allow is not settled for OpenMMLab's.
"""
