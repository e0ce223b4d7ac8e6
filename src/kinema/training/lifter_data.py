"""Training data for the pose lifter, generated during training.

Poses come from motion capture, landmarks from the free body, everything else is random: shape, camera,
distance, lens, speed, mirroring, occlusion, and the keypoint network's errors. A sample is the
frames that the network sees, and the ground truth of the middle one. Clean samples are kept in a pool that is
gradually renewed; errors are redrawn each time a sample is used.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from kinema.models.pose_lifter.network import PoseLifterConfig
from kinema.training.augmentation import (
    CLOSE_SHARE,
    FAR_SHARE,
    FAR_TURN,
    HIGH_PITCH,
    HIGH_SHARE,
    LEVEL_PITCH,
    LEVEL_SPREAD,
    MIXED_PARTS,
    TURNED_DEGREES,
    USUAL_TURN,
)
from kinema.training.lifter_observation import NEAREST, observe
from kinema.training.lifter_samples import Batch, Samples, foot_contacts, landmark_batch, mirror_some
from kinema.training.mocap import MocapSequence
from kinema.training.torch_body import BodyTables, rotation_vector_to_matrix
from kinema.training.torch_random import TorchRandom

RATE = 60.0
"""Frames per second of the stored sequences; samples step through them at several speeds."""

SPEEDS = (0.5, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0)
"""Playback speeds of the captured motion, drawn with equal probability."""

ENDED_SHARE = 0.2
"""Fractions of samples whose clip starts, and whose clip ends, within the frames that the network sees."""

NEARBY = 12
"""Frames around the middle for which the camera is placed: before and after, a person may come too close or leave."""

LONGEST = 600.0
"""Seconds of a kind of motion above which it is not drawn more often: hours of people who stand and fidget must not
crowd out fast movement."""

FAR_METRES, CLOSE_METRES = (1.4, 12.0), (0.6, 1.5)
"""Distances of the camera in general, and of cameras that look at the chest, such as one on a desk."""

CHILD_SHARE, YOUNGEST = 0.06, 0.8
"""Fraction of children, and the largest step from the average adult towards the average three-year-old: two fifths is a
ten-year-old (`kinema.body.sizes`)."""


class MotionSampler:
    """Samples windows of motion capture with random people, cameras and speeds."""

    def __init__(
        self, sequences: list[MocapSequence], body: BodyTables, config: PoseLifterConfig, rng: TorchRandom
    ) -> None:
        self.body, self.config, self.rng = body, config, rng
        dense = [s.resampled(RATE) for s in sequences]
        device = rng.device
        self.rotation = torch.cat([torch.tensor(s.rotation, dtype=torch.float32) for s in dense]).to(device)
        self.root = torch.cat([torch.tensor(s.root, dtype=torch.float32) for s in dense]).to(device)
        lengths = np.array([len(s.root) for s in dense])
        self.start = torch.tensor(np.r_[0, np.cumsum(lengths)[:-1]], device=device)
        self.last = torch.tensor(lengths - 1, device=device)
        self.near = torch.tensor([abs(tap) <= NEARBY for tap in config.taps], device=device)
        self.probability = torch.tensor(_balanced(sequences, lengths), dtype=torch.float32, device=device)

    @torch.no_grad()
    def sample(self, count: int) -> Samples:
        """`count` clean samples."""
        rng, frames = self.rng, len(self.config.taps)
        speed = torch.tensor(SPEEDS, device=rng.device)[rng.integers(len(SPEEDS), count)]
        which = torch.multinomial(self.probability, count, replacement=True, generator=rng.generator)
        last = self.last[which][:, None]
        centre = rng.uniform(0, 1, count)[:, None] * last
        ahead = RATE / 30.0 * torch.tensor(self.config.taps, device=rng.device)
        # The clip starts or ends this many frames away, and is padded there, as clips are.
        ends = torch.where(rng.below(ENDED_SHARE, count, 2), rng.uniform(0, 1, count, 2), 1.0) * ahead[-1]
        ahead = torch.minimum(torch.maximum(ahead, -ends[:, :1]), ends[:, 1:])
        index = (centre + speed[:, None] * ahead).round().long().clamp(min=0)
        index = torch.minimum(index, last) + self.start[which][:, None]
        turns = torch.tensor(TURNED_DEGREES, dtype=torch.float32, device=rng.device).deg2rad()[:, None]
        far = rng.below(FAR_SHARE, count, 1, 1)
        turns = turns * torch.where(
            far, rng.uniform(USUAL_TURN, FAR_TURN, count, 1, 1), rng.uniform(0, USUAL_TURN, count, 1, 1)
        )
        perturbation = rotation_vector_to_matrix(rng.normal(count, 24, 3) * turns)
        local = self._mixed(self.rotation[index]) @ perturbation[:, None]
        camera, root = self._random_camera(self.root[index])
        local[:, :, 0] = camera[:, None] @ local[:, :, 0]
        betas = self._random_betas(count)
        betas_per_frame = betas[:, None].expand(-1, frames, -1).reshape(-1, 10)
        rotation, joints = self.body.joints(local.reshape(-1, 24, 3, 3), betas_per_frame)
        points = self.body.points(rotation, joints, betas_per_frame)
        points = points.reshape(count, frames, -1, 3) + root[:, :, None]
        behind = (NEAREST - points[:, self.near, :, 2].amin((1, 2))).clamp(min=0)[:, None]
        points[..., 2] += behind[..., None]
        root[..., 2] += behind
        joints = joints.reshape(count, frames, 24, 3)
        up = camera[:, :, 1]
        contacts = foot_contacts(joints + root[:, :, None], up, self.config.taps)
        middle = frames // 2
        return Samples(points, local[:, middle], joints[:, middle], betas, up, contacts)

    def _random_betas(self, count: int) -> Tensor:
        """Shapes (N,10) of random people, children among them."""
        betas = 1.2 * self.rng.normal(count, 10)
        betas[:, 5:] *= 0.5
        young = self.rng.uniform(0, YOUNGEST, count, 1) * self.rng.below(CHILD_SHARE, count, 1)
        return betas + young * self.body.child

    def _mixed(self, local: Tensor) -> Tensor:
        """The people (N,W,24,3,3), some with `MIXED_PARTS` of another person."""
        for joints, probability in MIXED_PARTS:
            receivers = self.rng.below(probability, len(local)).nonzero()[:, 0]
            donors = self.rng.integers(len(local), len(receivers))
            rows = torch.tensor(joints, device=local.device)
            local[receivers[:, None], :, rows] = local[donors[:, None], :, rows]
        return local

    def _random_camera(self, root: Tensor) -> tuple[Tensor, Tensor]:
        """Random cameras: world-to-camera rotations (N,3,3), and the roots (N,W,3) in their frames."""
        rng, count = self.rng, len(root)
        yaw = rng.uniform(0, 2 * np.pi, count)
        level = LEVEL_PITCH + LEVEL_SPREAD * rng.normal(count)
        pitch = torch.deg2rad(torch.where(rng.below(HIGH_SHARE, count), rng.uniform(*HIGH_PITCH, count), level))
        roll = torch.deg2rad(3 * rng.normal(count))
        arbitrary = rng.below(0.04, count)
        pitch = torch.where(arbitrary, rng.uniform(-1.5, 1.5, count), pitch)
        roll = torch.where(arbitrary, rng.uniform(-np.pi, np.pi, count), roll)
        zero = torch.zeros_like(yaw)
        turn = rotation_vector_to_matrix(torch.stack([zero, yaw, zero], -1))
        tilt = rotation_vector_to_matrix(torch.stack([-pitch, zero, zero], -1))
        bank = rotation_vector_to_matrix(torch.stack([zero, zero, roll], -1))
        flip = torch.diag(torch.tensor([1.0, -1, -1], device=rng.device))
        camera = bank @ flip @ tilt @ turn
        moved = root @ camera.transpose(1, 2)
        middle = moved[:, moved.shape[1] // 2 : moved.shape[1] // 2 + 1]
        reach = (moved - middle)[:, self.near].norm(dim=-1).amax(1)
        close = rng.below(CLOSE_SHARE, count)
        distance = torch.where(close, self._distance(CLOSE_METRES, count), self._distance(FAR_METRES, count))
        distance = distance + 0.7 * reach
        # A close camera looks at the chest, which is above the root.
        right = torch.where(close, 0.5, 1.0) * distance * rng.uniform(-0.45, 0.45, count)
        down = torch.where(close, 0.35 + 0.1 * rng.normal(count), distance * rng.uniform(-0.25, 0.25, count))
        position = torch.stack([right, down, distance], -1)
        return camera, moved - middle + position[:, None]

    def _distance(self, metres: tuple[float, float], count: int) -> Tensor:
        """(N,) distances, uniform in their logarithm."""
        return torch.exp(self.rng.uniform(math.log(metres[0]), math.log(metres[1]), count))


class SamplePool:
    """Clean samples in memory, some of which are replaced at each draw; draws batches with simulated errors."""

    def __init__(
        self, sampler: MotionSampler, *, size: int, renewed: int, errors: dict[str, Tensor] | None = None
    ) -> None:
        """size: samples in the pool; renewed: new ones per draw; errors: measured ones, or None for a simple model."""
        self.sampler, self.renewed, self.errors, self.next = sampler, renewed, errors, 0
        parts = [sampler.sample(1000) for _ in range(size // 1000)]
        self.pool = Samples(*(torch.cat([getattr(p, n) for p in parts]) for n in Samples.__annotations__))

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """A batch of `count` samples with simulated errors."""
        rng = self.sampler.rng
        drawn = mirror_some(self.clean(count), rng)
        observed = observe(drawn.points, rng, self.sampler.config.taps, self.errors)
        return landmark_batch(drawn, *observed, rng)

    @torch.no_grad()
    def clean(self, count: int) -> Samples:
        """`count` samples without errors."""
        size = len(self.pool.betas)
        if self.renewed:
            new = self.sampler.sample(self.renewed)
            rows = (self.next + torch.arange(self.renewed, device=new.betas.device)) % size
            for name in Samples.__annotations__:
                getattr(self.pool, name)[rows] = getattr(new, name)
            self.next = (self.next + self.renewed) % size
        which = self.sampler.rng.integers(size, count)
        return Samples(*(getattr(self.pool, n)[which] for n in Samples.__annotations__))


def _balanced(sequences: list[MocapSequence], lengths: np.ndarray) -> np.ndarray:
    """Sampling probability of each sequence of `lengths` (S,) frames: tempered over category and subject, by length
    within them."""
    category = np.array([s.category for s in sequences])
    group = np.array([f"{s.category}/{s.subject}" for s in sequences])
    weight = np.zeros(len(sequences))
    for c in np.unique(category):
        groups = np.unique(group[category == c])
        share = np.sqrt(min(lengths[category == c].sum(), LONGEST * RATE)) / len(groups)
        for g in groups:
            weight[group == g] = share * lengths[group == g] / lengths[group == g].sum()
    return np.asarray(weight / weight.sum())
