"""VideoPose3D as a torch module with the published parameter names, for training.

The same network without torch is `kinema.models.videopose3d.numpy_run`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.videopose3d.sizes import COORDINATES, VideoPose3DSizes, sizes_of


class VideoPose3D(nn.Module):
    """Keypoints (B, T, J, 2) -> joints (B, T - 2 sum(pads), J_out, 3).

    causal: an output frame depends on its past alone. dropout: in training.
    """

    def __init__(self, sizes: VideoPose3DSizes, *, causal: bool = False, dropout: float = 0.25) -> None:
        super().__init__()
        self.sizes, self.causal = sizes, causal
        c = sizes.channels
        self.drop = nn.Dropout(dropout)
        # In the published order, by which the optimiser's state in a checkpoint goes.
        self.expand_bn = nn.BatchNorm1d(c, momentum=0.1)
        self.shrink = nn.Conv1d(c, sizes.joints_out * 3, 1)
        self.expand_conv = nn.Conv1d(sizes.joints_in * COORDINATES, c, sizes.kernels[0], bias=False)
        self.layers_conv, self.layers_bn = nn.ModuleList(), nn.ModuleList()
        for kernel, dilation in zip(sizes.kernels[1:], sizes.dilations[1:], strict=True):
            self.layers_conv += [nn.Conv1d(c, c, kernel, dilation=dilation, bias=False), nn.Conv1d(c, c, 1, bias=False)]
            self.layers_bn += [nn.BatchNorm1d(c, momentum=0.1), nn.BatchNorm1d(c, momentum=0.1)]

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], *, causal: bool = False, dropout: float = 0.25, name: str = "weights"
    ) -> VideoPose3D:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(sizes_of({k: tuple(v.shape) for k, v in tensors.items()}, name), causal=causal, dropout=dropout)
        counters = {k: v for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")}
        net.load_state_dict({**counters, **tensors}, strict=True)
        return net.eval()

    def forward(self, keypoints: Tensor) -> Tensor:
        """See the class. Raises InputError for clips shorter than the receptive field."""
        count, frames, joints, coordinates = keypoints.shape
        if frames < self.sizes.receptive_field:
            raise InputError(
                f"VideoPose3D needs {self.sizes.receptive_field} frames, found {frames}; pad the clip at its ends"
            )
        x = keypoints.reshape(count, frames, joints * coordinates).transpose(1, 2)
        x = self._activated(self.expand_bn(self.expand_conv(x)))
        shifts = self.sizes.shifts(self.causal)
        for i, (pad, shift) in enumerate(zip(self.sizes.pads[1:], shifts[1:], strict=True)):
            own = x[..., pad + shift : x.shape[-1] - pad + shift]
            for layer in (2 * i, 2 * i + 1):
                x = self._activated(self.layers_bn[layer](self.layers_conv[layer](x)))
            x = x + own
        return self._joints(x)

    def single(self, keypoints: Tensor) -> Tensor:
        """Keypoints (B, R, J, 2) of the receptive field R -> joints (B, 1, J_out, 3), with strides for dilations.

        It computes what `forward` does of one frame, without the values between the taps: for training.
        """
        if self.sizes.dense:
            every: Tensor = self(keypoints)
            return every
        count, frames, joints, coordinates = keypoints.shape
        if frames != self.sizes.receptive_field:
            raise InputError(f"one frame is computed from {self.sizes.receptive_field} frames, found {frames}")
        x = keypoints.reshape(count, frames, joints * coordinates).transpose(1, 2)
        widths = self.sizes.filter_widths
        x = nn.functional.conv1d(x, self.expand_conv.weight, stride=widths[0])
        x = self._activated(self.expand_bn(x))
        for i, width in enumerate(widths[1:]):
            own = x[..., width - 1 if self.causal else width // 2 :: width]
            x = nn.functional.conv1d(x, self.layers_conv[2 * i].get_parameter("weight"), stride=width)
            x = self._activated(self.layers_bn[2 * i](x))
            x = self._activated(self.layers_bn[2 * i + 1](self.layers_conv[2 * i + 1](x)))
            x = own + x
        return self._joints(x)

    def set_momentum(self, momentum: float) -> None:
        """Set the momentum of every norm; it decays during training."""
        for norm in (self.expand_bn, *self.layers_bn):
            norm.momentum = momentum

    def _activated(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(torch.relu(x))
        return out

    def _joints(self, x: Tensor) -> Tensor:
        out: Tensor = self.shrink(x).transpose(1, 2).unflatten(-1, (self.sizes.joints_out, 3))
        return out
