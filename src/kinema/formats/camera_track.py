"""The filming camera of a clip as other programs represent cameras, in the y-up frame of the exported people.

Those programs' cameras look along -z, with x to the right and y up (OpenGL's axes), and are described by angles or by a
film width instead of pixels. None of them supports lens distortion, and some no principal point off the centre;
omissions are noted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from kinema.formats.foreign import YUP_FROM_CAMERA
from kinema.formats.report import WriteReport
from kinema.formats.timeline import held_at_cuts
from kinema.geometry.camera_path import centres
from kinema.geometry.rotations import continuous_quaternions, matrix_to_quaternion
from kinema.motion import Motion
from kinema.temporal.resampling import resample_linear, resample_rotations

NAME = "camera"
"""What files call it."""

FILM = 36.0
"""Millimetres: the film width assumed for files that need one."""

_STILL = 1e-9
_OFF = 0.25
"""Pixels that a principal point may be off the image centre before it is noted."""


@dataclass(frozen=True, eq=False)
class CameraTrack:
    """The filming camera over time, in the y-up frame of `skeletal.SkeletonTrack`. A single pose holds at all times.

    times (K,) seconds of the clip. turn (K,3,3): from the camera's axes (x right, y up, z backwards) to the frame's;
    place (K,3) metres. intrinsics (3,3) pixels, for images of width by height; distortion: as in `Camera`. first (C,):
    rows at which a new shot begins.
    """

    times: np.ndarray
    turn: np.ndarray
    place: np.ndarray
    intrinsics: np.ndarray
    width: int
    height: int
    distortion: np.ndarray | None = None
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def moves(self) -> bool:
        return len(self.times) > 1

    @property
    def yfov(self) -> float:
        """Vertical field of view in radians, with the principal point assumed at the image centre."""
        return 2 * math.atan(self.height / 2 / float(self.intrinsics[1, 1]))

    @property
    def aspect(self) -> float:
        """Aspect ratio of the image in tangents of angles: pixels need not be square."""
        return self.width / self.height * float(self.intrinsics[1, 1] / self.intrinsics[0, 0])

    @property
    def film(self) -> tuple[float, float, float]:
        """Width and height of the film, `FILM` wide, and the focal length, millimetres."""
        focal = FILM * float(self.intrinsics[0, 0]) / self.width
        return FILM, focal * self.height / float(self.intrinsics[1, 1]), focal

    @property
    def off_middle(self) -> tuple[float, float]:
        """Offset of the principal point from the image centre, right and down, as fractions of width and height."""
        return (
            (float(self.intrinsics[0, 2]) + 0.5) / self.width - 0.5,
            (float(self.intrinsics[1, 2]) + 0.5) / self.height - 0.5,
        )

    @property
    def quaternions(self) -> np.ndarray:
        """`turn` as x, y, z, w (K,4), without sign flips."""
        return continuous_quaternions(matrix_to_quaternion(self.turn))

    @property
    def world_to_camera(self) -> tuple[np.ndarray, np.ndarray]:
        """R (K,3,3) and t (K,3) in OpenCV's axes: X_camera = R @ X + t, X in the track's frame."""
        rotation = YUP_FROM_CAMERA.T @ np.swapaxes(self.turn, -1, -2)
        return rotation, -np.einsum("kij,kj->ki", rotation, self.place)

    def at(self, moments: np.ndarray) -> CameraTrack:
        """The camera at `moments` (M,) seconds; nothing is interpolated between two shots."""
        if not self.moves:
            moments = moments[:1]
        held = held_at_cuts(moments, self.times, self.first)
        return replace(
            self,
            times=moments,
            turn=resample_rotations(self.turn[:, None], self.times, held)[:, 0],
            place=resample_linear(self.place, self.times, held),
            first=np.searchsorted(held, self.times[self.first]),
        )


def camera_track(
    motion: Motion, frame: str, report: WriteReport, *, middle: bool = False, distorted: bool = False
) -> CameraTrack | None:
    """The filming camera in the frame of the exported people, "world" or "camera"; None if unknown.

    middle: the format cannot hold a principal point off the centre. distorted: it can hold lens distortion. Omissions
    are noted in the report.
    """
    camera = motion.camera
    if camera is None or not motion.num_frames:
        return None
    times, turn = motion.times, np.eye(3)[None]
    place: np.ndarray = np.zeros((1, 3))
    if frame == "world":
        if camera.rotation is None or camera.translation is None:
            report.notes.add("where the camera was in the world is not known, so the file has no camera")
            return None
        rotation = camera.rotation.reshape(-1, 3, 3)
        turn = np.swapaxes(rotation, -1, -2) @ YUP_FROM_CAMERA
        place = centres(rotation, camera.translation.reshape(-1, 3))
        if np.ptp(turn, axis=0).max() < _STILL and np.ptp(place, axis=0).max() < _STILL:
            turn, place = turn[:1], place[:1]
    if not distorted and camera.distortion is not None and np.any(camera.distortion):
        report.notes.add("the distortion of the camera's lens is left out")
    moves = len(turn) > 1
    track = CameraTrack(
        times if moves else times[:1], turn, place, camera.intrinsics, camera.width, camera.height, camera.distortion,
        motion.cuts if moves else np.zeros(0, dtype=np.int64),
    )  # fmt: skip
    off = np.abs(track.off_middle) * [camera.width, camera.height]
    if middle and off.max() > _OFF:
        report.notes.add(
            f"the camera's principal point is {off[0]:.1f} and {off[1]:.1f} pixels off the middle of the image, which"
            " the format cannot hold"
        )
    return track
