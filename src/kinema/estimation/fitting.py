"""The fit: from tracked landmarks to a body, one person after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.estimation.landmark_pose import pose_from_landmarks
from kinema.estimation.options import FitOptions
from kinema.estimation.shape import fit_shape
from kinema.estimation.solver import Evidence, PoseState, solve
from kinema.geometry.camera import DEFAULT_FOV, Camera, camera_from_fov, project, unproject
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.models.pose_lifter.lifter import NETWORK_FILE, PoseLifter
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress
from kinema.refinement.landmarks import KeypointRefiner
from kinema.skeleton import BLAZEPOSE33
from kinema.stage import Context, given

EVIDENCE_POINTS = tuple(
    j for j in BLAZEPOSE33.joints if j.split("_", 1)[-1] not in ("eye_inner", "eye_outer", "mouth", "thumb")
)
"""Landmarks that the fit explains: the inner face and the thumbs add time, not knowledge."""

REFINED_SHARE = 0.5
"""How far the landmarks that the direct prior reads are moved to where the refiner wants them: it knows their depth
better, and follows fast limbs less closely than they do."""


def fit_people(motion: Motion, context: Context, options: FitOptions) -> Motion:
    """Fit the body to every person's landmarks.

    Needs keypoints, keypoint_confidence and keypoints3d of set "blazepose33"; fills pose, betas, transl,
    joints and reprojection_error in the camera's frame, and the camera where the motion has none. People
    whose landmarks are never seen well enough keep their fields as they are.
    """
    body = given(context.body)
    camera = motion.camera or camera_from_fov(motion.width, motion.height, options.fov or DEFAULT_FOV)
    if options.fov is not None:
        camera = camera_from_fov(motion.width, motion.height, options.fov, "fov option")
    lifter = PoseLifter(threads=options.threads) if options.prior == "learned" else None
    direct = any(_estimate(person, options) is None for person in motion.people)
    refiner = KeypointRefiner() if options.landmarks == "refined" and direct else None
    total = sum(len(person) for person in motion.people)
    done = 0
    people = []
    for person in motion.people:
        fit = _PersonFit(person, motion.times[person.frames], camera, body, options, lifter, refiner)
        people.append(fit.run(partial(_advance, context.progress, done, total)))
        done += len(person)
        context.progress(done, total)
    if lifter is not None:
        context.weights[NETWORK_FILE] = lifter.sha256
    if refiner is not None:
        context.weights[refiner.network.name] = refiner.network.sha256
    context.facts["focal"] = camera.intrinsics[0, 0]
    return motion.replace(people=tuple(people), camera=camera, body_model=body.name)


def _estimate(person: Person, options: FitOptions) -> np.ndarray | None:
    """The person's own pose (F,72) where that is the prior."""
    return person.pose if options.prior == "estimate" else None


def _advance(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


class _PersonFit:
    """The fit of one person: what stays the same through its steps."""

    def __init__(
        self,
        person: Person,
        times: np.ndarray,
        camera: Camera,
        body: BodyModel,
        options: FitOptions,
        lifter: PoseLifter | None,
        refiner: KeypointRefiner | None,
    ) -> None:
        self.person, self.times, self.camera, self.body, self.options = person, times, camera, body, options
        self.rows = BLAZEPOSE33.indices(EVIDENCE_POINTS)
        pixels, confidence, landmarks = person.require("keypoints", "keypoint_confidence", "keypoints3d")
        self.pixels = pixels[:, self.rows]
        seen = (confidence[:, self.rows] >= options.min_confidence) & np.isfinite(self.pixels).all(-1)
        self.weight = np.where(seen, confidence[:, self.rows], 0.0)
        self.rays = unproject(np.where(seen[..., None], self.pixels, 0.0), camera.intrinsics, camera.distortion)
        self.landmarks, self.lifter, self.refiner = landmarks, lifter, refiner

    def run(self, progress: Callable[[int], None]) -> Person:
        """The person with the fitted fields filled, or as it was where nothing was seen well enough."""
        if not np.any(self.weight > 0):
            return self.person
        evidence = self._evidence()
        options = self.options
        state = PoseState(evidence.prior, _initial_root(self._rig(np.zeros(10)), evidence))
        sample = _well_seen(evidence, options.shape_frames)
        betas, _ = fit_shape(
            self.body, self._rig, evidence.take(sample), state.take(sample), options.solver, height=options.height
        )
        rig = self._rig(betas)
        state = PoseState(state.local, _initial_root(rig, evidence))
        state = _solve_in_pieces(rig, evidence, state, options, progress)
        return self._filled(state, betas)

    def _rig(self, betas: np.ndarray) -> Rig:
        return Rig.of(self.body, "blazepose33", betas, self.rows)

    def _evidence(self) -> Evidence:
        estimate = _estimate(self.person, self.options)
        if estimate is not None:
            prior = axis_angle_to_matrix(estimate.reshape(len(self.times), -1, 3))
            sigma = np.full(prior.shape[:2], np.radians(self.options.estimate_sigma))
        else:
            prior = pose_from_landmarks(self._depicted(), self._rig(np.zeros(10)).offsets)
            degrees = self.options.direct_sigma if self.lifter is None else self.options.beside_sigma
            sigma = np.full(prior.shape[:2], np.radians(degrees))
            if self.lifter is not None:
                lifted = self.lifter(self.person, self.times, self.camera)
                prior, sigma = _agreed(lifted.rotation, lifted.sigma, prior, sigma)
        return Evidence(self.times, self.rays, self.weight, prior, sigma)

    def _depicted(self) -> np.ndarray:
        """The 3D landmarks (F,33,3) that the direct prior reads."""
        landmarks = _without_holes(self.landmarks)
        if self.refiner is None:
            return landmarks
        return landmarks + REFINED_SHARE * (self.refiner(landmarks, self.times, self.person.frames) - landmarks)

    def _filled(self, state: PoseState, betas: np.ndarray) -> Person:
        pose = matrix_to_axis_angle(state.local).reshape(len(self.times), -1)
        all_betas = np.tile(betas, (len(pose), 1))
        transl = state.root - self.body.rest_joints(betas)[0]
        points = self.body.posed_points("blazepose33", pose, all_betas, transl)[:, self.rows]
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
        )


def _agreed(
    first: np.ndarray, first_sigma: np.ndarray, second: np.ndarray, second_sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What two witnesses say together: rotations (F,24,3,3), each weighed by its certainty, and their sigma (F,24)."""
    weight = 1 / first_sigma**2 + 1 / second_sigma**2
    share = 1 / second_sigma**2 / weight
    turn = matrix_to_axis_angle(np.swapaxes(first, -1, -2) @ second)
    return first @ axis_angle_to_matrix(share[..., None] * turn), 1 / np.sqrt(weight)


def _without_holes(landmarks: np.ndarray) -> np.ndarray:
    """3D landmarks (F,33,3) with frames that have none taken from the nearest frame that has."""
    good = np.isfinite(landmarks).all(axis=(1, 2))
    if good.all():
        return landmarks
    if not good.any():
        raise UsageError("a person without a single 3D landmark cannot be fitted")
    index = np.flatnonzero(good)
    nearest = index[np.abs(np.arange(len(landmarks))[:, None] - index).argmin(axis=1)]
    return landmarks[nearest]


def _initial_root(rig: Rig, evidence: Evidence) -> np.ndarray:
    """(F,3) pelvis positions that bring the prior's points onto their rays, by linear least squares.

    A point p + t lies on the ray (u, v, 1) where p_x + t_x = u (p_z + t_z), and likewise for y. Frames
    with too little evidence take their neighbours' result.
    """
    num_frames = len(evidence.times)
    _, _, points = rig.forward(evidence.prior, np.zeros((num_frames, 3)))
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
    index = np.flatnonzero(good)
    return np.stack([np.interp(evidence.times, evidence.times[index], root[index, c]) for c in range(3)], axis=-1)


def _well_seen(evidence: Evidence, count: int) -> np.ndarray:
    """Indices of at most `count` frames, spread over the track, each the best seen of its stretch."""
    seen = evidence.weight.sum(1)
    stretches = np.array_split(np.arange(len(seen)), min(count, len(seen)))
    best = np.array([stretch[np.argmax(seen[stretch])] for stretch in stretches])
    return best[seen[best] > 0.5 * np.median(seen[best])] if len(best) > 1 else best


def _solve_in_pieces(
    rig: Rig, evidence: Evidence, state: PoseState, options: FitOptions, progress: Callable[[int], None]
) -> PoseState:
    """Solve segment by segment, long ones in chunks that share a seam, so that memory stays bounded."""
    local, root = state.local.copy(), state.root.copy()
    breaks = np.flatnonzero(np.diff(evidence.times) > options.max_gap) + 1
    for first, last in zip(np.r_[0, breaks], np.r_[breaks, len(root)], strict=True):
        start = first
        while True:
            stop = last if last - start <= options.chunk + options.overlap else start + options.chunk
            # The seam's first half was solved with its future known: it stays, and the rest continues it.
            seam = 0 if start == first else options.overlap // 2
            piece = slice(start, stop)
            solved = solve(rig, evidence.take(piece), PoseState(local[piece], root[piece]), options.solver, fixed=seam)
            local[piece], root[piece] = solved.local, solved.root
            progress(stop)
            if stop == last:
                break
            start = stop - options.overlap
    return PoseState(local, root)
