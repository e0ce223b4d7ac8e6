"""Comparing results with ground truth: metrics (pure functions), truth files, and the comparison of motions."""
