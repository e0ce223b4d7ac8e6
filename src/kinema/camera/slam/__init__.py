"""Masked DROID-SLAM: from images and masks of people to where the camera was, in plain torch.

Teed and Deng 2021, with the changes of masked variants (people's pixels do not count). Its modules load torch and are
themselves loaded when a path is looked for with that method.
"""
