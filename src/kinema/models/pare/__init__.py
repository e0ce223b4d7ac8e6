"""PARE: an image of one person to SMPL pose, shape and camera.

Kocabas et al., "PARE: Part attention regressor for 3D human body estimation", ICCV 2021. The checkpoints are for
non-commercial scientific research; the user downloads them from the authors (https://github.com/mkocabas/PARE).
"""
