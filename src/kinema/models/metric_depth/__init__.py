"""Networks of depth in metres from one picture, as ONNX files of the user's own: families by how they want the picture.

Bhat et al., "ZoeDepth: Zero-shot Transfer by Combining Relative and Metric Depth" (2023); Yang et al., "Depth Anything
V2" (2024), its metric models. Nothing is fetched: their exports are many, and none is published by its authors.
"""
