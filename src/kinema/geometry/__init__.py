"""Rotations, cameras and alignment: pure functions on arrays."""
