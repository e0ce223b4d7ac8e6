"""The networks in torch, with the tensor names of the published checkpoint.

Teed and Deng 2021, sections 3.1 and 3.2: an encoder of features that are compared between frames, one of what a frame
tells about itself, and the operator that looks at an edge of the graph of frames (how pixels of one frame moved to
another), corrects where they went, and says how sure it is. Images are BGR, as the published network was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinema.errors import InputError, quoted
from kinema.models.droid.facts import COMPARED, CONTEXT, FEATURES, HIDDEN, MOST_FLOW, NEIGHBOURS, SHRINK
from kinema.models.imagenet import MEAN, STD
from kinema.models.published_tensors import load_published

_WIDTHS = (32, 64, 128)
_USED = 2
"""Outputs of `delta` and `weight`: x and y. The published file has more, which nothing uses."""


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    clamped: tuple[str, ...] = ("conv1", "conv2")

    def __init__(self, inputs: int, outputs: int, stride: int, *, norm: bool) -> None:
        super().__init__()
        if norm:
            self.clamped = ()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.norm = _norm(norm)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), _norm(norm))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.conv2(F.relu(self.norm(self.conv1(x))))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def _norm(norm: bool) -> nn.Module:
    """A norm of each channel of each image, without parameters; or the identity."""
    return InstanceNorm() if norm else nn.Identity()


class InstanceNorm(nn.Module):
    """(B,C,H,W) -> the same with mean 0 and variance 1 in every channel of every image."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 1:
            return F.instance_norm(x)
        return F.batch_norm(x, None, None, training=True)  # the same of one image, and ten times as fast


class Encoder(nn.Module):
    """Normalised images (B,3,H,W) -> features (B,outputs,H/8,W/8)."""

    def __init__(self, outputs: int, *, norm: bool) -> None:
        super().__init__()
        block = partial(Residual, norm=norm)
        self.clamped = () if norm else ("conv1",)
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 7, 2, 3)
        self.norm = _norm(norm)
        inputs = _WIDTHS[0]
        for number, width in enumerate(_WIDTHS, start=1):
            stride = 1 if number == 1 else 2
            setattr(self, f"layer{number}", nn.Sequential(block(inputs, width, stride), block(width, width, 1)))
            inputs = width
        self.conv2 = nn.Conv2d(inputs, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv1(images)))
        for number in range(1, len(_WIDTHS) + 1):
            x = getattr(self, f"layer{number}")(x)
        features: Tensor = self.conv2(x)
        return features


class GatedUnit(nn.Module):
    """A convolutional gated recurrent unit that sees the whole image through a mean of its state."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.convz, self.convr, self.convq = (nn.Conv2d(HIDDEN + inputs, HIDDEN, 3, padding=1) for _ in range(3))
        self.w, self.convz_glo, self.convr_glo, self.convq_glo = (nn.Conv2d(HIDDEN, HIDDEN, 1) for _ in range(4))

    def forward(self, state: Tensor, *inputs: Tensor) -> Tensor:
        given = torch.cat([state, *inputs], dim=1)
        everywhere = self.everywhere(state)
        update = torch.sigmoid(self.convz(given) + self.convz_glo(everywhere))
        reset = torch.sigmoid(self.convr(given) + self.convr_glo(everywhere))
        new = torch.tanh(self.convq(torch.cat([reset * state, *inputs], dim=1)) + self.convq_glo(everywhere))
        return (1 - update) * state + update * new

    def everywhere(self, state: Tensor) -> Tensor:
        """The mean (E,128,1,1) of the state (E,128,h,w) over the image, gated."""
        return (torch.sigmoid(self.w(state)) * state).mean(dim=(2, 3), keepdim=True)


class Aggregation(nn.Module):
    """The states of the edges (E,128,h,w) -> for each source frame eta (K,h,w), damping of its disparities, and weights
    (K,576,h,w) of the coarse disparities in the fine ones, before the softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1)
        self.conv2 = nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1)
        self.eta = nn.Sequential(nn.Conv2d(HIDDEN, 1, 3, padding=1))
        self.upmask = nn.Sequential(nn.Conv2d(HIDDEN, SHRINK * SHRINK * NEIGHBOURS, 1))

    def forward(self, state: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        together = F.relu(self.conv2(means_of(F.relu(self.conv1(state)), source)))
        return 0.01 * F.softplus(self.eta(together)[:, 0]), self.upmask(together)


def means_of(values: Tensor, group: Tensor) -> Tensor:
    """The means (K,...) of the rows of values (E,...) that have the same group (E,), in rising order of the groups."""
    _, place, count = torch.unique(group, return_inverse=True, return_counts=True)
    total = values.new_zeros(len(count), *values.shape[1:]).index_add_(0, place, values)
    share: Tensor = total / count.view(-1, *[1] * (values.ndim - 1))
    return share


@dataclass(frozen=True, eq=False)
class Updated:
    """state (E,128,h,w); delta, weight (E,h,w,2): the correction x, y in pixels of the features, and in [0,1] how sure
    it is; eta (K,h,w), upmask (K,576,h,w) of the source frames, in rising order."""

    state: Tensor
    delta: Tensor
    weight: Tensor
    eta: Tensor
    upmask: Tensor


class UpdateOperator(nn.Module):
    """One look at every edge."""

    def __init__(self) -> None:
        super().__init__()
        self.corr_encoder = nn.Sequential(
            nn.Conv2d(COMPARED, 128, 1), nn.ReLU(inplace=True), nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(inplace=True)
        )
        self.flow_encoder = nn.Sequential(
            nn.Conv2d(4, 128, 7, padding=3), nn.ReLU(inplace=True), nn.Conv2d(128, 64, 3, padding=1),
            nn.ReLU(inplace=True),
        )  # fmt: skip
        self.weight, self.delta = (_head() for _ in range(2))
        self.gru = GatedUnit(CONTEXT + 128 + 64)
        self.agg = Aggregation()

    def forward(self, state: Tensor, context: Tensor, compared: Tensor, motion: Tensor, source: Tensor) -> Updated:
        """state, context (E,128,h,w); compared (E,196,h,w); motion (E,4,h,w): flow and what was missed, pixels of the
        features; source (E,): the frames from which the edges start."""
        corr = self.corr_encoder(compared)
        flow = self.flow_encoder(motion.clamp(-MOST_FLOW, MOST_FLOW))
        state = self.gru(state, context, corr, flow)
        delta, weight = (each.permute(0, 2, 3, 1) for each in (self.delta(state), torch.sigmoid(self.weight(state))))
        return Updated(state, delta, weight, *self.agg(state, source))


def _head() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(HIDDEN, 128, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(128, _USED, 3, padding=1)
    )


class FastOperator(nn.Module):
    """What an `UpdateOperator` computes, within rounding, in fewer and larger convolutions.

    The gates' convolutions of a context are the same for all edges from its frame and are computed once for each frame;
    those of two gates, and the first ones of all that reads the new state, are one each.
    """

    def __init__(self, operator: UpdateOperator) -> None:
        super().__init__()
        unit, agg = operator.gru, operator.agg
        self.corr_encoder, self.flow_encoder = operator.corr_encoder, operator.flow_encoder
        gates = unit.convz, unit.convr, unit.convq
        context = slice(HIDDEN, HIDDEN + CONTEXT)
        self.context = _joined([each.weight[:, context] for each in gates], [each.bias for each in gates])
        edge = [torch.cat([each.weight[:, :HIDDEN], each.weight[:, HIDDEN + CONTEXT :]], 1) for each in gates]
        self.gates, self.new = _joined(edge[:2]), _joined(edge[2:])
        self.w = unit.w
        overall = unit.convz_glo, unit.convr_glo, unit.convq_glo
        self.overall = _joined([each.weight for each in overall], [each.bias for each in overall])
        (delta, _, delta_head), (weight, _, weight_head) = operator.delta, operator.weight
        first: list[Any] = [delta, weight, agg.conv1]
        self.first = nn.Sequential(
            _joined([each.weight for each in first], [each.bias for each in first]), nn.ReLU(inplace=True)
        )
        heads: list[Any] = [delta_head, weight_head]
        apart = torch.zeros(2 * _USED, 2 * HIDDEN, 3, 3)
        apart[:_USED, :HIDDEN], apart[_USED:, HIDDEN:] = heads[0].weight, heads[1].weight
        self.heads = _joined([apart], [each.bias for each in heads])
        self.together = nn.Sequential(agg.conv2, nn.ReLU(inplace=True))
        self.eta, self.upmask = agg.eta, agg.upmask

    def forward(
        self, state: Tensor, contexts: Tensor, compared: Tensor, motion: Tensor, group: Tensor, upmask: bool = False
    ) -> Updated:
        """As `UpdateOperator`, but contexts (K,128,h,w) of the source frames, and group (E,): their rows. upmask: that
        of `Updated` is wanted; else it is empty."""
        seen = self.corr_encoder(compared), self.flow_encoder(motion.clamp(-MOST_FLOW, MOST_FLOW))
        everywhere = (torch.sigmoid(self.w(state)) * state).mean(dim=(2, 3), keepdim=True)
        known = self.context(contexts)[group] + self.overall(everywhere)
        both = torch.sigmoid(self.gates(torch.cat([state, *seen], 1)) + known[:, : 2 * HIDDEN])
        new = torch.tanh(self.new(torch.cat([both[:, HIDDEN:] * state, *seen], 1)) + known[:, 2 * HIDDEN :])
        state = torch.lerp(state, new, both[:, :HIDDEN])
        first = self.first(state)
        heads = self.heads(first[:, : 2 * HIDDEN]).permute(0, 2, 3, 1)
        share = F.one_hot(group, len(contexts)).T.float()
        mean = (share / share.sum(1, keepdim=True)) @ first[:, 2 * HIDDEN :].permute(0, 2, 3, 1).flatten(1)
        together = self.together(mean.view(-1, *state.shape[2:], HIDDEN).permute(0, 3, 1, 2))
        eta = 0.01 * F.softplus(self.eta(together)[:, 0])
        fine = self.upmask(together) if upmask else together[:, :0]
        return Updated(state, heads[..., :_USED], torch.sigmoid(heads[..., _USED:]), eta, fine)


def _joined(weights: Sequence[Tensor], biases: Sequence[Tensor | None] = ()) -> nn.Conv2d:
    """One convolution, of the same size, with the outputs of several."""
    weight = torch.cat(list(weights))
    bias = [each for each in biases if each is not None]
    kernel = weight.shape[2]
    one = nn.Conv2d(weight.shape[1], weight.shape[0], kernel, padding=kernel // 2, bias=bool(bias))
    one.weight = nn.Parameter(weight, requires_grad=False)
    if bias:
        one.bias = nn.Parameter(torch.cat(bias), requires_grad=False)
    return one


class DroidNet(nn.Module):
    """The three networks: fnet, features to compare; cnet, an edge's first state and its context; update."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = Encoder(FEATURES, norm=True)
        self.cnet = Encoder(HIDDEN + CONTEXT, norm=False)
        self.update = UpdateOperator()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], source: str = "the checkpoint") -> DroidNet:
        """The network with a state dict's weights, for inference.

        Of `update.weight` and `update.delta` the first two outputs are taken. Raises InputError for weights that are
        missing, superfluous, of another shape or not finite.
        """
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        for key in (f"update.{head}.2.{part}" for head in ("weight", "delta") for part in ("weight", "bias")):
            found = tensors.get(key)
            if found is not None and found.ndim > 0 and len(found) < _USED:
                raise InputError(f"{source} is not a DROID-SLAM checkpoint: {quoted(key)} has fewer than {_USED} rows")
            if found is not None:
                tensors[key] = found[:_USED]
        return load_published(cls(), tensors, "DROID-SLAM", source)

    def features(self, images: Tensor) -> Tensor:
        """(B,128,h,w) of images (B,3,H,W) uint8 BGR, sides multiples of 8."""
        found: Tensor = self.fnet(normalised(images))
        return found

    def context(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """First state and context, each (B,128,h,w), of images (B,3,H,W) uint8 BGR."""
        return activated(self.cnet(normalised(images)))


def activated(features: Tensor) -> tuple[Tensor, Tensor]:
    """First state and context, each (B,128,h,w), of the features (B,256,h,w) of `cnet`."""
    state, context = features.split([HIDDEN, CONTEXT], dim=1)
    return torch.tanh(state), F.relu(context)


def normalised(images: Tensor) -> Tensor:
    """Images (B,3,H,W) uint8 BGR as the encoders take them."""
    mean, std = (torch.from_numpy(each).to(images.device)[:, None, None] for each in (MEAN, STD))
    return (images.flip(1).float() / 255 - mean) / std


def enlarged(coarse: Tensor, upmask: Tensor) -> Tensor:
    """Fine disparities (K,8h,8w) of coarse ones (K,h,w): each a mean of its nine coarse neighbours, by the softmax of
    upmask (K,576,h,w)."""
    count, height, width = coarse.shape
    share = upmask.view(count, NEIGHBOURS, SHRINK, SHRINK, height, width).softmax(dim=1)
    around = F.unfold(coarse[:, None], 3, padding=1).view(count, NEIGHBOURS, 1, 1, height, width)
    fine = (share * around).sum(dim=1)
    return fine.permute(0, 3, 1, 4, 2).reshape(count, SHRINK * height, SHRINK * width)
