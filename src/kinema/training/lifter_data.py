"""Training data for the pose lifter, made while it trains.

Motion capture gives the pose, the free body its landmarks, chance everything else: shape, camera,
distance, lens, speed, mirror, hidden parts, and the keypoint network's errors. A sample is a handful of
frames, `spacing` apart, and the truth of the middle one. Clean samples wait in a pool that is renewed
bit by bit; errors are drawn anew each time a sample is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.models.pose_lifter.features import lifter_features
from kinema.models.pose_lifter.network import PoseLifterConfig
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.training.augmentation import FAR_SHARE, FAR_TURN, MIXED_PARTS, TURNED_DEGREES, USUAL_TURN
from kinema.training.mocap import MocapSequence

RATE = 60.0
"""Frames a second at which the sequences are kept; samples step through them at several speeds."""

SPEEDS = (0.5, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0)
"""How fast the captured motion is played: people differ, and so do clips."""


@dataclass(frozen=True)
class BodyTables:
    """The free body as a rig for torch: what `kinema.body.kinematics.Rig` holds, for any betas.

    It poses in torch and not through `forward_kinematics`, because samples are made on the device that trains.
    """

    parents: tuple[int, ...]
    offsets: Tensor  # (24, 3)
    offsets_dbeta: Tensor  # (24, 3, 10)
    point_joint: Tensor  # (K,)
    point_offset: Tensor  # (K, 3)
    point_offset_dbeta: Tensor  # (K, 3, 10)

    @classmethod
    def of(cls, body: BodyModel, device: str) -> BodyTables:
        """The tables of a body with its BlazePose landmarks."""
        rig = Rig.of(body, "blazepose33", np.zeros(10))

        def tensor(array: np.ndarray) -> Tensor:
            kind = torch.long if array.dtype.kind in "iu" else torch.float32
            return torch.tensor(array, dtype=kind, device=device)

        names = ("offsets", "offsets_dbeta", "point_joint", "point_offset", "point_offset_dbeta")
        return cls(tuple(int(p) for p in rig.parents), *(tensor(getattr(rig, n)) for n in names))

    def joints(self, local: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pelvis at 0: local (N,24,3,3), betas (N,10) -> global rotations (N,24,3,3), joints (N,24,3)."""
        offsets = self.offsets + torch.einsum("jcb,nb->njc", self.offsets_dbeta, betas)
        rotation = [local[:, 0]]
        position = [torch.zeros_like(local[:, 0, :, 0])]
        for j in range(1, len(self.parents)):
            p = self.parents[j]
            rotation.append(rotation[p] @ local[:, j])
            position.append(position[p] + (rotation[p] @ offsets[:, j, :, None])[..., 0])
        return torch.stack(rotation, 1), torch.stack(position, 1)

    def points(self, rotation: Tensor, joints: Tensor, betas: Tensor) -> Tensor:
        """Landmarks (N,K,3) of posed bodies: global rotations (N,24,3,3), joints (N,24,3), betas (N,10)."""
        offset = self.point_offset + torch.einsum("kcb,nb->nkc", self.point_offset_dbeta, betas)
        carried = (rotation[:, self.point_joint] @ offset[..., None])[..., 0]
        return joints[:, self.point_joint] + carried


@dataclass(frozen=True)
class Samples:
    """Clean samples in the camera's frame, W frames each, truth of the middle one.

    points (N,W,33,3) landmarks, metres; rotation (N,24,3,3) relative to the parent; joints (N,24,3) pelvis
    at 0; betas (N,10); up (N,3); contacts (N,4) 0 or 1.
    """

    points: Tensor
    rotation: Tensor
    joints: Tensor
    betas: Tensor
    up: Tensor
    contacts: Tensor


@dataclass(frozen=True)
class Batch:
    """What the network sees, (N,W,NUM_FEATURES), and what it should answer for the middle frame, in the axes of
    that frame's turned camera: rotation (N,24,3,3), joints (N,24,3), betas (N,10), up (N,3), contacts (N,4).
    """

    features: Tensor
    rotation: Tensor
    joints: Tensor
    betas: Tensor
    up: Tensor
    contacts: Tensor


class Chance:
    """Random numbers on a device, from one seed."""

    def __init__(self, seed: int, device: str) -> None:
        self.device = device
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def below(self, probability: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device) < probability

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def smooth(self, batch: int, frames: int, step: float, sigma: float, *channels: int) -> Tensor:
        """(N, frames, *channels) standard normal; frames `step` apart, correlation exp(-(dt/sigma)^2 / 4)."""
        time = step * np.arange(frames)
        covariance = np.exp(-((time[:, None] - time) ** 2) / (4 * sigma**2)) + 1e-6 * np.eye(frames)
        factor = torch.tensor(np.linalg.cholesky(covariance), dtype=torch.float32, device=self.device)
        white = self.normal(batch, frames, int(np.prod(channels)))
        return (factor @ white).reshape(batch, frames, *channels)


class MotionFilmer:
    """Films stretches of motion capture: random people, cameras and speeds."""

    def __init__(
        self, sequences: list[MocapSequence], body: BodyTables, config: PoseLifterConfig, chance: Chance
    ) -> None:
        self.body, self.config, self.chance = body, config, chance
        dense = [s.resampled(RATE) for s in sequences]
        device = chance.device
        self.rotation = torch.cat([torch.tensor(s.rotation, dtype=torch.float32) for s in dense]).to(device)
        self.root = torch.cat([torch.tensor(s.root, dtype=torch.float32) for s in dense]).to(device)
        lengths = np.array([len(s.root) for s in dense])
        self.start = torch.tensor(np.r_[0, np.cumsum(lengths)[:-1]], device=device)
        self.last = torch.tensor(lengths - 1, device=device)
        self.probability = torch.tensor(_balanced(sequences, lengths), dtype=torch.float32, device=device)

    @torch.no_grad()
    def film(self, count: int) -> Samples:
        """`count` samples."""
        chance, frames = self.chance, self.config.taps
        speed = torch.tensor(SPEEDS, device=chance.device)[chance.integers(len(SPEEDS), count)]
        which = torch.multinomial(self.probability, count, replacement=True, generator=chance.generator)
        last = self.last[which][:, None]
        centre = chance.uniform(0, 1, count)[:, None] * last
        step = RATE / 30.0 * self.config.spacing * speed[:, None]
        ahead = torch.arange(frames, device=chance.device) - frames // 2
        index = (centre + step * ahead).round().long().clamp(min=0)
        index = torch.minimum(index, last) + self.start[which][:, None]
        turns = torch.tensor(TURNED_DEGREES, dtype=torch.float32, device=chance.device).deg2rad()[:, None]
        far = chance.below(FAR_SHARE, count, 1, 1)
        turns = turns * torch.where(
            far, chance.uniform(USUAL_TURN, FAR_TURN, count, 1, 1), chance.uniform(0, USUAL_TURN, count, 1, 1)
        )
        varied = rotation_vector_to_matrix(chance.normal(count, 24, 3) * turns)
        local = self._mixed(self.rotation[index]) @ varied[:, None]
        camera, root = self._filmed(self.root[index])
        local[:, :, 0] = camera[:, None] @ local[:, :, 0]
        betas = 1.2 * chance.normal(count, 10)
        betas[:, 5:] *= 0.5
        spread = betas[:, None].expand(-1, frames, -1).reshape(-1, 10)
        rotation, joints = self.body.joints(local.reshape(-1, 24, 3, 3), spread)
        points = self.body.points(rotation, joints, spread).reshape(count, frames, 33, 3) + root[:, :, None]
        joints = joints.reshape(count, frames, 24, 3)
        up = camera[:, :, 1]
        contacts = foot_contacts(joints + root[:, :, None], up, self.config.spacing / 30.0)
        middle = frames // 2
        return Samples(points, local[:, middle], joints[:, middle], betas, up, contacts)

    def _mixed(self, local: Tensor) -> Tensor:
        """Some of the people (N,W,24,3,3) with `MIXED_PARTS` of somebody else."""
        for joints, probability in MIXED_PARTS:
            taken = self.chance.below(probability, len(local)).nonzero()[:, 0]
            other = self.chance.integers(len(local), len(taken))
            rows = torch.tensor(joints, device=local.device)
            local[taken[:, None], :, rows] = local[other[:, None], :, rows]
        return local

    def _filmed(self, root: Tensor) -> tuple[Tensor, Tensor]:
        """Random cameras: camera from world (N,3,3), and the roots (N,W,3) in their frames."""
        chance, count = self.chance, len(root)
        yaw = chance.uniform(0, 2 * np.pi, count)
        pitch = torch.deg2rad(-6 + 12 * chance.normal(count)).clamp(-1.2, 0.6)
        roll = torch.deg2rad(3 * chance.normal(count))
        wild = chance.below(0.04, count)
        pitch = torch.where(wild, chance.uniform(-1.5, 1.5, count), pitch)
        roll = torch.where(wild, chance.uniform(-np.pi, np.pi, count), roll)
        zero = torch.zeros_like(yaw)
        turn = rotation_vector_to_matrix(torch.stack([zero, yaw, zero], -1))
        tilt = rotation_vector_to_matrix(torch.stack([-pitch, zero, zero], -1))
        bank = rotation_vector_to_matrix(torch.stack([zero, zero, roll], -1))
        flip = torch.diag(torch.tensor([1.0, -1, -1], device=chance.device))
        camera = bank @ flip @ tilt @ turn
        moved = root @ camera.transpose(1, 2)
        middle = moved[:, moved.shape[1] // 2 : moved.shape[1] // 2 + 1]
        reach = (moved - middle).norm(dim=-1).amax(1)
        distance = torch.exp(chance.uniform(float(np.log(1.5)), float(np.log(12.0)), count)) + 0.7 * reach
        aside = chance.uniform(-0.45, 0.45, count), chance.uniform(-0.25, 0.25, count)
        place = torch.stack([aside[0] * distance, aside[1] * distance, distance], -1)
        return camera, moved - middle + place[:, None]


class SamplePool:
    """Clean samples in memory, a part of them replaced at each draw; draws observed batches."""

    def __init__(self, filmer: MotionFilmer, *, size: int, renewed: int, errors: dict[str, Tensor] | None) -> None:
        """size: samples in the pool; renewed: new ones a draw; errors: measured ones, or None for a simple model."""
        self.filmer, self.renewed, self.errors, self.next = filmer, renewed, errors, 0
        parts = [filmer.film(1000) for _ in range(size // 1000)]
        self.pool = Samples(*(torch.cat([getattr(p, n) for p in parts]) for n in Samples.__annotations__))

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """A batch of `count` observed samples."""
        size = len(self.pool.betas)
        if self.renewed:
            new = self.filmer.film(self.renewed)
            rows = (self.next + torch.arange(self.renewed, device=new.betas.device)) % size
            for name in Samples.__annotations__:
                getattr(self.pool, name)[rows] = getattr(new, name)
            self.next = (self.next + self.renewed) % size
        chance = self.filmer.chance
        which = chance.integers(size, count)
        taken = mirror_some(Samples(*(getattr(self.pool, n)[which] for n in Samples.__annotations__)), chance)
        seen = observe(taken.points, chance, self.filmer.config.spacing, self.errors)
        return make_batch(*roll_some(taken, *seen, chance))


def mirror_some(samples: Samples, chance: Chance) -> Samples:
    """Half of the samples seen in a mirror: left and right exchanged, x negated."""
    device = chance.device
    flip = chance.below(0.5, len(samples.betas))
    sign = torch.tensor([-1.0, 1.0, 1.0], device=device)
    point, joint = torch.tensor(BLAZEPOSE33.mirror, device=device), torch.tensor(SMPL24.mirror, device=device)

    def choose(mirrored: Tensor, plain: Tensor) -> Tensor:
        return torch.where(flip.reshape(-1, *(1,) * (plain.ndim - 1)), mirrored, plain)

    return Samples(
        choose(samples.points[:, :, point] * sign, samples.points),
        choose(samples.rotation[:, joint] * (sign[:, None] * sign), samples.rotation),
        choose(samples.joints[:, joint] * sign, samples.joints),
        samples.betas,
        choose(samples.up * sign, samples.up),
        choose(samples.contacts[:, [2, 3, 0, 1]], samples.contacts),
    )


def roll_some(
    samples: Samples, rays: Tensor, confidence: Tensor, landmarks: Tensor, chance: Chance
) -> tuple[Samples, Tensor, Tensor, Tensor]:
    """A third of the samples through a camera that is held askew: all turned about the view's axis, which changes
    nothing else. The samples' points are left as they are.
    """
    count = len(rays)
    angle = torch.deg2rad(15.0 * chance.normal(count)) * chance.below(0.33, count)
    zero = torch.zeros_like(angle)
    turn = rotation_vector_to_matrix(torch.stack([zero, zero, angle], -1))  # (N,3,3)
    rotation = samples.rotation.clone()
    rotation[:, 0] = turn @ rotation[:, 0]
    up = (turn @ samples.up[..., None])[..., 0]
    back = turn.transpose(1, 2)
    turned = Samples(samples.points, rotation, samples.joints @ back, samples.betas, up, samples.contacts)
    return turned, rays @ back[:, None, :2, :2], confidence, landmarks @ back[:, None]


def make_batch(samples: Samples, rays: Tensor, confidence: Tensor, landmarks: Tensor) -> Batch:
    """A batch from clean samples and what was seen of them, (N,W,33,...)."""
    features, turns = lifter_features(rays, confidence, landmarks, torch)
    turn = turns[:, turns.shape[1] // 2]
    rotation = samples.rotation.clone()
    rotation[:, 0] = turn.transpose(1, 2) @ rotation[:, 0]
    up = (turn.transpose(1, 2) @ samples.up[..., None])[..., 0]
    return Batch(features, rotation, samples.joints @ turn, samples.betas, up, samples.contacts)


def observe(
    points: Tensor, chance: Chance, spacing: int, errors: dict[str, Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """What the keypoint network would answer: rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3).

    points (N,W,33,3): the true landmarks. errors: measured ones (`kinema.training.rendered`), drawn as
    stretches of frames; without them a Gaussian model of their usual size.
    """
    count, frames = points.shape[:2]
    rays = points[..., :2] / points[..., 2:].clamp(min=0.3)
    left, right = BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")
    middle = 0.5 * (points[:, :, left] + points[:, :, right])
    landmarks = points - middle[:, :, None]
    metre = (1.0 / middle[..., 2].clamp(min=0.3))[..., None, None]  # one metre at the person, at depth 1
    flat = 0.016 * chance.uniform(0.4, 1.6, count, 1, 1, 1) * chance.smooth(count, frames, spacing, 3.0, 33, 2)
    flat = flat + 0.012 * chance.normal(count, 1, 33, 2)
    solid = chance.smooth(count, frames, spacing, 5.0, 33, 3) + chance.normal(count, 1, 33, 3)
    size = torch.tensor([0.035, 0.035, 0.075], device=points.device) * chance.uniform(0.5, 1.6, count, 1, 1, 1)
    if errors is None:
        landmarks = landmarks * chance.uniform(0.85, 1.1, count, 1, 1, 1) + solid * size
        confidence = chance.uniform(0.6, 0.99, count, frames, 33)
    else:
        which, rows = _errors_of_like_poses(landmarks, errors["truth"], chance)
        measured = {n: errors[n][which, rows] for n in ("flat", "solid", "confidence")}
        flat = 0.4 * flat + measured["flat"] * chance.uniform(0.6, 1.3, count, 1, 1, 1)
        landmarks = (landmarks.reshape(count, frames, 99) @ errors["response"]).reshape(landmarks.shape)
        landmarks = landmarks + measured["solid"] * chance.uniform(0.8, 1.4, count, 1, 1, 1) + 0.5 * solid * size
        confidence = measured["confidence"]
    rays = rays + flat * metre
    return worsened(rays, confidence, landmarks, metre, chance, spacing)


def _errors_of_like_poses(
    landmarks: Tensor, truth: Tensor, chance: Chance, candidates: int = 400
) -> tuple[Tensor, Tensor]:
    """For each sample a stretch of measured errors that was made by a pose like its own.

    Errors hang on the pose and the view: an arm before the trunk is misplaced otherwise than one beside it.
    landmarks (N,W,33,3) of the samples, truth (M,T,33,3) where errors were measured. Returns windows (N,1)
    and rows (N,W). The nearest of some random candidates is taken, so that the choice varies.
    """
    frames = landmarks.shape[1]
    window = chance.integers(len(truth), candidates)
    first = chance.integers(truth.shape[1] - frames + 1, candidates)
    middle = frames // 2
    there = truth[window, first + middle].reshape(candidates, -1)
    nearest = torch.cdist(landmarks[:, middle].reshape(len(landmarks), -1), there).argmin(1)
    rows = first[nearest][:, None] + torch.arange(frames, device=landmarks.device)
    return window[nearest][:, None], rows


def worsened(
    rays: Tensor, confidence: Tensor, landmarks: Tensor, metre: Tensor, chance: Chance, spacing: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The evidence with parts hidden or exchanged, the 3D guess sometimes missing, and a lens that is not known.

    rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3); metre (N,W,1,1): one metre at the person, at depth 1.
    """
    count = len(rays)
    rays, confidence, landmarks = _hidden(rays, confidence, landmarks, metre, chance, spacing)
    # Without the 3D guess now and then: what the picture's geometry says must stand by itself.
    landmarks = landmarks * ~chance.below(0.2, count, 1, 1, 1)
    # The focal length is often a guess: everything is seen through a lens of another one.
    return rays * torch.exp(0.15 * chance.normal(count, 1, 1, 1)), confidence, landmarks


# Which landmarks hide together (head, arms, legs), and which exchange sides together.
_PARTS = [
    0 if i <= 10 else (1 if n.startswith("left") else 2) + (0 if i < 23 else 2)
    for i, n in enumerate(BLAZEPOSE33.joints)
]
_SWAPS = [0 if i <= 10 else 1 if i < 23 else 2 for i in range(len(BLAZEPOSE33))]


def _hidden(
    rays: Tensor, confidence: Tensor, landmarks: Tensor, metre: Tensor, chance: Chance, spacing: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Parts out of the picture, behind something, lost or exchanged."""
    count, frames, device = *rays.shape[:2], rays.device
    centre = rays[:, :, [11, 12, 23, 24]].mean(2, keepdim=True)
    local = (rays - centre) / metre
    # Out of the picture: beyond a line below, above or beside the person.
    sign = torch.where(chance.below(0.5, count, 1, 1), 1.0, -1.0)
    along = torch.where(chance.below(0.5, count, 1, 1), local[..., 0], local[..., 1]) * sign
    out = (along > chance.uniform(0.05, 0.7, count, 1, 1)) & chance.below(0.2, count, 1, 1)
    hidden = chance.smooth(count, frames, spacing, 10.0, max(_PARTS) + 1) > 1.9
    out = out | hidden[:, :, torch.tensor(_PARTS, device=device)]
    out = out | chance.below(0.01, count, frames, 33) | chance.below(0.01, count, frames, 1)
    low = chance.uniform(0.0, 0.3, count, frames, 33)
    confidence = torch.where(out, low * (low > 0.05), confidence)
    # A hidden landmark is a guess: off by decimetres, in the image and in depth.
    worse = out[..., None] * 0.12 * chance.normal(count, frames, 33, 5)
    swapped = (chance.smooth(count, frames, spacing, 2.0, 3) > 2.6)[:, :, torch.tensor(_SWAPS, device=device)]
    mirror = torch.tensor(BLAZEPOSE33.mirror, device=device)
    rays = torch.where(swapped[..., None], rays[:, :, mirror], rays)
    landmarks = torch.where(swapped[..., None], landmarks[:, :, mirror], landmarks)
    return rays + worse[..., :2] * metre, confidence, landmarks + worse[..., 2:]


def rotation_vector_to_matrix(vector: Tensor) -> Tensor:
    """(..., 3) radians -> (..., 3, 3), Rodrigues' formula."""
    angle = vector.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    x, y, z = (vector / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, cosine = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    return torch.eye(3, device=vector.device) + sine * cross + (1 - cosine) * (cross @ cross)


def foot_contacts(joints: Tensor, up: Tensor, step: float) -> Tensor:
    """Which feet stand in the middle frame: joints (N,W,24,3) `step` seconds apart, vertical (N,3) -> (N,4).

    The ground is taken where the lowest foot of the sample is: the body's legs are not the captured ones. In torch,
    as all of a sample is made on the device that trains.
    """
    feet = [SMPL24.index(f"{side}_{name}") for side in ("left", "right") for name in ("ankle", "foot")]
    points = joints[:, :, feet]
    middle = points.shape[1] // 2
    speed = (points[:, middle + 1] - points[:, middle - 1]).norm(dim=-1) / (2 * step)
    height = torch.einsum("nwjc,nc->nwj", points, up)
    height = height[:, middle] - height[:, :, 1::2].amin((1, 2))[:, None]
    limit = torch.tensor([0.14, 0.06, 0.14, 0.06], device=joints.device)
    return ((speed < 0.35) & (height < limit)).float()


def _balanced(sequences: list[MocapSequence], lengths: np.ndarray) -> np.ndarray:
    """Chance of each sequence: by category and subject, tempered, within them by length."""
    category = np.array([s.category for s in sequences])
    group = np.array([f"{s.category}/{s.subject}" for s in sequences])
    weight = np.zeros(len(sequences))
    for c in np.unique(category):
        groups = np.unique(group[category == c])
        share = np.sqrt(lengths[category == c].sum()) / len(groups)
        for g in groups:
            weight[group == g] = share * lengths[group == g] / lengths[group == g].sum()
    return weight / weight.sum()
