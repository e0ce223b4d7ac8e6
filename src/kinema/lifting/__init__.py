"""Lifting: from 2D keypoints over time to 3D."""
