"""The network in torch, with the tensor names of the published checkpoint.

Two images are encoded; four blocks, from coarse to fine, add to the flow from the wanted image to each of the two.
The image is the two warped by their flows, weighed by a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinema.models.published_tensors import load_published
from kinema.models.rife.facts import FEATURES, SCALES, WIDTHS

SLOPE = 0.2


class RIFE(nn.Module):
    """RIFE 4.18 ("IFNet").

    forward: two images (B,3,H,W) RGB in [0,1], sides multiples of 32 / `scale`; `when` in [0,1], from the first
    image to the second; scale: below 1 the flow is sought in smaller images, which is right for large ones. Returns
    the image at `when` (B,3,H,W).
    """

    def __init__(self) -> None:
        super().__init__()
        first = 2 * 3 + 2 * FEATURES + 1  # images, features, time
        later = first + 1 + 4  # the mask and the flow so far
        for i, width in enumerate(WIDTHS):
            self.add_module(f"block{i}", Block(later if i else first, width))
        self.encode = Encoder()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], source: str = "the checkpoint") -> RIFE:
        """The network with a state dict's weights, for inference. Tensors that serve training only are ignored.

        Where names have the prefix "module.", those without it are among the ignored. Raises InputError for weights
        that are missing, of another shape or not finite.
        """
        net = cls()
        own = {key for key in tensors if key.startswith("module.")} or set(tensors)
        used = {key.removeprefix("module."): tensors[key].float() for key in sorted(own)}
        known = net.state_dict().keys()
        return load_published(net, {key: used[key] for key in known & used.keys()}, "RIFE 4.18", source)

    def forward(self, first: Tensor, second: Tensor, when: float = 0.5, scale: float = 1.0) -> Tensor:
        images = first, second
        features = self.encode(first), self.encode(second)
        time = first.new_full((len(first), 1, *first.shape[2:]), when)
        warped, flow, mask = images, None, None
        for i, shrink in enumerate(SCALES):
            block = self.get_submodule(f"block{i}")
            if flow is None or mask is None:
                flow, mask = block([*images, *features, time], None, shrink / scale)
            else:
                moved = [warp(each, part) for each, part in zip(features, (flow[:, :2], flow[:, 2:]), strict=True)]
                step, mask = block([*warped, *moved, time, mask], flow, shrink / scale)
                flow = flow + step
            warped = warp(first, flow[:, :2]), warp(second, flow[:, 2:])
        assert mask is not None
        share = torch.sigmoid(mask)
        return warped[0] * share + warped[1] * (1 - share)


class Encoder(nn.Module):
    """Features of an image at its own resolution: (B,3,H,W) to (B,8,H,W), sides even."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn0 = nn.Conv2d(3, 32, 3, 2, 1)
        self.cnn1 = nn.Conv2d(32, 32, 3, 1, 1)
        self.cnn2 = nn.Conv2d(32, 32, 3, 1, 1)
        self.cnn3 = nn.ConvTranspose2d(32, FEATURES, 4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        for layer in (self.cnn0, self.cnn1, self.cnn2):
            image = F.leaky_relu(layer(image), SLOPE)
        features: Tensor = self.cnn3(image)
        return features


class Block(nn.Module):
    """One refinement: everything so far, each (B,C,H,W), and the flow (B,4,H,W), if any, to a step of the flow
    (B,4,H,W) pixels and the mask (B,1,H,W), before the sigmoid."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_halving(channels, width // 2), _halving(width // 2, width))
        self.convblock = nn.Sequential(*(Residual(width) for _ in range(8)))
        # Four planes of flow, the mask, and one that nothing uses, each in four parts for the shuffle.
        self.lastconv = nn.Sequential(nn.ConvTranspose2d(width, 4 * 6, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, given: Sequence[Tensor], flow: Tensor | None, shrink: float) -> tuple[Tensor, Tensor]:
        # Resized one by one: all of them at full size side by side would be the most memory that is ever needed.
        small = [_resized(each, 1 / shrink) for each in given]
        if flow is not None:
            small.append(_resized(flow, 1 / shrink) / shrink)
        planes = self.lastconv(self.convblock(self.conv0(torch.cat(small, 1))))
        return _resized(planes[:, :4], shrink) * shrink, _resized(planes[:, 4:5], shrink)


class Residual(nn.Module):
    """A convolution that adds to its input, its strength learned per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, 1, 1)
        self.beta = nn.Parameter(torch.ones(1, width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x) * self.beta + x, SLOPE)


def _halving(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, 2, 1), nn.LeakyReLU(SLOPE))


def _resized(x: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """The image (B,C,H,W) seen at each pixel plus its flow (B,2,H,W), x and y in pixels; beyond it, its edge."""
    height, width = image.shape[2:]
    x = torch.linspace(-1, 1, width, dtype=flow.dtype, device=flow.device)[None, None, :]
    y = torch.linspace(-1, 1, height, dtype=flow.dtype, device=flow.device)[None, :, None]
    places = torch.stack([x + flow[:, 0] * (2 / (width - 1)), y + flow[:, 1] * (2 / (height - 1))], -1)
    return F.grid_sample(image, places, mode="bilinear", padding_mode="border", align_corners=True)
