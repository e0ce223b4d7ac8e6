"""The training loop of lifters. A resumed training continues as if it had not stopped: states are saved between
steps."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinema.errors import InputError, UsageError
from kinema.options import identity_of
from kinema.progress import Progress, silent
from kinema.storage.atomic import atomic_path, sweep, write_json
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.trainee import Trainee
from kinema.training.writing import require_writable

STATE, REPORT = "state.pt", "training.json"
"""Files in a training's folder besides the result."""


@dataclass
class Place:
    """Progress of a training: completed epochs, and the steps of the current one with the sum of their losses."""

    step: int = 0
    total: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        return len(self.history)


def train(
    trainee: Trainee, options: LifterTraining, out: Path, *, recipe: Mapping[str, Any], device: str,
    say: Callable[[str], None] = print, progress: Progress = silent,
) -> Path:  # fmt: skip
    """Train, or resume a stopped training in the same folder. Returns the result, in the authors' format.

    out: the folder of the result, of `training.json` (settings, data, scores of every epoch) and of `state.pt`, which
    is written after every epoch and at least every `save_every` seconds. recipe: everything else that the training
    depends on; a folder with a different one is refused. say: called with a line after each epoch. Raises UsageError (a
    folder of another training), InputError (the loss is not finite), OutputError.
    """
    require_writable(out)
    sweep(out)
    run = _Run(trainee, options, out, recipe, device)
    place = run.resumed()
    steps = len(trainee.steps(0))
    first = place.epoch * steps + place.step
    while place.epoch < options.epochs:
        trainee.begin(place.epoch)
        for group in run.optimizer.param_groups:
            group["lr"] = options.learning_rate * options.decay**place.epoch
        _train_epoch(
            run, place, lambda done: progress(done - first, options.epochs * steps - first), options.save_every
        )
        say(run.finish(place))
    return run.result


def _train_epoch(run: _Run, place: Place, done: Callable[[int], None], save_every: float) -> None:
    trainee, saved = run.trainee, time.monotonic()
    trainee.net.train()
    steps = trainee.steps(place.epoch)
    for step in range(place.step, len(steps)):
        loss = trainee.loss(steps[step], place.epoch, step)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        run.optimizer.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InputError(
                f"the loss is not finite in epoch {place.epoch + 1}; lower `learning_rate`, or look for wrong values"
            )
        place.step, place.total = step + 1, place.total + value * len(steps[step])
        if place.step < len(steps) and time.monotonic() - saved >= save_every:
            run.save(place)
            saved = time.monotonic()
        done(place.epoch * len(steps) + place.step)


class _Run:
    """The folder of one training."""

    def __init__(
        self, trainee: Trainee, options: LifterTraining, out: Path, recipe: Mapping[str, Any], device: str
    ) -> None:
        self.trainee, self.out, self._epochs, self._device = trainee, out, options.epochs, device
        self.optimizer = torch.optim.Adam(trainee.net.parameters(), lr=options.learning_rate, amsgrad=True)
        self._options = identity_of(options)
        self._recipe = dict(recipe)

    @property
    def result(self) -> Path:
        return self.out / self.trainee.file

    def resumed(self) -> Place:
        """The point to resume from, with weights and random state restored."""
        path = self.out / STATE
        if not path.is_file():
            return Place()
        try:
            state = torch.load(path, map_location=self._device, weights_only=True)
            config, place = state["config"], Place(**json.loads(state["place"]))
        except Exception as error:  # torch can raise anything for a damaged file
            reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
            raise InputError(f"{path} is not the state of a training ({reason}); remove it to start anew") from None
        if config != self._config():
            raise UsageError(
                f"{self.out} holds a training with other settings or data; give another folder with `out` to start anew"
            )
        self.trainee.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["chance"].cpu())
        if self._device.startswith("cuda"):
            torch.cuda.set_rng_state(state["device_chance"].cpu())
        return place

    def save(self, place: Place) -> None:
        """Save everything that another run needs to resume."""
        cuda = self._device.startswith("cuda")
        state: dict[str, str | Tensor | dict[str, Any]] = {
            "config": self._config(),
            "place": json.dumps({"step": place.step, "total": place.total, "history": place.history}),
            "net": self.trainee.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "chance": torch.get_rng_state(),
            "device_chance": torch.cuda.get_rng_state() if cuda else torch.zeros(0),
        }
        with atomic_path(self.out / STATE) as path:
            torch.save(state, path)

    def finish(self, place: Place) -> str:
        """End an epoch: score it, write the result if it is kept, and the state. Returns a line to print."""
        count = sum(len(rows) for rows in self.trainee.steps(place.epoch))
        row: dict[str, float] = {"epoch": place.epoch + 1, "loss": place.total / count}
        score = self.trainee.score()
        if score is not None:
            row["score"] = score
        best = min((each["score"] for each in place.history if "score" in each), default=math.inf)
        if not self.trainee.keep_best or score is None or score < best:
            row["kept"] = 1
            self.trainee.write(self.result, place.epoch + 1, self.optimizer)
        place.history.append(row)
        place.step, place.total = 0, 0.0
        self.save(place)
        write_json(
            self.out / REPORT,
            {
                "result": self.trainee.file,
                "metric": self.trainee.metric,
                "options": self._options,
                **self._recipe,
                "device": self._device,
                "torch": torch.__version__,
                "history": place.history,
            },
        )
        held = "" if score is None else f", held out: {score:.4g} ({self.trainee.metric})"
        return f"epoch {place.epoch} of {self._epochs}: loss {row['loss']:.4g}{held}"

    def _config(self) -> str:
        return json.dumps([self._options, self._recipe], sort_keys=True, default=str)
