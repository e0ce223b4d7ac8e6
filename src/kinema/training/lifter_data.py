"""Training data for the pose lifter, made on the device while it trains.

Motion capture gives the pose, the free body its landmarks, chance everything else: shape, camera,
distance, lens, speed, mirror, hidden parts, and the keypoint network's errors. Errors are drawn from a
simple model or, where a bank of measured ones is given (`kinema.training.keypoint_errors`), from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.body import BodyModel
from kinema.estimation.rig import Rig
from kinema.lifting.features import lifter_features
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.training.mocap import MocapSequence

RATE = 60.0
"""Frames a second at which the sequences are kept; windows step through them at several speeds."""

STRIDES = (1, 2, 2, 2, 2, 3, 4)
"""Steps of a window at `RATE`: half, normal (30 a second), one and a half and double speed."""


@dataclass(frozen=True)
class BodyTables:
    """The free body as a rig for torch: what `kinema.estimation.rig.Rig` holds, for any betas."""

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

        return cls(
            tuple(int(p) for p in rig.parents),
            *(
                tensor(a)
                for a in (rig.offsets, rig.offsets_dbeta, rig.point_joint, rig.point_offset, rig.point_offset_dbeta)
            ),
        )

    def forward(self, local: Tensor, root: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """local (B,T,24,3,3), root (B,T,3), betas (B,10) -> global rotations, joints (B,T,24,3), points (B,T,K,3)."""
        offsets = self.offsets + torch.einsum("jcb,nb->njc", self.offsets_dbeta, betas)
        carried = self.point_offset + torch.einsum("jcb,nb->njc", self.point_offset_dbeta, betas)
        rotation, position = [local[:, :, 0]], [root]
        for j in range(1, len(self.parents)):
            p = self.parents[j]
            rotation.append(rotation[p] @ local[:, :, j])
            position.append(position[p] + (rotation[p] @ offsets[:, None, j, :, None])[..., 0])
        world = torch.stack(rotation, 2)
        joints = torch.stack(position, 2)
        points = joints[:, :, self.point_joint] + (world[:, :, self.point_joint] @ carried[:, None, :, :, None])[..., 0]
        return world, joints, points


@dataclass(frozen=True)
class Batch:
    """features (B,T,D); target rotations (B,T,24,3,3) with the root in the turned camera; joints (B,T,24,3)
    pelvis-relative in the turned camera; betas (B,10); up (B,T,3); contacts (B,T,4); have_pose (B,) 1 where
    the rotations are truth."""

    features: Tensor
    rotation: Tensor
    joints: Tensor
    betas: Tensor
    up: Tensor
    contacts: Tensor


class LifterSimulator:
    """Draws batches of windows.

    sequences: motion capture; body: the rig; bank: measured keypoint errors or None; rng: torch generator
    on the device.
    """

    def __init__(
        self,
        sequences: list[MocapSequence],
        body: BodyTables,
        *,
        device: str,
        seed: int,
        bank: dict[str, Tensor] | None,
    ) -> None:
        self.device = device
        self.rng = torch.Generator(device=device).manual_seed(seed)
        self.body = body
        self.bank = bank
        dense = [s.resampled(RATE) for s in sequences]
        self.rotation = torch.cat([torch.tensor(s.rotation, dtype=torch.float32) for s in dense]).to(device)
        self.root = torch.cat([torch.tensor(s.root, dtype=torch.float32) for s in dense]).to(device)
        lengths = np.array([len(s.root) for s in dense])
        self.start = torch.tensor(np.r_[0, np.cumsum(lengths)[:-1]], device=device)
        self.length = torch.tensor(lengths, device=device)
        self.probability = torch.tensor(_balanced(sequences, lengths), dtype=torch.float32, device=device)
        self.mirror_joint = torch.tensor(SMPL24.mirror, device=device)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.rng, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.rng, device=self.device)

    def chance(self, probability: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.rng, device=self.device) < probability

    def draw(self, batch: int, frames: int) -> Batch:
        """One batch of windows of `frames` frames at about 30 a second."""
        local, root = self._windows(batch, frames)
        local = self._varied(local)
        betas = 1.2 * self.normal(batch, 10)
        betas[:, 5:] *= 0.5
        local, root, up = self._filmed(local, root)
        _, joints, points = self.body.forward(local, root, betas)
        return make_batch(local, joints, betas, up, self._seen(points))

    def _windows(self, batch: int, frames: int) -> tuple[Tensor, Tensor]:
        stride = torch.tensor(STRIDES, device=self.device)[
            torch.randint(len(STRIDES), (batch,), generator=self.rng, device=self.device)
        ]
        which = torch.multinomial(self.probability, batch, replacement=True, generator=self.rng)
        span = (frames - 1) * stride
        room = (self.length[which] - 1 - span).clamp(min=0)
        first = (torch.rand(batch, generator=self.rng, device=self.device) * (room + 1)).long()
        index = first[:, None] + stride[:, None] * torch.arange(frames, device=self.device)
        # A sequence shorter than the window is played back and forth.
        last = (self.length[which] - 1)[:, None]
        index = index % (2 * last)
        index = torch.where(index > last, 2 * last - index, index) + self.start[which][:, None]
        local, root = self.rotation[index], self.root[index].clone()
        flip = self.chance(0.5, batch)
        sign = torch.tensor([-1.0, 1.0, 1.0], device=self.device)
        mirrored = local[:, :, self.mirror_joint] * (sign[:, None] * sign)
        local = torch.where(flip[:, None, None, None, None], mirrored, local)
        return local, torch.where(flip[:, None, None], root * sign, root)

    def _varied(self, local: Tensor) -> Tensor:
        """Other bodies move a little otherwise: each joint turned by a constant and a slow random rotation."""
        batch, frames = local.shape[:2]
        degrees = torch.full((24,), 5.0, device=self.device)
        degrees[[16, 17, 18, 19]] = 12.0  # arms vary most: the capture is mostly dance and sport
        degrees[0] = 4.0
        constant = self.normal(batch, 1, 24, 3)
        slow = smooth_noise(self, batch, frames, 24 * 3, 20.0).reshape(batch, frames, 24, 3)
        amount = torch.deg2rad(degrees)[None, None, :, None] * self.uniform(0.0, 1.2, batch, 1, 1, 1)
        return local @ rotation_vector_to_matrix((constant + 0.5 * slow) * amount)

    def _filmed(self, local: Tensor, root: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The scene in the frame of a random camera: local, root, and the world's up (B,3) in it."""
        batch = len(local)
        yaw = self.uniform(0, 2 * np.pi, batch)
        pitch = torch.deg2rad(-6 + 12 * self.normal(batch)).clamp(-1.2, 0.6)
        roll = torch.deg2rad(3 * self.normal(batch))
        wild = self.chance(0.04, batch)
        pitch = torch.where(wild, self.uniform(-1.5, 1.5, batch), pitch)
        roll = torch.where(wild, self.uniform(-np.pi, np.pi, batch), roll)
        zero = torch.zeros_like(yaw)
        turn = rotation_vector_to_matrix(torch.stack([zero, yaw, zero], -1))
        tilt = rotation_vector_to_matrix(torch.stack([-pitch, zero, zero], -1))
        bank = rotation_vector_to_matrix(torch.stack([zero, zero, roll], -1))
        flip = torch.diag(torch.tensor([1.0, -1, -1], device=self.device))
        camera = bank @ flip @ tilt @ turn  # camera from world
        local = local.clone()
        local[:, :, 0] = camera[:, None] @ local[:, :, 0]
        moved = torch.einsum("bij,btj->bti", camera, root)
        middle = moved.mean(1, keepdim=True)
        reach = (moved - middle).norm(dim=-1).amax(1)
        distance = torch.exp(self.uniform(float(np.log(1.7)), float(np.log(12.0)), batch)) + 0.7 * reach
        aside = self.uniform(-0.45, 0.45, batch), self.uniform(-0.25, 0.25, batch)
        place = torch.stack([aside[0] * distance, aside[1] * distance, distance], -1)
        return local, moved - middle + place[:, None], camera[:, :, 1]

    def _seen(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the keypoint network would answer: rays (B,T,33,2), confidence (B,T,33), landmarks (B,T,33,3)."""
        batch, frames = points.shape[:2]
        depth = points[..., 2:].clamp(min=0.3)
        rays = points[..., :2] / depth
        left, right = BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")
        middle = 0.5 * (points[:, :, left] + points[:, :, right])
        landmarks = points - middle[:, :, None]
        metre = 1.0 / middle[..., 2].clamp(min=0.3)  # one metre at the person, on the image plane at depth 1
        confidence = 0.6 + 0.39 * torch.rand(batch, frames, 33, generator=self.rng, device=self.device)
        if self.bank is not None:
            which = torch.randint(len(self.bank["flat"]), (batch,), generator=self.rng, device=self.device)
            offset = torch.randint(
                self.bank["flat"].shape[1] - frames + 1, (batch,), generator=self.rng, device=self.device
            )
            rows = offset[:, None] + torch.arange(frames, device=self.device)
            take = {k: v[which[:, None], rows] for k, v in self.bank.items()}
            gain = self.uniform(0.5, 1.3, batch, 1, 1, 1)
            flat, solid, confidence = take["flat"] * gain, take["solid"] * gain, take["confidence"]
            # Measured in the axes of the turned camera, which the points' own axes stand in for here.
            landmarks = landmarks * take["scale"][..., None, None] + solid
        else:
            flat = (
                0.016
                * self.uniform(0.4, 1.6, batch, 1, 1, 1)
                * smooth_noise(self, batch, frames, 66, 3.0).reshape(batch, frames, 33, 2)
            )
            flat = flat + 0.012 * self.normal(batch, 1, 33, 2)
            solid = smooth_noise(self, batch, frames, 99, 5.0).reshape(batch, frames, 33, 3) + self.normal(
                batch, 1, 33, 3
            )
            solid = (
                solid * torch.tensor([0.035, 0.035, 0.075], device=self.device) * self.uniform(0.5, 1.6, batch, 1, 1, 1)
            )
            landmarks = landmarks * self.uniform(0.85, 1.1, batch, 1, 1, 1) + solid
        rays = rays + flat * metre[..., None, None]
        rays, confidence, landmarks = self._hidden(rays, confidence, landmarks, metre)
        # The focal length is often a guess: everything is seen through a lens of another one.
        return rays * torch.exp(0.15 * self.normal(batch, 1, 1, 1)), confidence, landmarks

    def _hidden(
        self, rays: Tensor, confidence: Tensor, landmarks: Tensor, metre: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, frames = rays.shape[:2]
        # Parts out of the picture: below, above or beside a line, for the whole window.
        centre = rays[:, :, [11, 12, 23, 24]].mean(2, keepdim=True)
        local = (rays - centre) / metre[..., None, None]
        axis = torch.randint(2, (batch, 1, 1), generator=self.rng, device=self.device)
        sign = torch.where(self.chance(0.5, batch, 1, 1), 1.0, -1.0)
        along = torch.where(axis == 0, local[..., 0], local[..., 1]) * sign
        out = (along > self.uniform(0.05, 0.7, batch, 1, 1)) & self.chance(0.2, batch, 1, 1)
        # Limbs behind something, for a stretch of frames.
        part = torch.tensor(_PARTS, device=self.device)
        hidden = smooth_noise(self, batch, frames, int(part.max()) + 1, 10.0) > 1.9
        out = out | hidden[:, :, part]
        # Single landmarks lost, and whole frames without anybody.
        out = out | self.chance(0.01, batch, frames, 33) | self.chance(0.01, batch, frames, 1)
        low = 0.3 * torch.rand(confidence.shape, generator=self.rng, device=self.device)
        confidence = torch.where(out, low * (low > 0.05), confidence)
        worse = out[..., None] * 0.12 * smooth_noise(self, batch, frames, 33 * 2, 4.0).reshape(batch, frames, 33, 2)
        worse3 = out[..., None] * 0.12 * smooth_noise(self, batch, frames, 33 * 3, 4.0).reshape(batch, frames, 33, 3)
        # Left and right exchanged for a few frames, the whole body or one pair of limbs.
        swap = (smooth_noise(self, batch, frames, 3, 2.0) > 2.6)[:, :, torch.tensor(_SWAPS, device=self.device)]
        mirror = torch.tensor(BLAZEPOSE33.mirror, device=self.device)
        rays = torch.where(swap[..., None], rays[:, :, mirror], rays)
        landmarks = torch.where(swap[..., None], landmarks[:, :, mirror], landmarks)
        return rays + worse * metre[..., None, None], confidence, landmarks + worse3


def make_batch(local: Tensor, joints: Tensor, betas: Tensor, up: Tensor, seen: tuple[Tensor, Tensor, Tensor]) -> Batch:
    """A batch from truth in the camera's frame and what was seen: rays, confidence, landmarks.

    local (B,T,24,3,3), joints (B,T,24,3), betas (B,10), up (B,3).
    """
    features, turn = lifter_features(*seen, torch)
    back = turn.transpose(-1, -2)
    rotation = local.clone()
    rotation[:, :, 0] = back @ local[:, :, 0]
    relative = (joints - joints[:, :, :1]) @ turn
    contacts = foot_contacts(joints, up)
    return Batch(features, rotation, relative, betas, torch.einsum("btij,bj->bti", back, up), contacts)


# Which part of the body hides together: head, arms, legs.
_PARTS = [
    0 if i <= 10 else (1 if n.startswith("left") else 2) + (0 if i < 23 else 2)
    for i, n in enumerate(BLAZEPOSE33.joints)
]
_SWAPS = [0 if i <= 10 else 1 if i < 23 else 2 for i in range(33)]


def rotation_vector_to_matrix(vector: Tensor) -> Tensor:
    """(..., 3) radians -> (..., 3, 3), Rodrigues' formula."""
    angle = vector.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    x, y, z = (vector / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, cosine = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    return torch.eye(3, device=vector.device) + sine * cross + (1 - cosine) * (cross @ cross)


def smooth_noise(source: LifterSimulator, batch: int, frames: int, channels: int, sigma: float) -> Tensor:
    """(B,T,C) standard normal values whose correlation falls over about `sigma` frames."""
    reach = int(np.ceil(3 * sigma))
    white = source.normal(batch, channels, frames + 2 * reach)
    place = torch.arange(-reach, reach + 1, device=white.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (place / sigma) ** 2)
    kernel = kernel / kernel.norm()
    smooth = torch.nn.functional.conv1d(white.reshape(-1, 1, frames + 2 * reach), kernel[None, None])
    return smooth.reshape(batch, channels, frames).transpose(1, 2)


def foot_contacts(joints: Tensor, up: Tensor) -> Tensor:
    """Which feet stand, from clean joints (B,T,24,3) and the vertical (B,3): (B,T,4), CONTACT_POINTS.

    The ground is taken where the lowest foot of the window is: the body's legs are not the captured ones.
    """
    feet = [SMPL24.index(f"{side}_{name}") for side in ("left", "right") for name in ("ankle", "foot")]
    points = joints[:, :, feet]
    speed = torch.zeros_like(points[..., 0])
    speed[:, 1:-1] = (points[:, 2:] - points[:, :-2]).norm(dim=-1) * 15.0
    speed[:, 0], speed[:, -1] = speed[:, 1], speed[:, -2]
    height = torch.einsum("btjc,bc->btj", points, up)
    height = height - height[:, :, 1::2].amin((1, 2))[:, None, None]
    limit = torch.tensor([0.14, 0.06, 0.14, 0.06], device=joints.device)
    return ((speed < 0.35) & (height < limit)).float()


def _balanced(sequences: list[MocapSequence], lengths: np.ndarray) -> np.ndarray:
    """Chance of each sequence: by category and subject, tempered, within them by length."""
    group = np.array([f"{s.category}/{s.subject}" for s in sequences])
    category = np.array([s.category for s in sequences])
    weight = np.zeros(len(sequences))
    for c in np.unique(category):
        groups = np.unique(group[category == c])
        share = np.sqrt(lengths[category == c].sum()) / len(groups)
        for g in groups:
            rows = group == g
            weight[rows] = share * lengths[rows] / lengths[rows].sum()
    return weight / weight.sum()
