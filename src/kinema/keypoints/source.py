"""The contract between keypoint sources and tracking.

A source is a row of the registry (`KeypointSource`) and a function that opens it (`OpenedSource`): a network that
estimates the keypoints of one person in a square region of a frame (`KeypointEstimator`), and a detector that finds
people in a square tile (`PersonDetector`). Tracking does the rest: it chooses and crops the regions, masks out other
people in them, and keeps identities.

A region (ROI, `kinema.geometry.roi`) is centre x, centre y, side and angle. Its centre is the mid-hip, its side
`REGION_PER_HEIGHT` times the height of the straightened person, and its angle makes the person upright in the crop.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.circles import Circles
from kinema.geometry.roi import rotate
from kinema.registry import resolve
from kinema.skeleton import JointSet, joint_set
from kinema.video import Frame
from kinema.weights.hub import WeightsFile

BODY = slice(33)
"""The keypoints by whose confidences a person is judged, the first ones of every set: those of faces and hands, which
follow the body in larger sets, are rarely clear."""

REGION_PER_HEIGHT = 1.25
"""Side of a person's region over the height of the straightened person."""


@dataclass(frozen=True, eq=False)
class View:
    """A person's region of a frame, cropped upright.

    pixels (S, S, 3) uint8 RGB, S the estimator's `crop_size`; other people in it may be masked out, unlike in
    `frame.image`. roi (4,): the region.
    """

    frame: Frame
    roi: np.ndarray
    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Observation:
    """One person in one frame, as estimated by a source.

    points (K, 2) pixels of the image. visibility (K,) in [0, 1]: the source's confidence in each; presence (K,) in
    [0, 1]: that the point lies within the region at all, ones if not estimated. score in [0, 1]: that
    there is a person. roi (4,): the region of the view; next_roi (4,): the person's own region, for the
    next frame. points3d (L, 3) metres, mid-hip relative, in the camera's axes (x right, y down, z away), None for 2D
    sources. mask (M, M) float32: logits of the person's pixels, None if not requested or not available; mask_roi (4,):
    the region that it covers, None: `roi`; mask_age: seconds since it was made.
    """

    points: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    score: float
    roi: np.ndarray
    next_roi: np.ndarray
    points3d: np.ndarray | None = None
    mask: np.ndarray | None = None
    mask_roi: np.ndarray | None = None
    mask_age: float = 0.0

    @property
    def confidence(self) -> np.ndarray:
        """(K,) in [0, 1]: visibility and presence combined."""
        return np.asarray(self.visibility * self.presence)


@dataclass(frozen=True)
class Thresholds:
    """Thresholds on a network's confidences, measured for each network. All but `least_points` are in [0, 1].

    visible: confidence from which a keypoint counts as seen; boxed: the same for bounding boxes. least_points: seen
    keypoints inside the image that a person needs. Mean confidences are those of `BODY`. recovered_score: least score
    for recovering a lost person. surely_person, certainly_person: mean confidence over the keypoints inside the image
    from which a track is a person although the detector has found them only once or twice, or (with a mean score of at
    least `certain_score`) mostly misses them; objects that look like a person stay below. backward_visibility: mean
    visibility from which a new track is followed backwards.
    """

    visible: float
    boxed: float
    least_points: int
    recovered_score: float
    surely_person: float
    certainly_person: float
    certain_score: float
    backward_visibility: float


@dataclass(frozen=True)
class TileRange:
    """The sizes of people that a detector finds in a square tile.

    smallest: height of the smallest standing person, as a fraction of the tile's side. largest_radius: people whose
    circle's radius is a larger fraction of the tile are left to larger tiles. sure (2,): radii between which a missed
    detection is evidence that nobody is there.
    """

    smallest: float
    largest_radius: float
    sure: tuple[float, float]


class PersonDetector(Protocol):
    """Finds people in a square part of a frame. Called from a second thread, never from two at once."""

    tile_range: TileRange

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        """The people with at least this score in the tile (x, y, side), in pixels of the image, best first.

        The tile may extend beyond the image.
        """


class KeypointEstimator(Protocol):
    """Gives one person's keypoints in a view.

    crop_size: pixels of a view's side. gives_masks: whether `observe` can give masks.
    """

    crop_size: int
    gives_masks: bool
    thresholds: Thresholds

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        """The person in the centre of the view, with a low score if there is none, and with the mask if possible.

        `roi` of the result is the view's. The result depends on the view only.
        """


@dataclass(frozen=True)
class KeypointSource:
    """A row of the registry of keypoint sources.

    joint_set, joint3d_set: names of the sets of the 2D and of the 3D keypoints, None without 3D; where the network is a
    user's file, the one that was opened may have another 2D set (`OpenedSource.joint_set`). open:
    "module:function" of a function `(source, *, threads) -> OpenedSource`, imported when it is needed. weights: entries
    of the weights catalogue. extra: the package extra that must be installed. detects: whether it has its own
    detector. as_published: in place of `open` if the user wants what the published program does, defects included
    (`parity`); None where there is nothing to choose.
    """

    name: str
    summary: str
    joint_set: str
    joint3d_set: str | None
    open: str
    weights: tuple[str, ...] = ()
    extra: str | None = None
    detects: bool = False
    as_published: str | None = None

    def opened(self, *, threads: int = 1) -> OpenedSource:
        """The networks of the source, ready to run.

        Raises WeightsError if they are unavailable, UsageError if the extra that they need is not installed.
        """
        with explained(f"keypoint source {self.name}", self.extra):
            opened: OpenedSource = resolve(self.open)(self, threads=threads)
        return opened


@contextlib.contextmanager
def explained(what: str, extra: str | None) -> Iterator[None]:
    """A package that is missing becomes a UsageError that names the extra which installs it, if there is one."""
    try:
        yield
    except ModuleNotFoundError as error:
        if extra is None:
            raise
        raise UsageError(
            f"{what} needs {error.name}, which is not installed; run `pip install 'kinema[{extra}]'`"
        ) from None


@dataclass(frozen=True, eq=False)
class OpenedSource:
    """A source that is ready to run.

    about: its row, with the joint set of the network in use. detector: None if the source does not detect. weights: the
    files in use, for the provenance.
    """

    about: KeypointSource
    estimator: KeypointEstimator
    detector: PersonDetector | None
    weights: tuple[WeightsFile, ...] = ()

    @cached_property
    def joint_set(self) -> JointSet:
        return joint_set(self.about.joint_set)

    @cached_property
    def joint3d_set(self) -> JointSet | None:
        return None if self.about.joint3d_set is None else joint_set(self.about.joint3d_set)


def region_of(
    points: np.ndarray, confidence: np.ndarray, joints: JointSet, *, visible: float, aspect: float = 1.0
) -> np.ndarray:
    """The region (4,) of a person from keypoints (K, 2) pixels with confidence (K,), for 2D networks.

    The centre is the mid-hip if both hips are in the set and seen, else the centre of the seen points; the height is
    the extent of the seen points, extended to the top of the head and the soles. The angle is 0 for people whose trunk
    is within 60 degrees of upright, and a quarter or half turn for others: networks see few people lying or upside
    down in training. aspect: width over height of what a network sees in the middle of the region; a person who is
    wider gets a larger region.
    """
    seen = confidence >= visible
    if not seen.any():
        seen = np.ones(len(points), dtype=bool)
    angle = _quarter_turn(points, seen, joints)
    upright = rotate(points, -angle)
    low, high = upright[seen].min(axis=0), upright[seen].max(axis=0)
    centre = (low + high) / 2.0
    if "left_hip" in joints and "right_hip" in joints:
        hips = joints.indices(("left_hip", "right_hip"))
        if seen[hips].all():
            centre = upright[hips].mean(axis=0)
    # Twice the distance of the farther end, so that a person seen only in part keeps the whole region.
    reach = np.maximum(high - centre, centre - low) / [aspect, 1.0]
    height = max(2.0 * float(reach.max()) * _KEYPOINTS_TO_BODY, 1.0)
    return np.array([*rotate(centre[None], angle)[0], REGION_PER_HEIGHT * height, angle])


def _quarter_turn(points: np.ndarray, seen: np.ndarray, joints: JointSet) -> float:
    """Radians: 0, or the quarter turns nearest to the trunk's tilt if that is more than `_TILTED`."""
    if not all(name in joints for name in _TRUNK):
        return 0.0
    trunk = joints.indices(_TRUNK)
    if not seen[trunk].all():
        return 0.0
    up = points[trunk[:2]].mean(axis=0) - points[trunk[2:]].mean(axis=0)
    tilt = float(np.arctan2(up[0], -up[1]))
    return 0.0 if abs(tilt) < _TILTED else float(np.round(tilt / (np.pi / 2)) * (np.pi / 2))


_TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_TILTED = np.radians(60.0)
_KEYPOINTS_TO_BODY = 1.1  # keypoints end at eyes or ears and at the ankles
