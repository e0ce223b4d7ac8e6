"""2D keypoints of one person: thin wrappers around keypoint networks."""
