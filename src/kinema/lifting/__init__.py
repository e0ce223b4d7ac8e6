"""Lifting: 2D keypoints of a whole track to 3D joints, by published networks."""

from kinema.lifting.registry import LIFTERS as LIFTERS
from kinema.lifting.stage import lift_keypoints as lift_keypoints

__all__ = ["LIFTERS", "lift_keypoints"]
