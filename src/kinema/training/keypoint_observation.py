"""Simulated detections of any joint set: the errors of today's 2D networks, what they miss, and which points they
give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kinema.models.pose_lifter.keypoint_features import LIFTED_SETS, MIRROR, NUM_POINTS, VOCABULARY, places
from kinema.skeleton import BLAZEPOSE33, joint_set
from kinema.training.lifter_observation import (
    errors_of_similar_poses,
    guessed_confidence,
    out_of_image,
    screen,
    seen_share,
)
from kinema.training.torch_random import TorchRandom

SHARES = (0.35, 0.2, 0.1, 0.1, 0.25)
"""How often each of LIFTED_SETS is drawn."""

LEAST, MOST = 0.004, 0.03
"""Metres at the person: range of the standard deviation of a detector's errors. RTMPose-s is off by 1.7 to 2.4 % of
the body's height on average on real clips, the truth's own errors included."""

BIAS = 0.014
"""Metres: standard deviation of a point's constant offset from its definition on the body."""

MEASURED_SHARE = 0.5
"""Fraction of the samples with errors measured on rendered people."""

FAR = np.array(
    [1.6 if name.split("_")[-1] in ("wrist", "ankle", "toe", "heel", "index", "pinky") else 1.0 for name in VOCABULARY]
)
"""(K,) relative size of each point's errors: hands and feet move most and are smallest."""

_ARM = ("shoulder", "elbow", "wrist", "pinky", "index", "thumb")
_LEG = ("hip", "lsp", "knee", "ankle", "toe", "heel")


def _part(name: str) -> int:
    limb = 1 if name.rsplit("_", maxsplit=1)[-1] in _ARM else 3 if name.rsplit("_", maxsplit=1)[-1] in _LEG else 0
    return limb + (name.startswith("right") if limb else 0)


PARTS = np.array([_part(name) for name in VOCABULARY])
"""(K,) points that are occluded together: 0 head and trunk, 1 and 2 arms, 3 and 4 legs."""

_FACE = np.array([name.split("_")[-1] in ("eye", "ear", "inner", "outer", "mouth") for name in VOCABULARY])


def observe_keypoints(
    points: Tensor, rng: TorchRandom, taps: Sequence[int], errors: dict[str, Tensor] | None, layout: str | None = None
) -> tuple[Tensor, Tensor]:
    """Simulated detections: rays (N,W,K,2) and confidence (N,W,K), 0 for points that are not given.

    points (N,W,K,3): the true points of VOCABULARY, in frames `taps`. errors: measured ones
    (`kinema.training.windows`), or None. layout: the joint set of all samples; None draws one of LIFTED_SETS for each,
    sometimes with points missing.
    """
    count, frames, device = *points.shape[:2], points.device
    rays = screen(points)
    hips = points[:, :, [VOCABULARY.index("left_hip"), VOCABULARY.index("right_hip")]].mean(2)
    metre = (1.0 / hips[..., 2].clamp(min=0.3))[..., None, None]
    far = torch.tensor(FAR, dtype=torch.float32, device=device)[:, None]
    size = torch.exp(rng.uniform(float(np.log(LEAST)), float(np.log(MOST)), count, 1, 1, 1)) * far
    spike = torch.where(rng.below(0.02, count, frames, NUM_POINTS, 1), 4.0, 1.0)
    own = 0.7 * rng.smooth(count, taps, 4.0, NUM_POINTS, 2) + 0.7 * rng.normal(count, frames, NUM_POINTS, 2)
    flat = size * spike * own + BIAS * rng.uniform(0, 1.3, count, 1, 1, 1) * rng.normal(count, 1, NUM_POINTS, 2)
    if errors is not None:
        flat = flat + _measured(points - hips[:, :, None], errors, taps, rng)
    confidence = _confidence(flat.norm(dim=-1), rng) * seen_share(points, rays)
    rays, confidence = _spoilt(rays + flat * metre, confidence, metre, rng, taps)
    confidence = confidence * _given(count, rng, layout)
    # The focal length is often a guess: simulate a lens with a different one.
    return rays * torch.exp(0.1 * rng.normal(count, 1, 1, 1)), confidence


def _measured(local: Tensor, errors: dict[str, Tensor], taps: Sequence[int], rng: TorchRandom) -> Tensor:
    """Errors (N,W,K,2) measured on similar poses, for some of the samples; 0 for points that were not measured."""
    rows, here = places(BLAZEPOSE33)
    window, frame = errors_of_similar_poses(local[:, :, here], errors["truth"][:, :, rows], taps, rng)
    flat = torch.zeros((*local.shape[:3], 2), device=local.device)
    flat[:, :, here] = errors["flat"][window, frame][:, :, rows]
    share = rng.uniform(0.3, 1.2, len(local), 1, 1, 1) * rng.below(MEASURED_SHARE, len(local), 1, 1, 1)
    return flat * share


def _confidence(error: Tensor, rng: TorchRandom) -> Tensor:
    """Confidences of points that are off by `error` (N,W,K) metres; one detector in eight is always confident."""
    count = len(error)
    sure = rng.uniform(0.75, 1.0, count, 1, 1)
    shy = rng.uniform(0, 4.0, count, 1, 1)
    found = (sure - shy * error + 0.06 * rng.normal(*error.shape)).clamp(0.15, 1.0)
    return torch.where(rng.below(0.125, count, 1, 1), torch.ones_like(found), found)


def _spoilt(
    rays: Tensor, confidence: Tensor, metre: Tensor, rng: TorchRandom, taps: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The detections with parts out of the frame, occluded, lost or swapped."""
    count, frames = rays.shape[:2]
    device = rays.device
    torso = [VOCABULARY.index(f"{side}_{name}") for side in ("left", "right") for name in ("shoulder", "hip")]
    local = (rays - rays[:, :, torso].mean(2, keepdim=True)) / metre
    cut = out_of_image(local, metre, rng)
    hidden = rng.smooth(count, taps, 10.0, int(PARTS.max()) + 1) > 1.9
    out = cut | hidden[:, :, torch.tensor(PARTS, device=device)]
    out = out | rng.below(0.01, count, frames, NUM_POINTS) | rng.below(0.01, count, frames, 1)
    low = guessed_confidence(cut, rng)
    confidence = torch.where(out, low * (low > 0.08), confidence)
    guess = out[..., None] * 0.12 * rng.normal(count, frames, NUM_POINTS, 2)
    groups = torch.tensor((PARTS + 1) // 2, device=device)
    swapped = (rng.smooth(count, taps, 2.0, 3) > 2.6)[:, :, groups]
    rays = torch.where(swapped[..., None], rays[:, :, torch.tensor(MIRROR, device=device)], rays)
    return rays + guess * metre, confidence


def _given(count: int, rng: TorchRandom, layout: str | None) -> Tensor:
    """(N,1,K) of 0 and 1: the points that the joint set of each sample has."""
    device = rng.device
    tables = torch.zeros(len(LIFTED_SETS), NUM_POINTS, device=device)
    for row, name in enumerate(LIFTED_SETS):
        tables[row, places(joint_set(name))[1]] = 1.0
    if layout is not None:
        return tables[LIFTED_SETS.index(layout)].expand(count, 1, -1)
    which = torch.multinomial(torch.tensor(SHARES, device=device), count, replacement=True, generator=rng.generator)
    given = tables[which]
    faceless = rng.below(0.1, count, 1) & torch.tensor(_FACE, device=device)
    missing = rng.below(0.12, count, NUM_POINTS) & rng.below(0.15, count, 1)
    return torch.where(faceless | missing, 0.0, given)[:, None]
