"""Settings of the fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from kinema.errors import UsageError
from kinema.options import require, setting
from kinema.temporal.gaps import FIT_GAP


@dataclass(frozen=True)
class SolverOptions:
    """Standard deviations of the terms of the fit.

    pixel_sigma: metres in the image plane at the person's depth. robust_scale: residuals beyond this many sigmas are
    down-weighted (Geman-McClure) in the last step; first_scale: the same in the first step, so that limbs that the
    prior puts far from good evidence still find it; the scale shrinks by the same factor from step to step.
    rotation_acceleration: rad/s^2. root_acceleration, depth_acceleration: m/s^2, across and along the camera's viewing
    direction. Along it the image shows hardly more than the person's size, which changes whenever somebody bends or
    reaches, so that the prior must hold. bursts: accelerations beyond this many of these sigmas are penalised less and
    less (Cauchy weight) where a limb is clearly seen: people mostly move gently and occasionally jump; depth_bursts:
    the same of depth.
    limit_sigma: radians beyond a joint's limit. iterations: Gauss-Newton steps. max_step: radians by which a joint may
    turn in one step.
    """

    pixel_sigma: float = 0.02
    robust_scale: float = 4.0
    first_scale: float = 12.0
    rotation_acceleration: float = 10.0
    root_acceleration: float = 3.0
    depth_acceleration: float = 1.0
    bursts: float = 1.0
    depth_bursts: float = 5.0
    limit_sigma: float = 0.1
    iterations: int = 6
    max_step: float = 0.6


def parse_heights(text: str) -> float | tuple[float, ...]:
    """The height 1.82 of the text "1.82", the heights (1.75, 1.05) of "1.75,1.05". Raises UsageError."""
    try:
        heights = tuple(float(each) for each in text.split(","))
    except ValueError:
        raise UsageError(
            f"a height in metres, or one for each person as in 1.75,1.05, is expected, found {text!r}"
        ) from None
    return heights[0] if len(heights) == 1 else heights


@dataclass(frozen=True)
class FitOptions:
    """How the body is fitted.

    height: one for everybody, or one for each person, in the order of their ids (the others' are then free). prior:
    "learned" (the shipped pose lifter predicts each joint and its uncertainty; it is combined with the analytic prior
    at a sigma of beside_sigma degrees for all joints), "analytic" (bone directions of the 3D keypoints, with a
    sigma of analytic_sigma degrees) or "estimate" (the person's existing pose, from an estimator such as PARE, with a
    sigma of estimate_sigma degrees; "analytic" for people without one). People without the data that the prior needs
    get the next best one, see `kinema.estimation.fitting.fit_people`. landmarks: what the analytic prior reads.
    min_confidence: landmarks below it are ignored. burst_confidence: mean confidences of a limb's points at which its
    sudden accelerations begin to be believed, and are. emphasis: times that points of a surely fast limb count.
    max_gap: seconds; a longer gap starts a new segment. chunk: frames that are solved together; overlap: frames that
    two chunks share. shape_frames: number of frames from which the shape is fitted. outlines: whether people's outlines
    count, where they are known; shape_outlines: how many, for the shape. balance: whether people on their feet are
    taken to be in balance, where the background shows the vertical. lasting: whether a lifter's errors are taken to
    last (`kinema.estimation.lasting`). second_lifter: whether keypoints that are fused from two networks are lifted
    from 2D, too, for the learned prior. keep_all: do not leave out tracks that are
    certainly no whole person (`kinema.quality.wholeness`). threads: of the pose lifter.
    """

    height: tuple[float, ...] | float | None = setting(
        None,
        "body height in metres, which sets the scale: of everybody, or of each person by id, as in 1.75,1.05",
        public=True,
        metavar="M",
        group="people",
        parse=parse_heights,
    )
    fov: float | None = setting(
        None, "field of view along the longer image side, in degrees", public=True, metavar="DEG", group="camera"
    )
    prior: str = "learned"
    analytic_sigma: float = 25.0
    beside_sigma: float = 40.0
    estimate_sigma: float = 12.0
    landmarks: str = setting(
        "refined",
        "3D landmarks for the fit: refined (default) by Kinema's own network, or raw",
        public=True,
        choices=("refined", "raw"),
        group="result",
    )
    min_confidence: float = 0.15
    burst_confidence: tuple[float, float] = (0.4, 0.7)
    emphasis: float = 2.0
    max_gap: float = FIT_GAP
    chunk: int = 240
    overlap: int = 24
    shape_frames: int = 48
    shape_outlines: int = 8
    outlines: bool = setting(
        True,
        "fit the body to the keypoints alone, and not to the person's outline in some frames, too",
        public=True,
        group="result",
        off=True,
    )
    keep_all: bool = setting(
        False,
        "keep tracks that are hardly a whole person: things, single limbs (default: they are left out, with a note)",
        public=True,
        group="people",
    )
    balance: bool = True
    lasting: bool = True
    second_lifter: bool = True
    threads: int = 2
    solver: SolverOptions = field(default_factory=SolverOptions)

    def __post_init__(self) -> None:
        if isinstance(self.height, (list, tuple)):
            object.__setattr__(self, "height", tuple(self.height))
        for height in self.heights(1):
            tall = height is None or 0.4 <= height <= 2.5
            require(tall, "height", "be the person's height in metres, between 0.4 and 2.5", height)
        wide = self.fov is None or 1.0 < self.fov < 175.0
        require(wide, "fov", "lie between 1 and 175 degrees", self.fov)
        require(
            self.prior in ("learned", "analytic", "estimate"),
            "prior",
            "be 'learned', 'analytic' or 'estimate'",
            self.prior,
        )
        require(self.landmarks in ("refined", "raw"), "landmarks", "be 'refined' or 'raw'", self.landmarks)
        for name in ("analytic_sigma", "beside_sigma", "estimate_sigma"):
            require(getattr(self, name) > 0, name, "be an angle in degrees above 0", getattr(self, name))
        low, high = self.burst_confidence
        require(low < high, "burst_confidence", "be two confidences, the lower one first", self.burst_confidence)
        require(self.emphasis >= 1, "emphasis", "be at least 1", self.emphasis)
        require(0 <= self.min_confidence < 1, "min_confidence", "lie in [0, 1)", self.min_confidence)
        require(self.chunk > 2 * self.overlap, "chunk", f"be more than twice the overlap ({self.overlap})", self.chunk)

    def heights(self, people: int) -> tuple[float | None, ...]:
        """The given height of each person, metres; None: not given. More than `people` if more were given."""
        if isinstance(self.height, tuple):
            return (*self.height, *[None] * (people - len(self.height)))
        return (self.height,) * people
