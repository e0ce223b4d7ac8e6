"""RTMDet: boxes of people in one image, run with onnxruntime.

Lyu et al., "RTMDet: An Empirical Study of Designing Real-Time Object Detectors" (2022). Exports of OpenMMLab, which
suppress double boxes themselves. Code Apache-2.0; what the licences of the training data allow is not settled.
"""
