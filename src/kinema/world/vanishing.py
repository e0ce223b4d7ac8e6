"""The field of view from straight lines of the background: walls, floors, doors and furniture meet at right angles.

Lines that are parallel in the room meet in one point of the image, the vanishing point. Three directions at right
angles to each other have three such points, and how they lie to each other depends on the focal length (Caprile and
Torre 1990, "Using vanishing points for camera calibration"). For every field of view of a grid, the best set of three
directions is searched for among hypotheses from three lines each, as the one that explains most of what is seen
(Coughlan and Yuille 2003, "Manhattan World"). The right field of view stands out as a narrow peak where the camera
sees corners of a room; where it looks straight at a wall, or at nature, there is none, and nothing is concluded.

How much of that is chance shows when the lines are drawn again, some twice and some not at all (the bootstrap; Efron
1979): few lines give every draw another peak, and the corner of a room nearly all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.video import Frame

FOVS = np.concatenate([np.arange(26.0, 60.0, 2.0), np.arange(60.0, 105.0, 2.5)])
"""Degrees over the longer side that are tried."""

BACKGROUND_LINES = "background_lines"
"""Key, in the motion's `data`, of the lines that `LineObserver.seen` returns."""

LOOK_TIMES = (0.0, 2.0, 6.0)
"""Seconds after the first frame at which the lens is looked for, and after that of every shot at which its lines are
kept."""

MOST_SHOTS = 40
"""Shots after which no more lines are kept."""

WORKING_SIZE = 960
"""Longer side of the image in which lines are found, pixels."""

LEAST_LENGTH = 0.035
"""Of a line, relative to the image's diagonal."""

MOST_LINES, LEAST_LINES = 120, 12
"""Longest lines that are used; fewest that allow a conclusion."""

BAR_WIDTH, BAR_LENGTH = 1.0, 0.85
"""Pixels within which the border of a bar follows a row or column, and for how much of the image."""

HYPOTHESES, BLOCK = 400, 50
"""Sets of three directions; how many of them are compared at once, so that the arrays stay in a core's cache."""

RESAMPLES = 48
"""How often the lines are drawn again."""

_LEAST_LOG = np.float32(-80.0)

TOLERANCE = np.radians(0.6)
"""Between a line and the direction to its vanishing point, standard deviation."""

NEIGHBOURHOOD = 0.18
"""Logarithm of the focal length within which the grid belongs to one peak."""


@dataclass(frozen=True, eq=False)
class VanishingLines:
    """How well each field of view explains the lines. fovs (n,): degrees; support (n,): share of the lines' length that
    three directions at right angles explain; resampled (RESAMPLES,n): the same of lines that are drawn again; lines:
    their number, averaged over the looks.
    """

    fovs: np.ndarray
    support: np.ndarray
    resampled: np.ndarray
    lines: float

    @classmethod
    def of_looks(cls, looks: Sequence[np.ndarray], lines: float) -> VanishingLines:
        """From what `support_of` gives for each look. Several looks show the same place, and mostly the same lines:
        their mean is as uncertain as one of them."""
        mean = np.mean(looks, axis=0)
        return cls(FOVS, mean[0], mean[0] + np.sqrt(len(looks)) * (mean[1:] - mean[0]), lines)


class LineObserver:
    """An observer of a video's frames, like `CameraMotionDetector`: call it with every frame, then get the `report` of
    the lens, unless that is known (`lens`), and the lines that it saw (`seen`).
    """

    def __init__(self, *, lens: bool = True) -> None:
        self._first: float | None = None
        self._shot: float | None = None
        self._support: list[np.ndarray] = []
        self._lines: list[int] = []
        self._seen: list[np.ndarray] = []
        self._lens_looks = 0 if lens else len(LOOK_TIMES)
        self._shots, self._shot_looks = 1, 0

    def begin_shot(self) -> None:
        """The frames that follow show something else."""
        self._shot, self._shot_looks = None, 0
        self._shots += 1

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        if self._first is None:
            self._first = frame.time
        if self._shot is None:
            self._shot = frame.time
        lens = self._lens_looks < len(LOOK_TIMES) and frame.time - self._first >= LOOK_TIMES[self._lens_looks]
        due = self._shot_looks < len(LOOK_TIMES) and frame.time - self._shot >= LOOK_TIMES[self._shot_looks]
        if not lens and not (due and self._shots <= MOST_SHOTS):
            return
        self._lens_looks += lens
        self._shot_looks += due
        segments = find_segments(frame.image, boxes)
        height, width = frame.image.shape[:2]
        pixels = segments * (max(width, height) / 2) + np.tile([(width - 1) / 2, (height - 1) / 2], 2)
        self._seen.append(np.column_stack([np.full(len(pixels), frame.time), pixels]))
        if lens and len(segments) >= LEAST_LINES:
            self._support.append(support_of(segments, look=len(self._support)))
            self._lines.append(len(segments))

    def report(self) -> VanishingLines | None:
        """What the looks at the lens showed together; None without enough lines."""
        if not self._support:
            return None
        return VanishingLines.of_looks(self._support, float(np.mean(self._lines)))

    @property
    def seen(self) -> np.ndarray:
        """(N,5) the lines of all looks: seconds, and x y x y of both ends, pixels."""
        return np.concatenate(self._seen) if self._seen else np.zeros((0, 5))


def find_segments(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The longest straight lines (n,4) of an image (H,W,3): x y x y of both ends from the image's centre, in units of
    half the longer side. Lines whose middle lies in one of the boxes (n,4) of people are left out.
    """
    scale = min(1.0, WORKING_SIZE / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    lines = found.reshape(-1, 4).astype(np.float64)
    length = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    middle = 0.5 * (lines[:, :2] + lines[:, 2:]) / scale
    people = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    inside = ((middle[:, None] > people[:, :2]) & (middle[:, None] < people[:, 2:])).all(-1).any(-1)
    kept = np.flatnonzero((length > LEAST_LENGTH * np.hypot(*grey.shape)) & ~inside & ~_in_bars(lines, grey.shape))
    kept = kept[np.argsort(-length[kept], kind="stable")[:MOST_LINES]]
    centre = (np.array(grey.shape[::-1]) - 1) / 2
    return np.asarray((lines[kept] - np.tile(centre, 2)) / (max(grey.shape) / 2))


def _in_bars(lines: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(n,) which lines (n,4) of an image (height, width) belong to bars along its edges, which may hold letters: their
    border is a line along a whole row or column, which no edge of a scene follows so exactly."""
    out = np.zeros(len(lines), dtype=bool)
    for axis in (0, 1):  # columns, rows
        across, along, size = lines[:, axis::2], lines[:, 1 - axis :: 2], shape[1 - axis]
        exact = np.flatnonzero(np.abs(across[:, 0] - across[:, 1]) < BAR_WIDTH)
        place, length = across[exact].mean(axis=1), np.abs(along[exact, 0] - along[exact, 1])
        covered = (np.abs(place[:, None] - place) < BAR_WIDTH) @ length
        middle = across.mean(axis=1)
        for border in place[covered > BAR_LENGTH * shape[axis]]:
            edge = (middle < border + BAR_WIDTH) if border < size / 2 else (middle > border - BAR_WIDTH)
            out |= edge
    return out


def support_of(segments: np.ndarray, fovs: np.ndarray = FOVS, *, look: int = 0) -> np.ndarray:
    """(1+RESAMPLES, fields of view): the share of the length of segments (n,4) that the best three directions explain;
    in the first row of these segments, in the others of as many that are drawn from them with repetition, for every
    look anew."""
    ends, length, along = _described(segments)
    weight = (length / length.sum()).astype(np.float32)
    rng = np.random.default_rng(0)
    # Longer lines are more often part of a hypothesis: the largest keys of a weighted draw without repetition.
    keys = rng.random((HYPOTHESES, len(segments))) ** (1 / np.maximum(weight, 1e-9))
    chosen = np.argpartition(-keys, 3, axis=1)[:, :3]
    drawn = np.random.default_rng([1, look]).multinomial(
        len(segments), np.full(len(segments), 1 / len(segments)), RESAMPLES
    )
    weights = np.vstack([weight, weight * drawn]).T
    weights /= weights.sum(axis=0)
    focals = 1 / np.tan(np.radians(fovs) / 2)
    return np.array([_support(ends, along, weights.astype(np.float32), chosen, focal) for focal in focals]).T


def _described(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends (n,2,2), length (n,) and direction (n,2) of segments (n,4)."""
    ends = segments.reshape(-1, 2, 2)
    across = ends[:, 1] - ends[:, 0]
    length = np.linalg.norm(across, axis=1)
    return ends, length, across / length[:, None]


def _support(ends: np.ndarray, along: np.ndarray, weights: np.ndarray, chosen: np.ndarray, focal: float) -> np.ndarray:
    """(S,) the largest share explained by one of the hypotheses, for each of the weights (n,S): the first direction
    lies on two lines, the second at right angles to it on a third one. focal: in the segments' unit.
    """
    rays = np.concatenate([ends / focal, np.ones((*ends.shape[:2], 1))], axis=-1)
    normals = np.cross(rays[:, 0], rays[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    first, first_length = _unit(np.cross(normals[chosen[:, 0]], normals[chosen[:, 1]]))
    second, second_length = _unit(np.cross(first, normals[chosen[:, 2]]))
    directions = np.stack([first, second, np.cross(first, second)]).astype(np.float32)
    # Of a direction in the camera's axes, the way in the image from a line's middle to the vanishing point is linear:
    # (3,n) each, then across and along the line.
    middle, turn, zero = ends.mean(axis=1).T, along.T, np.zeros(len(ends))
    right = np.stack([zero + focal, zero, -middle[0]])
    down = np.stack([zero, zero + focal, -middle[1]])
    axes = np.stack([right * turn[1] - down * turn[0], right * turn[0] + down * turn[1]])[:, None].astype(np.float32)
    share = np.empty((weights.shape[1], len(chosen)), dtype=np.float32)
    for start in range(0, len(chosen), BLOCK):
        block = slice(start, start + BLOCK)
        nearest = np.minimum.reduce(squared_sines(directions[:, block] @ axes))
        share[:, block] = weights.T @ likely(nearest, np.float32(TOLERANCE**2)).T
    share[:, (first_length < 1e-3) | (second_length < 1e-2)] = 0.0
    return np.asarray(share.max(axis=1))


def squared_sines(towards: np.ndarray) -> np.ndarray:
    """Squared sines (...) of the angles between lines and what lies `towards` (2,...), across and along each line: an
    array that is overwritten, since these are large."""
    across, along = np.square(towards, out=towards)
    along += across
    across /= np.maximum(along, np.float32(1e-9), out=along)
    return np.asarray(across)


def likely(squares: np.ndarray, variance: np.ndarray | np.float32) -> np.ndarray:
    """exp(-squares / 2 variance), in place of squares (...) float32, and hardly less than the smallest numbers that
    float32 holds in full: nobody can tell, and smaller ones are slow."""
    squares *= -0.5 / variance
    return np.asarray(np.exp(np.maximum(squares, _LEAST_LOG, out=squares), out=squares))


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.linalg.norm(vectors, axis=1)
    return vectors / np.maximum(length, 1e-9)[:, None], length


def log_focal(fovs: np.ndarray) -> np.ndarray:
    """Logarithm of the focal length, in units of half the longer side, of fields of view in degrees."""
    return np.asarray(-np.log(np.tan(np.radians(fovs) / 2)))


def peak_of(fovs: np.ndarray, support: np.ndarray) -> tuple[float, float]:
    """Log focal length of the highest inner peak of the support (n,) of fields of view (n,), and by how much it exceeds
    all outside its neighbourhood; 0 if the highest lies at the end of the grid, where perspective vanishes and every
    line fits.
    """
    where = log_focal(fovs)
    best = int(np.argmax(support))
    outside = np.abs(where - where[best]) > NEIGHBOURHOOD
    if best in (0, len(support) - 1) or not outside[:best].any() or not outside[best:].any():
        return float(where[best]), 0.0
    a, b, c = support[best - 1 : best + 2]
    shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0
    step = where[best + 1] - where[best] if shift > 0 else where[best] - where[best - 1]
    return float(where[best] + shift * step), float(support[best] - support[outside].max())
