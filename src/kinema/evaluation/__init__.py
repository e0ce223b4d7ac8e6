"""Evaluation against ground truth: truth files, the comparison of motions, refiners and occlusion sensitivity."""
