"""SmoothNet: a small network along time that smooths any sequence of coordinates.

Zeng et al., "SmoothNet: A Plug-and-Play Network for Refining Human Poses in Videos", ECCV 2022. The authors' licence
file is Apache-2.0, their README asks for non-commercial research use; the user downloads the checkpoints from them
(https://github.com/cure-lab/SmoothNet), or trains one with `kinema train refiner`.
"""
