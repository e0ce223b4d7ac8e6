"""The way of a camera through a clip, as camera-motion methods find it: before anybody knows where the ground is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.checks import checked, checked_bounds, frozen
from kinema.errors import ShapeError, quoted
from kinema.geometry.camera import Camera

KINDS = ("static", "rotation", "full")

POINTS = ("points", "points_sigma", "points_piece")
"""What a path knows of the background, if anything."""

_PREFIX = "camera_path_"


@dataclass(frozen=True, eq=False, repr=False)
class CameraPath(Brief):
    """Where a camera is and how it is turned in each frame: X_camera = rotation @ (X - centre).

    Points X are in the frame of the shot: the camera's own frame (OpenCV axes) in the shot's first frame, or the one
    of the file that the path was read from. Each shot of a clip has a frame of its own.

    rotation (T,3,3) from the shot's frame to the camera's; centre (T,3) the camera's positions in the shot's frame, in
    metres if `metric`, else in a unit that is one and the same throughout each piece; intrinsics (3,3) or, with zoom,
    (T,3,3) pixels; kind: "static", "rotation" (the camera turns in one place: all centres are equal) or "full"; found
    (T,) bool: False in frames whose pose is a guess between those of their neighbours; up (3,) the vertical in the
    shot's frame, None if it is not known; breaks (B,) int: the frames at which a new piece begins, because the camera
    was lost before them: how it turned and moved in between is not known, and the unit is another. points (P,3): places
    of the background that the camera saw, in the shot's frame and the unit of their piece; points_sigma (P,): standard
    deviation of their distance from the camera, as a fraction; points_piece (P,) int: the number of their piece.
    """

    rotation: np.ndarray
    centre: np.ndarray
    intrinsics: np.ndarray
    kind: str = "full"
    metric: bool = False
    found: np.ndarray | None = None
    up: np.ndarray | None = None
    breaks: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    points_sigma: np.ndarray = field(default_factory=lambda: np.zeros(0))
    points_piece: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        frames = len(self.rotation) if np.ndim(self.rotation) == 3 else 0
        sizes = {"T": frames}
        who = "camera path"
        if self.kind not in KINDS:
            raise ShapeError(f"{who}: kind must be one of {', '.join(KINDS)}, found {quoted(self.kind)}")
        rotation = checked(self.rotation, "rotation", ("T", 3, 3), sizes, who)
        orthogonal = np.allclose(rotation @ np.swapaxes(rotation, -1, -2), np.eye(3), atol=1e-4)
        if not orthogonal or np.any(np.linalg.det(rotation) < 0):
            raise ShapeError(f"{who}: rotation holds a matrix that is not a rotation")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "centre", checked(self.centre, "centre", ("T", 3), sizes, who))
        lead: tuple[str | int, ...] = ("T",) if np.ndim(self.intrinsics) == 3 else ()
        intrinsics = checked(self.intrinsics, "intrinsics", (*lead, 3, 3), sizes, who)
        if np.any(intrinsics[..., 0, 0] <= 0) or np.any(intrinsics[..., 1, 1] <= 0):
            raise ShapeError(f"{who}: the focal lengths must be positive")
        object.__setattr__(self, "intrinsics", intrinsics)
        found = np.ones(frames, bool) if self.found is None else self.found
        found = checked(found, "found", ("T",), sizes, who, boolean=True)
        object.__setattr__(self, "found", found)
        object.__setattr__(self, "breaks", checked_bounds(self.breaks, "breaks", frames, who))
        sizes["P"] = len(self.points) if np.ndim(self.points) == 2 else 0
        object.__setattr__(self, "points", checked(self.points, "points", ("P", 3), sizes, who))
        sigma = checked(self.points_sigma, "points_sigma", ("P",), sizes, who)
        if np.any(sigma <= 0):
            raise ShapeError(f"{who}: points_sigma must be positive")
        object.__setattr__(self, "points_sigma", sigma)
        piece = checked(self.points_piece, "points_piece", ("P",), sizes, who)
        object.__setattr__(self, "points_piece", frozen(piece, np.int64))
        if self.up is not None:
            up = checked(self.up, "up", (3,), {}, who)
            if np.linalg.norm(up) < 1e-6:
                raise ShapeError(f"{who}: up has no direction")
            object.__setattr__(self, "up", up / np.linalg.norm(up))

    def __len__(self) -> int:
        return len(self.rotation)

    @property
    def translation(self) -> np.ndarray:
        """(T,3): X_camera = rotation @ X + translation."""
        return np.asarray(-np.einsum("tij,tj->ti", self.rotation, self.centre))

    def replace(self, **changes: Any) -> CameraPath:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    @property
    def piece(self) -> np.ndarray:
        """(T,) the number of the piece, from 0, that each frame belongs to."""
        return np.searchsorted(self.breaks, np.arange(len(self)), side="right")

    def part(self, frames: slice | np.ndarray) -> CameraPath:
        """The path in some of the frames, in the same shot's frame."""
        intrinsics = self.intrinsics[frames] if self.intrinsics.ndim == 3 else self.intrinsics
        assert self.found is not None
        pieces = np.unique(self.piece[frames])
        here = np.isin(self.points_piece, pieces)
        return self.replace(
            points=self.points[here],
            points_sigma=self.points_sigma[here],
            points_piece=np.searchsorted(pieces, self.points_piece[here]),
            rotation=self.rotation[frames],
            centre=self.centre[frames],
            intrinsics=intrinsics,
            found=self.found[frames],
            breaks=np.flatnonzero(np.diff(self.piece[frames])) + 1,
        )

    def scaled(self, scale: float) -> CameraPath:
        """The path in metres, of which one of its units is `scale`."""
        return self.replace(centre=self.centre * scale, points=self.points * scale, metric=True)


def centres(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Positions (T,3) of cameras of which X_camera = rotation @ X + translation, (T,3,3) and (T,3)."""
    return np.asarray(-np.einsum("tji,tj->ti", rotation, translation))


def still_turns(path: CameraPath, frames: np.ndarray) -> np.ndarray | None:
    """(F,3,3) from the camera's axes in frames (F,) of one shot to axes that do not turn; None if it never turns.

    They are those of one of the frames, whose camera looks most nearly where it looks on average.
    """
    back = np.swapaxes(path.rotation[frames], -1, -2)
    if path.kind == "static" or not len(back) or np.abs(back - back[0]).max() < 1e-6:
        return None
    likeliest = int(np.argmax(back[:, :, 2] @ back[:, :, 2].mean(axis=0)))
    return np.asarray(back[likeliest].T @ back)


def path_in_world(camera: Camera | None, frames: int) -> CameraPath | None:
    """The way of a clip's camera in the world, in metres, with a pose for each frame; None if it is not known there."""
    if camera is None or camera.rotation is None or camera.translation is None or not frames:
        return None
    rotation = np.broadcast_to(camera.rotation, (frames, 3, 3))
    centre = centres(rotation, np.broadcast_to(camera.translation, (frames, 3)))
    kind = "static" if camera.rotation.ndim == 2 else "full"
    return CameraPath(rotation, centre, camera.intrinsics, kind=kind, metric=True)


def path_data(path: CameraPath) -> dict[str, Any]:
    """The path as entries of `Motion.data`, which every stage and Kinema's own files keep."""
    data: dict[str, Any] = {
        _PREFIX + name: getattr(path, name) for name in ("rotation", "centre", "intrinsics", "found", "breaks")
    }
    data |= {_PREFIX + name: getattr(path, name) for name in POINTS if len(path.points)}
    data |= {_PREFIX + "kind": path.kind, _PREFIX + "metric": path.metric}
    return data if path.up is None else data | {_PREFIX + "up": path.up}


def path_of(data: Mapping[str, Any]) -> CameraPath | None:
    """The path that `path_data` put there, None if there is none. Raises ShapeError if it is not whole."""
    found = {name.removeprefix(_PREFIX): value for name, value in data.items() if name.startswith(_PREFIX)}
    if not found:
        return None
    missing = [name for name in ("rotation", "centre", "intrinsics") if name not in found]
    known = {field.name for field in dataclasses.fields(CameraPath)}
    if missing or not set(found) <= known:
        raise ShapeError(f"the clip's camera path is not whole: {', '.join(missing) or 'unknown entries'}")
    return CameraPath(**found)
