"""P-STMO in training: the masked first stage on 2D alone, then the lifter (Shan et al., sections 3.2 and 3.3)."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.pstmo.lifter import window_places
from kinema.models.pstmo.masked.network import MaskedPSTMO
from kinema.models.pstmo.masked.sizes import SHARED, MaskedSizes
from kinema.models.pstmo.masked.sizes import sizes_of as masked_sizes_of
from kinema.models.pstmo.network import PSTMO
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.storage.atomic import atomic_path
from kinema.training.lifters.batches import Batches
from kinema.training.lifters.clips import Order, Samples, TrainingClips, samples_of
from kinema.training.lifters.losses import filling_loss, lifting_terms
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.trainee import in_steps, lifting_score

WINDOWS = 256
"""Windows of a held-out clip that are lifted at once."""

SPREAD = 4096
"""At most so many held-out windows are filled in after each epoch of the first stage."""


class PSTMOTraining:
    """See `Trainee`. initial: tensors of the first stage, or of a whole lifter, to start from."""

    keep_best, metric = True, "MPJPE, mm"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        initial: dict[str, Tensor] | None = None, initial_name: str = "",
    ) -> None:  # fmt: skip
        self.options, self.device, self._layout, self._test = options, device, layout, test
        assert clips.joints is not None, "these clips have no motion capture"
        d = options.channels
        sizes = PSTMOSizes(
            options.frames, clips.keypoints.shape[1], clips.joints.shape[1], d, 2 * d, 2 * d, options.layers
        )
        lifter = PSTMO(sizes, dropout=options.dropout)
        if initial is not None:
            _take_over(lifter, initial, initial_name)
        self._lifter = lifter.to(device)
        self.net: nn.Module = self._lifter
        self._batches = Batches(clips, samples_of(clips.lengths, flip=options.flip), device)
        self.order = Order(len(self._batches), options.seed)
        self._places = window_places(options.frames, options.frame_stride)

    @property
    def file(self) -> str:
        """The file's name, which tells `kinema lift` the joints."""
        return f"pstmo_{self._layout}.pth"

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), self.options.batch)

    def begin(self, epoch: int) -> None:
        """Nothing changes."""

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        joints = self._batches.joints(rows, self._places)
        joints[:, :, 0] = 0
        every, middle = lifting_terms(self._lifter(self._batches.keypoints(rows, self._places)), joints)
        return every + middle

    def score(self) -> float | None:
        if self._test is None:
            return None
        self._lifter.eval()
        return lifting_score(self._lifted, self._test, self.device, centred=True)

    def _lifted(self, keypoints: Tensor) -> Tensor:
        places = torch.from_numpy(self._places).to(keypoints.device)
        out = []
        for frames in torch.arange(len(keypoints), device=keypoints.device).split(WINDOWS):
            windows = keypoints[(frames[:, None] + places).clamp(0, len(keypoints) - 1)]
            out.append(self._lifter(windows).middle)
        return torch.cat(out)

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        write_bare(self._lifter, path)


class MaskedTraining:
    """See `Trainee`: the first stage, which fills in frames and joints that it does not see."""

    keep_best, metric = True, "filling error"

    def __init__(
        self, options: LifterTraining, clips: TrainingClips, test: TrainingClips | None, device: str, *, layout: str,
        initial: dict[str, Tensor] | None = None, initial_name: str = "",
    ) -> None:  # fmt: skip
        joints = clips.keypoints.shape[1]
        if options.hidden_joints >= joints:
            raise InputError(
                f"{options.hidden_joints} joints cannot be hidden of {joints}; set `hidden_joints` to fewer"
            )
        self.options, self.device, self._layout = options, device, layout
        d = options.channels
        sizes = MaskedSizes(
            options.frames, joints, d, 2 * d, 2 * d, options.layers, d // 2, d, max(1, options.layers - 1)
        )
        model = MaskedPSTMO(sizes, dropout=options.dropout)
        if initial is not None:
            model = _masked_from(initial, sizes, initial_name, options.dropout)
        self._model = model.to(device)
        self.net: nn.Module = self._model
        self._batches = Batches(clips, samples_of(clips.lengths, flip=options.flip), device)
        self._test = None if test is None else Batches(test, _thinned(test), device)
        self.order = Order(len(self._batches), options.seed)
        self._places = window_places(options.frames, options.frame_stride)

    @property
    def file(self) -> str:
        return f"pstmo_masked_{self._layout}.pth"

    def steps(self, epoch: int) -> list[np.ndarray]:
        return in_steps(self.order.of(epoch), self.options.batch)

    def begin(self, epoch: int) -> None:
        """Nothing changes."""

    def loss(self, rows: np.ndarray, epoch: int, step: int) -> Tensor:
        return self._error(self._batches, rows, np.random.default_rng((self.options.seed, epoch, step)))

    def _error(self, batches: Batches, rows: np.ndarray, chance: np.random.Generator) -> Tensor:
        windows = batches.keypoints(rows, self._places)
        masks = draw_masks(
            self.options.frames, windows.shape[2], self.options.hidden_frames, self.options.hidden_joints, chance
        )
        return filling_loss(self._model(windows, *(torch.from_numpy(mask).to(self.device) for mask in masks)), windows)

    @torch.no_grad()
    def score(self) -> float | None:
        """The same masks after every epoch."""
        if self._test is None:
            return None
        self._model.eval()
        steps = in_steps(np.arange(len(self._test)), self.options.batch)
        errors = [
            (len(rows), float(self._error(self._test, rows, np.random.default_rng((self.options.seed, i)))))
            for i, rows in enumerate(steps)
        ]
        return sum(count * error for count, error in errors) / len(self._test)

    def write(self, path: Path, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        write_bare(self._model, path)


def draw_masks(
    frames: int, joints: int, hidden_frames: float, hidden_joints: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden frames (T,) and joints (T, J): a share of the frames, and so many different joints of each frame.

    Every joint can be hidden; the authors' code leaves out the last one.
    """
    frame_mask = np.zeros(frames, dtype=bool)
    frame_mask[chance.permutation(frames)[: int(frames * hidden_frames)]] = True
    joint_mask = np.zeros((frames, joints), dtype=bool)
    places = np.argsort(chance.random((frames, joints)), axis=1)[:, :hidden_joints]
    np.put_along_axis(joint_mask, places, True, axis=1)
    return frame_mask, joint_mask


def write_bare(net: nn.Module, path: Path) -> None:
    """The state dict alone, its names with the prefix that the authors' DataParallel model leaves."""
    tensors = OrderedDict((f"module.{name}", value.detach().cpu()) for name, value in net.state_dict().items())
    with atomic_path(path) as temporary:
        torch.save(tensors, temporary)


def _take_over(lifter: PSTMO, tensors: dict[str, Tensor], name: str) -> None:
    """Start from the first stage's encoders, or from a whole lifter. Raises InputError if they are of another size."""
    tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    if "mask_token" in tensors:
        masked_sizes_of({key: tuple(value.shape) for key, value in tensors.items()}, name)
        tensors = {key: value for key, value in tensors.items() if key.startswith(SHARED)}
    else:
        PSTMO.from_tensors(tensors, name=name)
    own = lifter.state_dict()
    wrong = sorted(
        key
        for key, value in tensors.items()
        if not key.endswith("num_batches_tracked") and (key not in own or own[key].shape != value.shape)
    )
    if wrong:
        found = tuple(tensors[wrong[0]].shape)
        wanted = (
            f"{tuple(own[wrong[0]].shape)} is to be trained" if wrong[0] in own else "no such layer is to be trained"
        )
        raise InputError(f"{name} is of another size: {wrong[0]!r} is {found}, where {wanted}")
    lacking = [key for key in own if key.startswith(SHARED) and key not in tensors and "num_batches" not in key]
    if lacking:
        raise InputError(f"{name} is of another size: it has no {lacking[0]!r}; train with fewer `layers`")
    lifter.load_state_dict(tensors, strict=False)


def _masked_from(tensors: dict[str, Tensor], sizes: MaskedSizes, name: str, dropout: float) -> MaskedPSTMO:
    model = MaskedPSTMO.from_tensors(tensors, dropout=dropout, name=name)
    if model.sizes != sizes:
        raise InputError(f"{name} is of another size: {model.sizes}, where {sizes} is to be trained")
    return model.train()


def _thinned(clips: TrainingClips) -> Samples:
    samples = samples_of(clips.lengths, flip=False)
    kept = slice(None, None, -(-len(samples) // SPREAD))
    return Samples(samples.clip[kept], samples.first[kept], samples.mirrored[kept])
