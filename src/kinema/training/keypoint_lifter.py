"""Training data of the lifter of 2D keypoints, and a baseline ("twin"): P-STMO's network on the same samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from kinema.body.points import definition
from kinema.models.pose_lifter.features import NUM_VERTICAL
from kinema.models.pose_lifter.keypoint_features import (
    LIFTED_SETS,
    MIRROR,
    NUM_FEATURES,
    VOCABULARY,
    keypoint_features,
    places,
)
from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
from kinema.models.pstmo.network import PSTMO
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.skeleton import COCO17, JOINT_SETS, LIMBS12, SMPL24
from kinema.training.keypoint_observation import observe_keypoints
from kinema.training.lifter_data import SamplePool
from kinema.training.lifter_samples import Batch, Samples, known_verticals, make_batch, mirror_some, roll_some
from kinema.training.lifter_scores import VerticalScores, mid_hip_aligned
from kinema.training.pose_lifter import LifterTraining, gram_schmidt
from kinema.training.torch_body import BodyTables
from kinema.training.torch_random import TorchRandom

CONFIG = PoseLifterConfig(features=NUM_FEATURES, embed=192, blocks=3, dropout=0.0)
"""No dropout: the network is hardly better on training people than on held-out ones."""

TWIN_CONFIG = replace(CONFIG, taps=tuple(range(-39, 40, 3)))
"""The frames that the twin sees: 27, evenly spaced as its strides require, over about the lifter's time span."""

BOTH_CONFIG = replace(CONFIG, taps=tuple(sorted({*CONFIG.taps, *TWIN_CONFIG.taps})))
"""The frames that either sees, so that both are scored on the same detections."""

POINTS = tuple(
    next((each, name) for each in LIFTED_SETS for name in JOINT_SETS[each].joints if definition(name, each) == point)
    for point in VOCABULARY
)
"""A set and a name for each point of VOCABULARY, for `BodyTables.of`."""

_LIMBS = torch.tensor([VOCABULARY.index(name) for name in LIMBS12])

_SIGN = torch.tensor([-1.0, 1.0, 1.0])
"""Factors that mirror positions."""


class KeypointSamples:
    """Draws clean samples and their simulated detections.

    layout: the joint set of all samples; None draws one for each (`observe_keypoints`).
    """

    def __init__(
        self, pool: SamplePool, rng: TorchRandom, *, errors: dict[str, Tensor] | None, layout: str | None = None
    ) -> None:
        self.pool, self.rng, self.errors, self.layout = pool, rng, errors, layout

    @torch.no_grad()
    def observed(self, count: int) -> tuple[Samples, Tensor, Tensor]:
        """Samples, rays (N,W,K,2) and confidence (N,W,K)."""
        drawn = mirror_some(self.pool.clean(count), self.rng, MIRROR)
        rays, confidence = observe_keypoints(
            drawn.points, self.rng, self.pool.sampler.config.taps, self.errors, self.layout
        )
        return drawn, rays, confidence

    @torch.no_grad()
    def draw(self, count: int) -> Batch:
        """A batch for the lifter."""
        drawn, rays, confidence = self.observed(count)
        rolled, turn = roll_some(drawn, self.rng)
        back = turn.transpose(1, 2)[:, None, :2, :2]
        features = keypoint_features(rays @ back, confidence, torch)
        return make_batch(rolled, *features, known_verticals(rolled.up, self.rng))


class HeldOut:
    """Scores lifters and twins on the same detections of held-out people; samples: in frames of BOTH_CONFIG."""

    def __init__(self, samples: KeypointSamples, body: BodyTables, count: int = 4000) -> None:
        self.truth, rays, confidence = samples.observed(count)
        taps = samples.pool.sampler.config.taps
        own, twin = ([taps.index(tap) for tap in config.taps] for config in (CONFIG, TWIN_CONFIG))
        self.rays, self.confidence, self.twin_rays = rays[:, own], confidence[:, own], rays[:, twin]
        features = keypoint_features(self.rays, self.confidence, torch)
        self.scores = VerticalScores(self.truth, *features, body)
        self.body, middle = body, self.truth.points.shape[1] // 2
        self.limbs = mid_hip_aligned(self.truth.points[:, middle, _LIMBS])

    def __call__(self, net: PoseLifter) -> dict[str, float]:
        """Its `VerticalScores`."""
        return self.scores(net)

    @torch.no_grad()
    def averaged(self, net: PoseLifter) -> float:
        """The lifter's MPJPE (mm) as used: averaged with the mirror image, without the vertical."""
        mirror = torch.tensor(MIRROR)
        features, turns = keypoint_features(_mirrored(self.rays), self.confidence[:, :, mirror], torch)
        mirrored = make_batch(self.truth, features, turns, torch.zeros(len(features), NUM_VERTICAL))
        plain, other = net.at_centre(self.scores.unknown.features), net.at_centre(mirrored.features)
        back = gram_schmidt(other[0][:, 0])[:, torch.tensor(SMPL24.mirror)] * (_SIGN[:, None] * _SIGN)
        rotation = gram_schmidt((gram_schmidt(plain[0][:, 0]) + back)[..., :2].flatten(-2))
        _, joints = self.body.joints(rotation, (plain[2] + other[2])[:, 0] / 2)
        rows = SMPL24.indices(LIMBS12)
        return _mpjpe(joints[:, rows], mid_hip_aligned(self.scores.unknown.joints[:, rows]))

    @torch.no_grad()
    def twin(self, net: nn.Module) -> dict[str, float]:
        """The twin's MPJPE (mm), for the image alone and averaged with the mirror image."""
        plain = net(_screen(self.twin_rays)).middle
        other = net(_screen(_mirrored(self.twin_rays))).middle
        mean = (plain + other[:, COCO17.mirror] * _SIGN) / 2
        rows = COCO17.indices(LIMBS12)
        return {name: _mpjpe(found[:, rows], self.limbs) for name, found in (("held_mpjpe", plain), ("averaged", mean))}


def train_twin(
    samples: KeypointSamples, options: LifterTraining, *, held: HeldOut, say: Callable[[str], None] = print
) -> tuple[PSTMO, list[dict[str, float]]]:
    """P-STMO-S for the samples' window, trained as published on its native input, COCO's joints on the screen.

    Its targets are the same joints in 3D, mid-hip relative, of the middle frame and of every frame (its two losses).
    """
    torch.manual_seed(options.seed)
    net = PSTMO(PSTMOSizes(frames=len(samples.pool.sampler.config.taps)))
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )
    joints = torch.tensor(places(COCO17)[1])
    began, reported, step, total = options.clock(), 0.0, 0, options.minutes * 60
    history: list[dict[str, float]] = []
    while (elapsed := options.clock() - began) < total:
        factor = min(elapsed / total / options.warmup, 0.5 + 0.5 * math.cos(math.pi * elapsed / total))
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * max(factor, 1e-3)
        drawn, rays, _ = samples.observed(options.batch)
        truth = drawn.points[:, :, joints]
        hips = truth[:, :, COCO17.indices(("left_hip", "right_hip"))].mean(2, keepdim=True)
        truth = truth - hips
        with torch.autocast("cpu", torch.bfloat16):
            found = net(_screen(rays))
        middle = (found.middle.float() - truth[:, truth.shape[1] // 2]).norm(dim=-1).mean()
        every = (found.every.float() - truth).norm(dim=-1).mean()
        loss = middle + every
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        if elapsed - reported > 300:
            reported, paused = elapsed, options.clock()
            net.eval()
            row = {"minute": elapsed / 60, "step": step, "mpjpe_mm": float(middle.detach()) * 1e3, **held.twin(net)}
            net.train()
            began += options.clock() - paused
            history.append(row)
            say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
    return net.eval(), history


def _mpjpe(limbs: Tensor, true: Tensor) -> float:
    """Millimetres between mid-hip aligned LIMBS12 (N,12,3) and the true ones."""
    return float((mid_hip_aligned(limbs) - true).norm(dim=-1).mean() * 1e3)


def _mirrored(rays: Tensor) -> Tensor:
    """Rays (N,W,K,2) of the mirrored people."""
    return (rays * _SIGN[:2])[:, :, torch.tensor(MIRROR)]


def _screen(rays: Tensor) -> Tensor:
    """COCO's joints as P-STMO reads them (N,W,17,2): on a screen that spans -1..1, at a field of view of 53 degrees."""
    return 2.0 * rays[:, :, torch.tensor(places(COCO17)[1])]
