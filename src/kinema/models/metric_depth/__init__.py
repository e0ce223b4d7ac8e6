"""Networks of depth in metres from one image, as the user's ONNX files: families by the input that they expect.

Bhat et al., "ZoeDepth: Zero-shot Transfer by Combining Relative and Metric Depth" (2023); Yang et al., "Depth Anything
V2" (2024), its metric models. Nothing is fetched: their exports are many, and none is published by its authors.
"""
