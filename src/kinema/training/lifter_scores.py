"""Scores of a lifter on held-out people: errors of joints and vertical, with and without a known vertical."""

from __future__ import annotations

import torch
from torch import Tensor

from kinema.models.pose_lifter.network import PoseLifter
from kinema.models.pose_lifter.vertical import trust
from kinema.skeleton import LIMBS12, SMPL24
from kinema.training.lifter_samples import Batch, Samples, make_batch
from kinema.training.pose_lifter import gram_schmidt
from kinema.training.torch_body import BodyTables, rotation_vector_to_matrix
from kinema.training.torch_random import TorchRandom

KNOWN = 1.5
"""Degrees: standard deviation of the given verticals, about what vanishing lines and calibrations reach."""


class VerticalScores:
    """Scores lifters on the same samples twice: without the vertical, and with one that is off by KNOWN."""

    def __init__(self, samples: Samples, features: Tensor, turns: Tensor, body: BodyTables) -> None:
        """features (N,W,D), turns (N,W,3,3): of the samples' observations, as for `make_batch`."""
        count = len(samples.up)
        turned = rotation_vector_to_matrix(torch.deg2rad(KNOWN * TorchRandom(0, "cpu").normal(count, 3)))
        share = torch.full((count, 1), trust(KNOWN))
        given = torch.cat([share * (turned @ samples.up[..., None])[..., 0], share], -1)
        self.unknown = make_batch(samples, features, turns, torch.zeros_like(given))
        self.known = make_batch(samples, features, turns, given)
        self.body = body

    def __call__(self, net: PoseLifter) -> dict[str, float]:
        """The `lifter_scores`; names of those with a given vertical end in `_known`."""
        known = lifter_scores(net, self.body, self.known)
        return lifter_scores(net, self.body, self.unknown) | {f"{name}_known": value for name, value in known.items()}


@torch.no_grad()
def lifter_scores(net: PoseLifter, body: BodyTables, batch: Batch) -> dict[str, float]:
    """MPJPE of the 12 limb joints (mid-hip aligned, mm), mean errors of joints, of the root's rotation and of the
    vertical (degrees), and the ratio of the errors to the predicted sigmas (1 is calibrated).
    """
    six, sigma, betas, up, _ = (o[:, 0] for o in net.at_centre(batch.features))
    rotation = gram_schmidt(six)
    _, joints = body.joints(rotation, betas)
    limbs = torch.tensor(SMPL24.indices(LIMBS12))
    error = mid_hip_aligned(joints[:, limbs]) - mid_hip_aligned(batch.joints[:, limbs])
    chord = (rotation - batch.rotation).square().sum((-1, -2)) / 2
    cosine = (torch.nn.functional.normalize(up, dim=-1) * batch.up).sum(-1).clamp(-1, 1)
    return {
        "held_mpjpe": float(error.norm(dim=-1).mean() * 1e3),
        "held_angle": float(chord.sqrt()[:, :22].mean() * 57.3),
        "held_root": float(chord.sqrt()[:, 0].mean() * 57.3),
        "held_up": float(torch.rad2deg(torch.arccos(cosine)).mean()),
        "held_honesty": float((chord / sigma.square() / 3)[:, :22].mean().sqrt()),
    }


def mid_hip_aligned(limbs: Tensor) -> Tensor:
    """The joints LIMBS12 (..., 12, 3) relative to the midpoint of the hips."""
    return limbs - 0.5 * (limbs[..., 6:7, :] + limbs[..., 7:8, :])
