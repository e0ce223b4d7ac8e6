"""The networks of DROID-SLAM: how the image of a background moves from one frame to another, in torch.

Teed and Deng, "DROID-SLAM: Deep Visual SLAM for Monocular, Stereo, and RGB-D Cameras" (NeurIPS 2021). What is made of
their output, a camera's path, is in `kinema.camera.slam`. The weights are the user's file.
"""
