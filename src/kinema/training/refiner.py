"""Training of SmoothNet and SynSP: the published losses, optimiser and schedules; resumable after every epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError, UsageError
from kinema.evaluation.refiners import RefinerScores, score_refiner
from kinema.models.mixer.network import MixerRefiner, MixerSizes
from kinema.models.smoothnet.datasets import RefinerClips
from kinema.models.smoothnet.network import SmoothNet, windows_first
from kinema.models.smoothnet.sizes import SmoothNetSizes
from kinema.models.synsp.network import SynSP, in_published_order
from kinema.models.synsp.sizes import SynSPSizes
from kinema.storage.atomic import atomic_path
from kinema.temporal.windows import slide
from kinema.training.options import RefinerTraining
from kinema.training.packages import require_packages
from kinema.training.refiner_sources import Pair, Source
from kinema.training.writing import require_writable

# --- losses ---


def smoothnet_loss(out: Tensor, truth: Tensor, position: float = 1.0, acceleration: float = 0.1) -> Tensor:
    """L1 of the positions and of their second differences in time; windows (..., W, C)."""
    loss = position * (out - truth).abs().mean()
    if acceleration:
        loss = loss + acceleration * (second(out) - second(truth)).abs().mean()
    return loss


def synsp_loss(
    outputs: Sequence[Tensor],
    truth: Tensor,
    position: float = 1.0,
    acceleration: float = 0.1,
    *,
    over_views: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """(total, precise branch, smooth branch): positions for the precise branch, accelerations as well for the smooth
    branch, and half as much of them for the final output. outputs: precise, smooth, final, each (B,F,C) or (B,P,F,C).
    over_views: with several views, take the second difference over the views, as published.
    """
    axis = 1 if over_views else -2

    def term(out: Tensor, share: float) -> Tensor:
        loss = position * (out - truth).abs().mean()
        return loss + acceleration * share * (second(out, axis) - second(truth, axis)).abs().mean() if share else loss

    precise, smooth, final = (term(out, share) for out, share in zip(outputs, (0.0, 1.0, 0.5), strict=True))
    return precise + smooth + final, precise, smooth


def second(x: Tensor, axis: int = -2) -> Tensor:
    """Second difference along an axis."""
    length = x.shape[axis]
    return x.narrow(axis, 0, length - 2) - 2 * x.narrow(axis, 1, length - 2) + x.narrow(axis, 2, length - 2)


# --- the loop ---


class RefinerNet(nn.Module):
    """Either network on windows (N,W,C), as it is trained, run and exported."""

    def __init__(self, options: RefinerTraining, coordinates: int) -> None:
        super().__init__()
        self.options = options
        self.net: SmoothNet | SynSP | MixerRefiner
        if options.network == "smoothnet":
            sizes = SmoothNetSizes(options.window, options.window, options.hidden, options.inner, options.blocks)
            self.net = SmoothNet(sizes, dropout=options.dropout)
        elif options.network == "mixer":
            self.net = MixerRefiner(
                MixerSizes(coordinates, options.window, options.width, options.blocks), options.dropout
            )
        else:
            self.net = SynSP(
                SynSPSizes(coordinates, options.width, options.width, layers=options.layers), dropout=options.dropout
            )

    def forward(self, windows: Tensor) -> Tensor:
        if isinstance(self.net, SynSP):
            smooth: Tensor = self.net(windows).final
        elif isinstance(self.net, MixerRefiner):
            smooth = self.net(windows)
        else:
            smooth = windows_first(self.net(windows_first(windows)))
        return smooth

    def loss(self, said: Tensor, true: Tensor) -> Tensor:
        """The published loss of one batch."""
        options = self.options
        weights = options.position_weight, options.acceleration_weight
        if not isinstance(self.net, SynSP):
            if options.centred:
                mean = said.mean(-2, keepdim=True)
                said, true = said - mean, true - mean
            return smoothnet_loss(self(said), true, *weights)
        out = self.net(said)
        several = said.dim() == 4
        if several and options.view_acceleration:
            return synsp_loss(in_published_order(out, views=2), true, *weights, over_views=True)[0]
        return synsp_loss(out, true, *weights)[0]


def train_refiner(
    sources: Sequence[Source], validation: RefinerClips, options: RefinerTraining, out: Path, *,
    recipe: dict[str, Any] | None = None, say: Callable[[str], None] = print, device: str = "cpu",
    until: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train, or resume a stopped run in the same folder; returns the contents of `refiner.json`.

    sources: alternating, truncated to the shortest (SmoothNet); SynSP draws among them and uses only the first for the
    last two thirds, as published. validation: scored after each epoch. out: the folder of `refiner.safetensors`,
    `refiner.json`, `refiner.onnx` (of the best epoch) and `state.pt` (to go on from). until: stop after this epoch.
    Raises UsageError if sources differ, the folder holds a run with other settings or a package is missing, and
    OutputError if `out` is not writable, all before the first epoch.
    """
    require_packages()
    _check(sources, validation, options)
    require_writable(out)
    torch.manual_seed(options.seed)
    first = sources[0]
    net = RefinerNet(options, first.coordinates).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate, amsgrad=True)
    run = _Run(net, optimizer, options, first, recipe or {}, out)
    begin = run.resume(device)
    scaler = torch.amp.GradScaler(device, enabled=device.startswith("cuda") and options.network == "synsp")
    for epoch in range(begin, min(options.epochs, until or options.epochs)):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * options.decay**epoch
        rng = np.random.default_rng((options.seed, epoch))
        net.train()
        losses = []
        for said, true in _batches(sources, options, epoch, rng):
            with torch.autocast(torch.device(device).type, torch.float16, enabled=scaler.is_enabled()):
                loss = net.loss(torch.from_numpy(said).to(device), torch.from_numpy(true).to(device))
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            losses.append(float(loss.detach()))
        if not losses or not math.isfinite(losses[-1]):
            raise InputError("the loss is no longer a number; lower the learning rate or look for wrong values")
        scores = validate(net, validation, options)
        run.finish(epoch, float(np.mean(losses)), scores)
        say(run.line())
    run.export()
    return run.about()


@torch.no_grad()
def validate(net: RefinerNet, clips: RefinerClips, options: RefinerTraining) -> RefinerScores:
    """Scores of the network's output over whole clips."""
    net.eval()
    device = next(net.parameters()).device

    def smooth(windows: np.ndarray) -> np.ndarray:
        mean = windows.mean(axis=1, keepdims=True) if options.centred else np.zeros(1)
        x = torch.from_numpy(np.ascontiguousarray(windows - mean, dtype=np.float32)).to(device)
        if clips.views > 1:
            x = x.unflatten(-1, (clips.views, clips.coordinates)).transpose(1, 2)
            return np.asarray(net(x).transpose(1, 2).flatten(2).cpu().numpy())
        return np.asarray(net(x).cpu().numpy() + mean)

    refined = []
    for clip in clips.detected:
        flat = clip if clip.ndim == 2 else np.moveaxis(clip, 0, 1).reshape(clip.shape[1], -1)
        smoothed = slide(flat, options.window, smooth, batch=512)
        refined.append(smoothed if clip.ndim == 2 else np.moveaxis(smoothed.reshape(-1, *clip.shape[::2]), 1, 0))
    return score_refiner(clips, refined)


def _batches(
    sources: Sequence[Source], options: RefinerTraining, epoch: int, rng: np.random.Generator
) -> Iterator[Pair]:
    alone = options.network == "synsp" and epoch >= options.epochs / 3
    streams = [source.epoch(options.batch, options.window, rng) for source in (sources[:1] if alone else sources)]
    while True:
        for stream in (
            streams if options.network == "smoothnet" else [streams[i] for i in rng.permutation(len(streams))]
        ):
            pair = next(stream, None)
            if pair is None:
                return
            yield pair


def _check(sources: Sequence[Source], validation: RefinerClips, options: RefinerTraining) -> None:
    if not sources:
        raise UsageError("training needs at least one data set")
    first = sources[0]
    others: list[Source | RefinerClips] = [*sources[1:], validation]
    for each in others:
        if each.representation != first.representation:
            kinds = f"{first.name} is {first.representation}, {each.name} is {each.representation}"
            raise UsageError(f"{kinds}; train one representation at a time")
        same = each.coordinates == first.coordinates or options.network == "smoothnet"
        if not same or each.views != first.views:
            raise UsageError(
                f"{first.name} has {first.coordinates} coordinates of {first.views} views, {each.name} "
                f"{each.coordinates} of {each.views}; {options.network} needs the same for all"
            )
    if first.views > 1 and options.network != "synsp":
        raise UsageError("only SynSP sees several views at a time; train SynSP, or leave `multi_view` out")


class _Run:
    """The folder of one training."""

    def __init__(
        self, net: RefinerNet, optimizer: torch.optim.Optimizer, options: RefinerTraining, source: Source,
        recipe: dict[str, Any], out: Path,
    ) -> None:  # fmt: skip
        self.net, self.optimizer, self.options, self.out = net, optimizer, options, out
        self.config: dict[str, Any] = {
            "network": options.network, "representation": source.representation, "window": options.window,
            "coordinates": source.coordinates, "views": source.views, "centred": options.centred, "rate": options.rate,
        }  # fmt: skip
        self.recipe = {**asdict(options), **recipe, "torch": torch.__version__}
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}

    def resume(self, device: str) -> int:
        """The epoch to continue with."""
        path = self.out / "state.pt"
        if not path.is_file():
            return 0
        state = torch.load(path, map_location=device, weights_only=True)
        mine = json.loads(json.dumps(self.config | {"options": asdict(replace(self.options, epochs=1))}))
        if json.loads(state["config"]) != mine:
            raise UsageError(
                f"{self.out} holds a training with other settings; give another folder with `out` to start anew"
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self.best = json.loads(state["history"]), state["best"]
        torch.set_rng_state(state["chance"].cpu())
        return len(self.history)

    def finish(self, epoch: int, loss: float, scores: RefinerScores) -> None:
        """Record an epoch, keep its weights if they are the best, and save everything that another run needs to
        resume."""
        row = {"epoch": epoch + 1, "loss": loss, **scores.to_dict()}
        row["share"] = scores.position / scores.input_position + scores.acceleration / scores.input_acceleration
        if not self.best or row["share"] < min(each["share"] for each in self.history):
            self.best = {name: value.detach().cpu().clone() for name, value in self.net.net.state_dict().items()}
        self.history.append(row)
        config = json.dumps(self.config | {"options": asdict(replace(self.options, epochs=1))})
        state = {
            "config": config, "net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(),
            "history": json.dumps(self.history), "best": self.best, "chance": torch.get_rng_state(),
        }  # fmt: skip
        with atomic_path(self.out / "state.pt") as path:
            torch.save(state, path)

    def line(self) -> str:
        """The last epoch for people."""
        row = self.history[-1]
        return (
            f"epoch {row['epoch']:.0f} of {self.options.epochs}: loss {row['loss']:.4f}, "
            f"error {row['input_position']:.2f} > {row['position']:.2f}, "
            f"acceleration error {row['input_acceleration']:.3f} > {row['acceleration']:.3f}"
        )

    def about(self) -> dict[str, Any]:
        """The metadata of the weights and their training."""
        kept = min(self.history, key=lambda row: row["share"]) if self.history else {}
        return {"config": self.config, "recipe": self.recipe, "kept": kept, "history": self.history}

    def export(self) -> None:
        """Write the best epoch's weights, for torch and onnxruntime, and their metadata."""
        from safetensors.torch import save_file

        from kinema.training.export import export_onnx

        about = self.about()
        with atomic_path(self.out / "refiner.safetensors") as path:
            save_file({name: value.contiguous() for name, value in self.best.items()}, str(path))
        with atomic_path(self.out / "refiner.json") as path:
            path.write_text(json.dumps(about, indent=2))
        if self.config["views"] != 1:
            return  # the base install refines one view at a time
        net = RefinerNet(self.options, self.config["coordinates"])
        net.net.load_state_dict(self.best)
        free = {0: "windows", 2: "coordinates"} if self.options.network == "smoothnet" else {0: "windows"}
        metadata = {name: str(value).lower() for name, value in self.config.items() if value is not None}
        export_onnx(
            net, torch.zeros(2, self.options.window, self.config["coordinates"]), self.out / "refiner.onnx",
            inputs="windows", outputs=("smooth",), free_axes=free,
            metadata={**metadata, "recipe": json.dumps(self.recipe)},
        )  # fmt: skip
