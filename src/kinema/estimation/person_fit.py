"""The fit of one person in one shot: what is seen of them, the prior, and the poses that explain both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.body.sizes import BODY_HEIGHT, GIVEN_HEIGHT
from kinema.estimation.balanced import BalancePull
from kinema.estimation.bursts import burst_trust, emphasis, shown_turns, sure_share, with_shown
from kinema.estimation.landmark_pose import pose_from_landmarks
from kinema.estimation.lasting import SHORTEST
from kinema.estimation.options import FitOptions
from kinema.estimation.outline import Outline, OutlinePull, outlined_rows, outlines_of
from kinema.estimation.priors import evidence_rows, lacking, landmarks_of
from kinema.estimation.shape import height_of
from kinema.estimation.shown import joints_shown
from kinema.estimation.solver import Evidence, PoseState, solve
from kinema.estimation.standing import coarse, misfit, standing_evidence
from kinema.estimation.unseen import legs_unseen, with_standing_legs
from kinema.geometry.camera import Camera, project, unproject
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.keypoints.errors import reliability
from kinema.models.pose_lifter.lifter import KeypointLifter, LiftedPose, Lifter, PoseLifter
from kinema.models.pose_lifter.vertical import Vertical
from kinema.person import OUTLINES, Person
from kinema.refinement.landmarks import KeypointRefiner
from kinema.skeleton import BLAZEPOSE33, JointSet
from kinema.stage import given
from kinema.temporal.gaps import fill_missing, near_in_time
from kinema.world.fitted import LIFTED_UP

REFINED_SHARE = 0.5
"""How far the analytic prior's landmarks are moved towards the refiner's: its depth is better than the raw landmarks',
but it follows fast limbs less closely."""


LIFTERS: dict[str, type[Lifter]] = {"learned": PoseLifter, "lifted": KeypointLifter}
"""The network of each learned prior."""

LIFTED_SPREAD = 1.5
"""Factor on the uncertainty that the lifter of 2D keypoints states for a single frame: its errors last for seconds, and
the fit counts every frame. Measured on real clips: between 1 and 2.2, 1.5 is best."""

SHAPE_OUTLINES = "shape_outlines"
"""Key in a person's data of the number of outlines that the shape was fitted to; none: to keypoints alone."""

DENSE = 0.5
"""Share of a person's frames that must have outlines for these to count in the poses."""


class PersonFit:
    """The fit of one person in one shot: the data that its steps share."""

    def __init__(
        self,
        person: Person,
        times: np.ndarray,
        image: tuple[int, int],
        camera: Camera,
        body: BodyModel,
        options: FitOptions,
        prior: str,
        height: float | None,
        lifter: Lifter | None,
        second: Lifter | None,
        refiner: KeypointRefiner | None,
    ) -> None:
        self.person, self.times, self.camera, self.body, self.options = person, times, camera, body, options
        self.image = image
        pixels, confidence = person.require("keypoints", "keypoint_confidence")
        self.set_name = person.keypoint_set or ""
        points = body.points(self.set_name)
        self.rows = evidence_rows(points, self.set_name)
        self.names = [points.names[row] for row in self.rows]
        columns = points.rows[self.rows]
        self.pixels = pixels[:, columns]
        seen = (confidence[:, columns] >= options.min_confidence) & np.isfinite(self.pixels).all(-1)
        self.confidence = np.where(seen, confidence[:, columns], 0.0)
        self.weight = self.confidence * reliability(self.set_name, self.names)
        self.rays = unproject(np.where(seen[..., None], self.pixels, 0.0), camera.intrinsics, camera.distortion)
        self.prior, self.height, self.refiner = prior, height, refiner
        self.lifter, self.second = lifter, second
        self.vertical: Vertical | None = None
        """What the background shows, from `kinema.estimation.fitting`."""
        self.still: np.ndarray | None = None
        self.bounded: np.ndarray | None = None
        """How the camera turns, and where that is known, from `kinema.estimation.fitting`; as in `Evidence`."""
        self.offsets: np.ndarray | None = None
        """(K,3): of the points (`kinema.estimation.point_offsets`), from `kinema.estimation.fitting`."""

    @property
    def asks_for_vertical(self) -> bool:
        """Whether a vertical changes anything: the lifter's poses, the balance, or how legs stand that nobody sees."""
        leans = self.lifter is not None and self.lifter.leans_by_vertical
        return leans or self.feet_sure is not None or legs_unseen(self.names, self.weight)

    @cached_property
    def feet_sure(self) -> np.ndarray | None:
        """(F,) in [0, 1]: how clearly both ankles are seen; None if they never are, or balance is not to count."""
        ankles = [self.names.index(name) for name in ("left_ankle", "right_ankle") if name in self.names]
        if not self.options.balance or len(ankles) < 2:
            return None
        sure = self.confidence[:, ankles].min(axis=1).clip(0, 1)
        return sure if sure.any() else None

    @cached_property
    def first_lifted(self) -> LiftedPose | None:
        """What the lifter makes of the person by itself; None without one."""
        if self.lifter is None or self.prior not in LIFTERS:
            return None
        return self.lifter(self.person, self.times, self.camera)

    @cached_property
    def lifted(self) -> LiftedPose | None:
        """What the lifter makes of the person under the vertical, if that is known and tells it anything."""
        if self.first_lifted is None or self.vertical is None or not given(self.lifter).leans_by_vertical:
            return self.first_lifted
        return given(self.lifter)(self.person, self.times, self.camera, vertical=self.vertical)

    @property
    def is_seen(self) -> bool:
        return bool(np.any(self.weight > 0))

    @cached_property
    def lacking(self) -> str | None:
        """Why the person cannot be fitted to 2D keypoints alone, one sentence. With any other evidence a single point
        is enough."""
        if self.prior not in ("standing", "lifted") or not self.is_seen:
            return None
        ever_seen = [name for name, weight in zip(self.names, self.weight.T, strict=True) if weight.any()]
        lack = lacking(ever_seen)
        who = f"person {self.person.id} cannot be fitted to 2D keypoints of {self.set_name} alone"
        return None if lack is None else f"{who}: of its points that are ever seen, {lack}"

    @cached_property
    def outlined(self) -> np.ndarray:
        """The rows of the frames that have an outline, none if outlines are not to count."""
        return outlined_rows(self.person) if self.options.outlines else np.zeros(0, dtype=int)

    def outlines(self, count: int) -> list[Outline]:
        """At most `count` outlines, spread over the frames."""
        places = np.linspace(0, len(self.outlined) - 1, min(count, len(self.outlined)))
        return outlines_of(self.person, self.image, self.outlined[np.unique(places.round().astype(int))])

    def run(
        self,
        evidence: Evidence,
        state: PoseState,
        betas: np.ndarray,
        outlines: int,
        progress: Callable[[int], None],
    ) -> Person:
        """The person fitted with a shape (10,), from what `start` returned. outlines: that the shape rests on."""
        rig = self.rig(betas)
        seen_rig = rig if self.offsets is None else replace(rig, point_offset=rig.point_offset + self.offsets)
        state = PoseState(state.local, _initial_root(seen_rig, evidence, state.local))
        turns = shown_turns(self.times, self.rays, self.confidence, state.root[:, 2], self.names, rig)
        believed = burst_trust(self.times, self.confidence, self.names, self.options.burst_confidence, shown=True)
        share = sure_share(turns * believed[:, :-1])
        weight = evidence.weight * emphasis(share, rig, self.options.emphasis)
        evidence = replace(evidence, weight=weight, trust=with_shown(evidence.trust, share), turns=turns * share)
        pulls = [pull for pull in (self._pull(rig, betas), self._balance(rig)) if pull is not None]
        lasting = self.options.lasting and self.prior in LIFTERS
        state = _solve_in_pieces(seen_rig, evidence, state, self.options, progress, pulls, lasting=lasting)
        return self._filled(state, betas, outlines)

    def _pull(self, rig: Rig, betas: np.ndarray) -> OutlinePull | None:
        """The outlines for the poses, where about every frame has one: single ones would make the body jump."""
        rows = self.outlined
        if len(rows) < DENSE * len(self.person):
            return None
        return OutlinePull(self.body, rig, betas, self.person, self.image, self.camera, rows)

    def _balance(self, rig: Rig) -> BalancePull | None:
        """Balance for the poses, where the vertical is known and both ankles are seen."""
        if self.vertical is None or self.feet_sure is None:
            return None
        return BalancePull(rig, self.times, self.vertical, self.feet_sure)

    def rig(self, betas: np.ndarray) -> Rig:
        """The body of this shape (10,), with the points that are seen."""
        return Rig.of(self.body, self.set_name, betas, self.rows)

    def start(self) -> tuple[Evidence, PoseState]:
        """The evidence of the frames, and the poses that the fit starts from."""
        rig = self.rig(np.zeros(10))
        if self.prior != "standing":
            prior, sigma = self._prior_pose(rig)
            if self.prior != "estimate":
                up = None if self.lifted is None else self.lifted.up
                if self.vertical is not None:
                    up = self.vertical.direction
                prior, sigma = with_standing_legs(prior, sigma, self.names, self.weight, up)
            trust = burst_trust(self.times, self.confidence, self.names, self.options.burst_confidence)
            evidence = Evidence(
                self.times, self.rays, self.weight, prior, sigma, trust, np.zeros(sigma.shape), self.still, self.bounded
            )
            return evidence, PoseState(evidence.prior, _initial_root(rig, evidence, evidence.prior))
        return self._from_stance(rig)

    def _from_stance(self, rig: Rig) -> tuple[Evidence, PoseState]:
        """The stance fitted to the image from both possible orientations; each segment takes the better one."""
        first, second = standing_evidence(self.names, rig, self.times, self.rays, self.weight)
        options = replace(self.options, solver=coarse(self.options.solver))
        states, costs = [], []
        first, second = (replace(each, still=self.still, bounded=self.bounded) for each in (first, second))
        for evidence in (first, second):
            state = PoseState(evidence.prior, _initial_root(rig, evidence, evidence.prior))
            states.append(_solve_in_pieces(rig, evidence, state, options, lambda done: None))
            costs.append(misfit(rig, evidence, states[-1], options.solver))
        other = np.zeros(len(self.times), dtype=bool)
        for piece in near_in_time(self.times, options.max_gap):
            other[piece] = costs[1][piece].sum() < costs[0][piece].sum()
        turn = other[:, None, None, None]
        prior, local = np.where(turn, second.prior, first.prior), np.where(turn, states[1].local, states[0].local)
        root = np.where(other[:, None], states[1].root, states[0].root)
        return replace(first, prior=prior), PoseState(local, root)

    def _prior_pose(self, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
        """The prior's rotations (F,24,3,3) and their sigma (F,24)."""
        if self.prior == "estimate":
            (pose,) = self.person.require("pose")
            prior = axis_angle_to_matrix(pose.reshape(len(self.times), -1, 3))
            return prior, np.full(prior.shape[:2], np.radians(self.options.estimate_sigma))
        if self.prior == "lifted":
            lifted = given(self.lifted)
            return lifted.rotation, LIFTED_SPREAD * lifted.sigma
        landmarks, joints = self._prior_landmarks()
        prior = pose_from_landmarks(landmarks, rig.offsets, joints)
        if self.prior == "analytic" or self.lifted is None:
            return prior, np.full(prior.shape[:2], np.radians(self.options.analytic_sigma))
        rotation, sigma = self.lifted.rotation, self.lifted.sigma
        if self.second is not None:
            # Its errors are much the same (benchmarks/lasting_errors.py): the mean is not surer than the first alone.
            other = self.second(self.person, self.times, self.camera)
            rotation, _ = _combined(rotation, sigma, other.rotation, LIFTED_SPREAD * other.sigma)
        analytic_sigma = np.full(prior.shape[:2], np.radians(self.options.beside_sigma))
        return _combined(rotation, sigma, prior, analytic_sigma)

    def _prior_landmarks(self) -> tuple[np.ndarray, JointSet]:
        """The 3D keypoints (F,L,3) that the analytic prior reads, and their joint set."""
        landmarks, joints = landmarks_of(self.person)
        if self.refiner is None or joints is not BLAZEPOSE33:
            return landmarks, joints
        refined = self.refiner(landmarks, self.times, self.person.frames)
        return landmarks + REFINED_SHARE * (refined - landmarks), joints

    def _filled(self, state: PoseState, betas: np.ndarray, outlines: int) -> Person:
        pose = matrix_to_axis_angle(state.local).reshape(len(self.times), -1)
        all_betas = np.tile(betas, (len(pose), 1))
        transl = state.root - self.body.rest_joints(betas)[0]
        points = self.body.posed_points(self.set_name, pose, all_betas, transl)[:, self.rows]
        distance = np.linalg.norm(
            project(points, self.camera.intrinsics, self.camera.distortion) - self.pixels, axis=-1
        )
        counted = self.weight > 0
        total = np.where(counted, distance, 0.0).sum(1)
        error = np.divide(total, counted.sum(1), out=np.full(len(pose), np.nan), where=counted.any(1))
        return self.person.replace(
            pose=pose,
            betas=all_betas,
            transl=transl,
            joints=self.body.joints(pose, all_betas, transl),
            reprojection_error=error,
            joint_seen=joints_shown(self.rig(betas), counted),
            data=self._data(betas, outlines),
        )

    def _data(self, betas: np.ndarray, outlines: int) -> dict[str, Any]:
        """The person's data, the body's height, what its shape rests on, and the prior that was used if it is not
        the one requested."""
        outdated = ("fit_prior", GIVEN_HEIGHT, LIFTED_UP, OUTLINES, SHAPE_OUTLINES)
        data = {key: value for key, value in self.person.data.items() if key not in outdated}
        if outlines:
            data[SHAPE_OUTLINES] = outlines
        if self.first_lifted is not None:
            data[LIFTED_UP] = np.tile(self.first_lifted.up, (len(self.person), 1))
        data[BODY_HEIGHT] = height_of(self.body, betas, self.height)
        if isinstance(self.options.height, tuple) and self.height is not None:
            data[GIVEN_HEIGHT] = self.height
        requested = self.options.prior
        if requested == "estimate" and self.person.pose is None:
            requested = "analytic"
        return data if self.prior == requested else data | {"fit_prior": self.prior}


def _combined(
    first: np.ndarray, first_sigma: np.ndarray, second: np.ndarray, second_sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two estimates of rotations (F,24,3,3) combined by inverse variance, and the resulting sigma (F,24)."""
    weight = 1 / first_sigma**2 + 1 / second_sigma**2
    share = 1 / second_sigma**2 / weight
    turn = matrix_to_axis_angle(np.swapaxes(first, -1, -2) @ second)
    return first @ axis_angle_to_matrix(share[..., None] * turn), 1 / np.sqrt(weight)


def _initial_root(rig: Rig, evidence: Evidence, local: np.ndarray) -> np.ndarray:
    """(F,3) pelvis positions that put the points of poses (F,24,3,3) on their rays, by linear least squares.

    A point p + t lies on the ray (u, v, 1) if p_x + t_x = u (p_z + t_z), and likewise for y. Frames with too little
    evidence are interpolated from their neighbours.
    """
    num_frames = len(evidence.times)
    _, _, points = rig.forward(local, np.zeros((num_frames, 3)))
    u, v = evidence.rays[..., 0], evidence.rays[..., 1]
    zero, one = np.zeros_like(u), np.ones_like(u)
    matrix = np.stack([np.stack([one, zero, -u], -1), np.stack([zero, one, -v], -1)], axis=2)
    right = np.stack([u * points[..., 2] - points[..., 0], v * points[..., 2] - points[..., 1]], axis=2)
    weight = evidence.weight[..., None]
    normal = np.einsum("fkri,fkrj->fij", matrix * weight[..., None], matrix)
    side = np.einsum("fkri,fkr->fi", matrix * weight[..., None], right)
    root = np.linalg.solve(normal + 1e-9 * np.eye(3), side[..., None])[..., 0]
    good = (evidence.weight > 0).sum(1) >= 6
    good &= np.isfinite(root).all(1) & (root[:, 2] > 0.3)
    if not good.any():
        return np.tile([0.0, 0.0, 3.0], (num_frames, 1))
    return fill_missing(root, evidence.times, good[:, None])


def _solve_in_pieces(
    rig: Rig,
    evidence: Evidence,
    state: PoseState,
    options: FitOptions,
    progress: Callable[[int], None],
    pulls: Sequence[OutlinePull | BalancePull] = (),
    *,
    lasting: bool = False,
) -> PoseState:
    """Solve segment by segment, long segments in overlapping chunks, so that memory stays bounded.

    lasting: whether the prior's errors last, which is believed of segments that are long enough to tell.
    """
    local, root = state.local.copy(), state.root.copy()
    for segment in near_in_time(evidence.times, options.max_gap):
        first, last = segment.start, segment.stop
        long = evidence.times[last - 1] - evidence.times[first] >= SHORTEST
        start = first
        while True:
            stop = last if last - start <= options.chunk + options.overlap else start + options.chunk
            # The first half of the overlap was solved with its future known: it stays fixed, the rest continues it.
            seam = 0 if start == first else options.overlap // 2
            piece = slice(start, stop)
            solved = solve(
                rig,
                evidence.take(piece),
                PoseState(local[piece], root[piece]),
                options.solver,
                fixed=seam,
                added=[each for each in (pull.of(piece) for pull in pulls) if each is not None],
                lasting=lasting and long,
            )
            local[piece], root[piece] = solved.local, solved.root
            progress(stop)
            if stop == last:
                break
            start = stop - options.overlap
    return PoseState(local, root)
