"""The training loop of the pose lifter: simulated windows, and rendered ones where there are some."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from kinema.nets.pose_lifter import PoseLifter, PoseLifterConfig
from kinema.training.lifter_data import Batch, BodyTables, LifterSimulator


@dataclass(frozen=True)
class LifterTraining:
    """Schedule and loss weights. minutes: wall-clock limit, the schedule is stretched over it."""

    batch: int = 256
    frames: int = 64
    learning_rate: float = 6e-4
    warmup: float = 0.02
    weight_decay: float = 0.02
    minutes: float = 60.0
    seed: int = 0
    joint_weight: float = 6.0
    velocity_weight: float = 3.0
    betas_weight: float = 0.03
    up_weight: float = 0.3
    contact_weight: float = 0.03
    rendered_share: float = 0.5
    average: float = 0.999


def lifter_loss(
    net: PoseLifter, body: BodyTables, batch: Batch, options: LifterTraining
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one batch and its parts as single numbers."""
    with torch.autocast(batch.features.device.type, torch.bfloat16):
        six, sigma, betas, up, contacts = net(batch.features)
    rotation = gram_schmidt(six.float())
    # Chordal distance 2 sqrt(2) sin(a/2): smooth at 0 and at pi, angle for small errors after the division.
    chord = (rotation - batch.rotation).square().sum((-1, -2)) / 2
    variance = sigma.float().square()
    likelihood = 0.5 * chord / variance + 1.5 * variance.log()
    weight = torch.ones(24, device=chord.device)
    weight[0] = 4.0
    weight[[22, 23]] = 0.0  # the capture has no hands
    nll = (likelihood * weight).sum(-1).mean() / 24
    zero = torch.zeros(rotation.shape[0], rotation.shape[1], 3, device=chord.device)
    _, joints, _ = body.forward(rotation, zero, batch.betas)
    error = (joints - batch.joints).norm(dim=-1)
    velocity = ((joints[:, 1:] - joints[:, :-1]) - (batch.joints[:, 1:] - batch.joints[:, :-1])).norm(dim=-1).mean()
    shape = (betas.float().mean(1) - batch.betas).square().mean()
    vertical = (torch.nn.functional.normalize(up.float(), dim=-1) - batch.up).square().sum(-1).mean()
    contact = torch.nn.functional.binary_cross_entropy_with_logits(contacts.float(), batch.contacts)
    loss = (
        nll + options.joint_weight * error.mean() + options.velocity_weight * velocity
        + options.betas_weight * shape + options.up_weight * vertical + options.contact_weight * contact
    )  # fmt: skip
    parts = {
        "loss": loss, "mpjpe_mm": error.mean() * 1e3, "angle_deg": chord.sqrt().mean() * 57.3,
        "up_deg": vertical.sqrt() * 57.3, "betas": shape, "contact": contact,
    }  # fmt: skip
    return loss, {k: v.detach() for k, v in parts.items()}


def gram_schmidt(six: Tensor) -> Tensor:
    """(..., 6) first two columns row-major -> rotation matrices (..., 3, 3)."""
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = torch.nn.functional.normalize(columns[..., 0], dim=-1)
    second = columns[..., 1] - (first * columns[..., 1]).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def train_lifter(
    simulator: LifterSimulator,
    body: BodyTables,
    config: PoseLifterConfig,
    options: LifterTraining,
    *,
    rendered: Callable[[int, int], Batch] | None = None,
    validate: Callable[[PoseLifter], dict[str, float]] | None = None,
    say: Callable[[str], None] = print,
    start: dict[str, Tensor] | None = None,
) -> tuple[PoseLifter, list[dict[str, float]]]:
    """Train for the options' minutes; the net returned holds the running average of the weights.

    rendered(batch, frames): batches of really observed bodies, mixed in; validate(net): figures that
    `say` prints with the loss every half minute.
    """
    torch.manual_seed(options.seed)
    device = simulator.device
    net = PoseLifter(config).to(device)
    if start is not None:
        net.load_state_dict(start)
    average = PoseLifter(config).to(device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    began, last, step, history = time.monotonic(), 0.0, 0, []
    total = options.minutes * 60
    while (elapsed := time.monotonic() - began) < total:
        done = elapsed / total
        factor = min(done / options.warmup, 0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * max(factor, 1e-3)
        use_rendered = rendered is not None and (step * options.rendered_share) % 1 < options.rendered_share
        with torch.no_grad():
            draw = rendered if use_rendered and rendered is not None else simulator.draw
            batch = draw(options.batch, options.frames)
        loss, parts = lifter_loss(net, body, batch, options)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            keep = min(options.average, step / (step + 10))
            for a, b in zip(average.parameters(), net.parameters(), strict=True):
                a.lerp_(b, 1 - keep)
        step += 1
        if elapsed - last > 30:
            last = elapsed
            row = {"minute": elapsed / 60, "step": step, **{k: float(v) for k, v in parts.items()}}
            if validate is not None:
                row |= validate(average.eval())
                average.train()
            history.append(row)
            say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
    return average.eval(), history


def save_lifter(net: PoseLifter, folder: Path, recipe: dict[str, object], history: list[dict[str, float]]) -> None:
    """Write the weights, the ONNX file that the base install runs, and what made them."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    net = net.cpu().eval()
    save_file(net.state_dict(), str(folder / "pose_lifter.safetensors"))
    meta = {"config": asdict(net.config), "recipe": recipe, "history": history}
    (folder / "pose_lifter.json").write_text(json.dumps(meta, indent=2))


__all__ = ["LifterTraining", "gram_schmidt", "lifter_loss", "save_lifter", "train_lifter"]
