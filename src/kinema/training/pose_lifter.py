"""The training loop of the pose lifter: simulated windows, and rendered ones if available."""

from __future__ import annotations

import json
import math
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig
from kinema.skeleton import LIMBS12, SMPL24
from kinema.training.lifter_samples import Batch
from kinema.training.torch_body import BodyTables

_UNSEEN = (22, 23)
"""SMPL's hand joints, which are not captured."""

_LIMBS = SMPL24.indices(LIMBS12)

KEPT = 16
"""Number of batches in memory from which reused ones are chosen."""

FRESH_RATE, START_RATE = 1e-3, 5e-4
"""Peak learning rates for training from scratch and for continued training."""


@dataclass(frozen=True)
class LifterTraining:
    """Schedule and loss weights.

    minutes: length of the schedule, in wall-clock time or, with cpu_time, in this process's CPU time divided by its
    number of cores, so that other load on the machine makes no difference; rendered_share: fraction
    of each batch that comes from rendered windows; average: decay of the exponential moving average of the weights;
    uses: average number of steps that a batch is used for, because drawing one takes longer than a step (data echoing,
    Choi et al. 2019); limb_share: share of the twelve limb joints in the loss of joint positions.
    """

    batch: int = 768
    learning_rate: float = FRESH_RATE
    warmup: float = 0.02
    weight_decay: float = 0.05
    minutes: float = 60.0
    seed: int = 0
    joint_weight: float = 6.0
    limb_share: float = 0.0
    betas_weight: float = 0.03
    up_weight: float = 0.3
    contact_weight: float = 0.03
    rendered_share: float = 0.5
    average: float = 0.999
    uses: int = 2
    cpu_time: bool = False

    def rate_after(self, share: float) -> float:
        """The learning rate after this share of the schedule: a linear warm-up, then half a cosine."""
        factor = min(share / self.warmup, 0.5 + 0.5 * math.cos(math.pi * share))
        return self.learning_rate * max(factor, 1e-3)

    def clock(self) -> float:
        """Seconds since some moment."""
        return time.process_time() / torch.get_num_threads() if self.cpu_time else time.monotonic()


def lifter_loss(
    net: PoseLifter, body: BodyTables, batch: Batch, options: LifterTraining
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch, and its terms as scalars."""
    with torch.autocast(batch.features.device.type, torch.bfloat16):
        outputs = net.at_centre(batch.features)
    six, sigma, betas, up, contacts = (a[:, 0].float() for a in outputs)
    rotation = gram_schmidt(six)
    # Half the squared chordal distance is 4 sin(a/2)^2: the squared angle for small errors, smooth at pi.
    chord = (rotation - batch.rotation).square().sum((-1, -2)) / 2
    variance = sigma.square()
    likelihood = 0.5 * chord / variance + 1.5 * variance.log()
    weight = torch.ones(likelihood.shape[1], device=chord.device)
    weight[0] = 4.0
    weight[list(_UNSEEN)] = 0.0
    nll = (likelihood * weight).mean()
    _, joints = body.joints(rotation, batch.betas)
    away = (joints - batch.joints).norm(dim=-1)
    error = away.mean() + options.limb_share * (away[:, _LIMBS].mean() - away.mean())
    shape = (betas - batch.betas).square().mean()
    vertical = (torch.nn.functional.normalize(up, dim=-1) - batch.up).square().sum(-1).mean()
    contact = torch.nn.functional.binary_cross_entropy_with_logits(contacts, batch.contacts)
    loss = (
        nll
        + options.joint_weight * error
        + options.betas_weight * shape
        + options.up_weight * vertical
        + options.contact_weight * contact
    )
    parts = {
        "loss": loss,
        "mpjpe_mm": error * 1e3,
        "angle_deg": chord.sqrt().mean() * 57.3,
        "betas": shape,
        "contact": contact,
    }
    return loss, {k: v.detach() for k, v in parts.items()}


def gram_schmidt(six: Tensor) -> Tensor:
    """(..., 6) first two columns row-major -> rotation matrices (..., 3, 3)."""
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = torch.nn.functional.normalize(columns[..., 0], dim=-1)
    second = columns[..., 1] - (first * columns[..., 1]).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def train_lifter(
    draw: Callable[[int], Batch],
    body: BodyTables,
    config: PoseLifterConfig,
    options: LifterTraining,
    *,
    rendered: Callable[[int], Batch] | None = None,
    validate: Callable[[PoseLifter], dict[str, float]] | None = None,
    say: Callable[[str], None] = print,
    start: dict[str, Tensor] | None = None,
    device: str = "cpu",
) -> tuple[PoseLifter, list[dict[str, float]]]:
    """Train for the options' minutes; the returned net has the averaged weights.

    draw(count), rendered(count): batches of simulated and of rendered samples; validate(net): metrics that
    are passed to `say` with the loss each minute; start: weights to continue from.
    """
    torch.manual_seed(options.seed)
    net = PoseLifter(config).to(device)
    if start is not None:
        net.load_state_dict(start)
    average = PoseLifter(config).to(device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )
    share = options.rendered_share if rendered is not None else 0.0
    recent: deque[Batch] = deque(maxlen=KEPT)
    chance = random.Random(options.seed)
    began, reported, step = options.clock(), 0.0, 0
    history: list[dict[str, float]] = []
    total = options.minutes * 60
    if start is not None and validate is not None:
        history.append({"minute": 0.0, "step": 0, **validate(average.eval())})
        say("  ".join(f"{k} {v:.4g}" for k, v in history[-1].items()))
    while (elapsed := options.clock() - began) < total:
        for group in optimizer.param_groups:
            group["lr"] = options.rate_after(elapsed / total)
        if step % options.uses == 0:
            batch = draw(round(options.batch * (1 - share)))
            if rendered is not None and share > 0:
                batch = _joined(batch, rendered(round(options.batch * share)))
            recent.append(batch)
        else:
            batch = chance.choice(recent)
        loss, parts = lifter_loss(net, body, batch, options)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        _move_towards(average, net, 1 - min(options.average, step / (step + 10)))
        step += 1
        if elapsed - reported > 60:
            reported = elapsed
            row = {"minute": elapsed / 60, "step": step, **{k: float(v) for k, v in parts.items()}}
            if validate is not None:
                paused = options.clock()
                row |= validate(average.eval())
                began += options.clock() - paused
            history.append(row)
            say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
    return average.eval(), history


@torch.no_grad()
def _move_towards(average: PoseLifter, net: PoseLifter, share: float) -> None:
    """Move the weights of `average` by this share of the way to those of `net`."""
    for a, b in zip(average.parameters(), net.parameters(), strict=True):
        a.lerp_(b, share)


def _joined(a: Batch, b: Batch) -> Batch:
    return Batch(*(torch.cat([getattr(a, n), getattr(b, n)]) for n in Batch.__annotations__))


def save_lifter(net: PoseLifter, folder: Path, recipe: dict[str, object], history: list[dict[str, float]]) -> None:
    """Write the weights and how they were trained (`pose_lifter.safetensors`, `pose_lifter.json`)."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    net = net.cpu().eval()
    save_file(net.state_dict(), str(folder / "pose_lifter.safetensors"))
    meta = {"config": asdict(net.config), "recipe": recipe, "history": history}
    (folder / "pose_lifter.json").write_text(json.dumps(meta, indent=2))
