"""RIFE 4.18: the image between two images of a video.

Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame Interpolation" (ECCV 2022), version 4.18 of the
authors' Practical-RIFE. The weights are the user's file. Code and weights are MIT.
"""
