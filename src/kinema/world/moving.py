"""One frame of reference for a shot with a moving camera: where people are once its motion is taken out.

A path (`kinema.geometry.camera_path`) says how the camera turns and, in a unit of its own, where it is. In the working
frame here the camera is upright on average (or the frame is level, if the path has a vertical) and looks along z in
the first frame; its mean position is the origin. To everything that looks for the ground it is like the frame of a
static camera, but for tracks that know where they were seen from (`FittedTrack.eye`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.geometry.camera import Camera
from kinema.geometry.camera_path import CameraPath
from kinema.motion import Motion
from kinema.world.balance import unit
from kinema.world.fitted import FittedTrack

STILL = 1e-6
"""Rotation (as matrix entries) and displacement (in the path's unit) below which a camera does not move."""


@dataclass(frozen=True, eq=False)
class Journey:
    """A camera's way through a shot of T frames, in the working frame.

    rotation (T,3,3) from the camera's frame in each frame of the shot to the working frame; way (T,3) the camera's
    positions in the path's unit, their mean 0; axes (3,3) from the path's frame to the working frame; path: as given;
    places (P,3): of the background, in the path's unit, about the same mean.
    """

    rotation: np.ndarray
    way: np.ndarray
    axes: np.ndarray
    path: CameraPath
    places: np.ndarray

    @classmethod
    def of(cls, path: CameraPath) -> Journey:
        """The journey along a path of at least one frame."""
        looks = np.swapaxes(path.rotation, -1, -2)
        down = looks[:, :, 1].mean(axis=0) if path.up is None else -path.up
        sure = np.linalg.norm(down) > 0.3
        down = unit(down)
        forward = looks[0, :, 2] - (looks[0, :, 2] @ down) * down
        axes = looks[0].T
        if sure and np.linalg.norm(forward) > 0.1:
            forward = unit(forward)
            axes = np.stack([np.cross(down, forward), down, forward])
        middle = path.centre.mean(axis=0)
        way = (path.centre - middle) @ axes.T if path.kind == "full" else np.zeros_like(path.centre)
        return cls(axes @ looks, way, axes, path, (path.points - middle) @ axes.T)

    @property
    def travels(self) -> bool:
        """The camera changes its place, so that the path's unit matters."""
        return bool(np.ptp(self.way, axis=0).max() > STILL)

    @property
    def turns(self) -> bool:
        return bool(np.abs(self.rotation - self.rotation[0]).max() > STILL)

    def zoom(self, camera: Camera) -> np.ndarray:
        """(T,) the focal length in each frame as a factor on the camera's, with which bodies were fitted.

        A body appears as large as it does, so that it is as many times further away; what is beside the middle of the
        image stays as far beside it.
        """
        if self.path.intrinsics.ndim == 2:
            return np.ones(len(self.path))
        return np.asarray(self.path.intrinsics[:, 0, 0] / camera.intrinsics[0, 0])

    @property
    def level(self) -> bool:
        """The vertical came with the path: the working frame is level."""
        return self.path.up is not None and bool(-self.axes[1] @ self.path.up > 0.999)

    @property
    def length(self) -> float:
        """Of the way, in the path's unit."""
        return float(np.linalg.norm(np.diff(self.way, axis=0), axis=1).sum())

    def bring(self, track: FittedTrack, frames: np.ndarray, scale: float) -> FittedTrack:
        """A track in the camera's frame, seen in these frames (F,) of the shot, in the working frame.

        scale: metres of one unit of the path.
        """
        turn, eye = self.rotation[frames], scale * self.way[frames]
        local = track.local.copy()
        local[:, 0] = turn @ local[:, 0]
        root = np.einsum("fij,fj->fi", turn, track.root) + eye
        return replace(track, local=local, root=root, eye=eye)

    def pose_in(self, turn: np.ndarray, centre: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """World-to-camera rotation (T,3,3) and translation (T,3) of the camera.

        turn (3,3) from the working frame to the world; centre (3,): the place of its origin in the world.
        """
        rotation = np.swapaxes(turn @ self.rotation, -1, -2)
        places = scale * self.way @ turn.T + centre
        return rotation, -np.einsum("tij,tj->ti", rotation, places)


def path_over(motion: Motion) -> CameraPath | None:
    """The camera's path through a clip of one shot; None if there is none of the clip's length, or none was found."""
    path = motion.camera_path
    if path is None or path.found is None or not path.found.any():
        return None
    return path


def journey_along(path: CameraPath | None) -> Journey | None:
    """The way of the camera; None if it never moves, or nobody knows."""
    if path is None or path.kind == "static":
        return None
    journey = Journey.of(path)
    return journey if journey.turns or journey.travels else None
