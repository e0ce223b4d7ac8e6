"""Training samples of the pose lifter: contents, mirroring, camera roll, and the network's input and targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.models.pose_lifter.features import lifter_features
from kinema.models.pose_lifter.vertical import VAGUE, trust, with_vertical
from kinema.skeleton import BLAZEPOSE33, SMPL24
from kinema.training.torch_body import rotation_vector_to_matrix
from kinema.training.torch_random import TorchRandom

UNKNOWN_SHARE, WRONG_SHARE, SURE = 0.4, 0.02, 0.4
"""Fraction of the samples with unknown vertical, fraction with a wrong one, and least error in degrees."""


@dataclass(frozen=True)
class Samples:
    """Clean samples in the camera's frame, W frames each, with the ground truth of the middle one.

    points (N,W,K,3) landmarks, metres; rotation (N,24,3,3) relative to the parent; joints (N,24,3) pelvis
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
    """The network's input features (N,W,NUM_FEATURES), and its targets for the middle frame, in the axes of
    that frame's rotated camera: rotation (N,24,3,3), joints (N,24,3), betas (N,10), up (N,3), contacts (N,4).
    """

    features: Tensor
    rotation: Tensor
    joints: Tensor
    betas: Tensor
    up: Tensor
    contacts: Tensor


def mirror_some(samples: Samples, rng: TorchRandom, mirror: np.ndarray = BLAZEPOSE33.mirror) -> Samples:
    """Mirror half of the samples: left and right swapped, x negated. mirror (K,): of the points."""
    device = rng.device
    flip = rng.below(0.5, len(samples.betas))
    sign = torch.tensor([-1.0, 1.0, 1.0], device=device)
    point, joint = torch.tensor(mirror, device=device), torch.tensor(SMPL24.mirror, device=device)

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


def roll_some(samples: Samples, rng: TorchRandom) -> tuple[Samples, Tensor]:
    """Roll the camera of a third of the samples about its axis; the rotations (N,3,3), for their observations.

    The samples' points are left unchanged.
    """
    count = len(samples.up)
    angle = torch.deg2rad(15.0 * rng.normal(count)) * rng.below(0.33, count)
    zero = torch.zeros_like(angle)
    turn = rotation_vector_to_matrix(torch.stack([zero, zero, angle], -1))
    rotation = samples.rotation.clone()
    rotation[:, 0] = turn @ rotation[:, 0]
    up = (turn @ samples.up[..., None])[..., 0]
    joints = samples.joints @ turn.transpose(1, 2)
    return Samples(samples.points, rotation, joints, samples.betas, up, samples.contacts), turn


def known_verticals(up: Tensor, rng: TorchRandom) -> Tensor:
    """The knowledge of verticals (N,3): inputs (N,4) as in `Vertical.inputs`; UNKNOWN_SHARE of them are unknown.

    The others are off by their stated uncertainty, except for WRONG_SHARE: vanishing lines that belong to something
    else.
    """
    count = len(up)
    sigma = torch.exp(rng.uniform(math.log(SURE), math.log(VAGUE), count))
    off = torch.where(rng.below(WRONG_SHARE, count), 15.0, sigma)
    # A rotation about the vertical itself changes nothing: the error is about the two horizontal axes.
    given = (rotation_vector_to_matrix(torch.deg2rad(off[:, None] * rng.normal(count, 3))) @ up[..., None])[..., 0]
    share = (trust(sigma) * ~rng.below(UNKNOWN_SHARE, count))[:, None]
    return torch.cat([share * given, share], -1)


def make_batch(samples: Samples, features: Tensor, turns: Tensor, known: Tensor) -> Batch:
    """A batch from clean samples, the features of their observations (N,W,D), the features' cameras (N,W,3,3), and the
    inputs of the verticals (N,4).
    """
    features = with_vertical(features, turns, known[:, None].expand(-1, features.shape[1], -1), torch)
    turn = turns[:, turns.shape[1] // 2]
    rotation = samples.rotation.clone()
    rotation[:, 0] = turn.transpose(1, 2) @ rotation[:, 0]
    up = (turn.transpose(1, 2) @ samples.up[..., None])[..., 0]
    return Batch(features, rotation, samples.joints @ turn, samples.betas, up, samples.contacts)


def landmark_batch(samples: Samples, rays: Tensor, confidence: Tensor, landmarks: Tensor, rng: TorchRandom) -> Batch:
    """A batch of rolled samples from their observations (N,W,33,...), for the lifter of BlazePose's landmarks."""
    rolled, turn = roll_some(samples, rng)
    back = turn.transpose(1, 2)[:, None]
    features = lifter_features(rays @ back[..., :2, :2], confidence, landmarks @ back, torch)
    return make_batch(rolled, *features, known_verticals(rolled.up, rng))


def foot_contacts(joints: Tensor, up: Tensor, taps: Sequence[int]) -> Tensor:
    """Foot contacts in the middle frame: joints (N,W,24,3) in frames `taps`, vertical (N,3) -> (N,4).

    The ground is at the sample's lowest foot, because the body's legs differ from the captured ones. In torch, because
    samples are generated on the training device.
    """
    feet = [SMPL24.index(f"{side}_{name}") for side in ("left", "right") for name in ("ankle", "foot")]
    points = joints[:, :, feet]
    middle = points.shape[1] // 2
    speed = (points[:, middle + 1] - points[:, middle - 1]).norm(dim=-1) * 30.0 / (taps[middle + 1] - taps[middle - 1])
    height = torch.einsum("nwjc,nc->nwj", points, up)
    height = height[:, middle] - height[:, :, 1::2].amin((1, 2))[:, None]
    limit = torch.tensor([0.14, 0.06, 0.14, 0.06], device=joints.device)
    result: Tensor = ((speed < 0.35) & (height < limit)).float()
    return result
