"""Straight lines of made-up rooms, as a camera sees them."""

from __future__ import annotations

import numpy as np

from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.rotations import axis_angle_to_matrix

SIZE = (1280, 720)


def room_turn(pitch=-12.0, yaw=35.0, roll=2.0):
    """(3,3) from the room's axes (y down) to the camera's. Degrees."""
    return axis_angle_to_matrix(np.radians([pitch, 0.0, roll])) @ axis_angle_to_matrix(np.radians([0.0, yaw, 0.0]))


def room_lines(
    fov, *, size=SIZE, pitch=-12.0, yaw=35.0, roll=2.0, lines=90, clutter=0.3, noise=0.5, seed=0, axes=(0, 1, 2)
):
    """(n,4) segments in pixels: edges along the axes of a room (1: upright), ends off by `noise` pixels, and a share
    of lines in any direction. Angles in degrees.
    """
    rng = np.random.default_rng(seed)
    camera = camera_from_fov(*size, fov)
    turn = room_turn(pitch, yaw, roll)
    found = []
    while len(found) < lines:
        centre = rng.uniform([-2.5, -2, 2], [2.5, 2, 8])
        along = turn[:, rng.choice(axes)] if rng.random() > clutter else rng.normal(size=3)
        along = along / np.linalg.norm(along) * rng.uniform(0.2, 1.2)
        ends = np.stack([centre - along, centre + along])
        if ends[:, 2].min() < 0.5:
            continue
        pixels = project(ends, camera.intrinsics) + noise * rng.normal(size=(2, 2))
        inside = ((pixels > 0) & (pixels < size)).all()
        if inside and np.linalg.norm(pixels[1] - pixels[0]) > 0.04 * np.hypot(*size):
            found.append(pixels.ravel())
    return np.array(found)
