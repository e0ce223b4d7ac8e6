"""Association by published trackers' rules: poses in, identities out, without a video or a detector.

`poseflow` and `lighttrack` each hold the state of one clip and are given the poses of one frame after another.
"""
