"""Safe readers of published data layouts: motion capture and keypoints for training and evaluating lifters."""
