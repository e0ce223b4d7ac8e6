"""Safe readers of published data layouts: the motion capture and keypoints that lifters are trained and evaluated
on."""
