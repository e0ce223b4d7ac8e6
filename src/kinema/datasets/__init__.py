"""Other people's data layouts, read safely: the motion capture and keypoints that lifters are trained and judged on."""
