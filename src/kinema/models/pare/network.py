"""PARE: an image of one person to SMPL, with part attention on each joint's evidence.

Kocabas et al. 2021, "PARE: Part attention regressor for 3D human body estimation", in the configuration of the
published checkpoints: HRNet-W32 whose four resolutions are brought to one by bilinear upsampling and convolutions; two
branches on it, one of which learns part segmentation and thereby attention, while the other's features are pooled with
that attention, joint by joint. Each joint has its own linear map from its 128 features to its rotation. Parameters have
the published names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kinema.errors import WeightsError
from kinema.models.hrnet.network import HighResolutionTrunk, conv_bn
from kinema.models.pare.facts import NUM_PARTS
from kinema.skeleton import NUM_BETAS

_FEATURES = 128
_SHAPE_FEATURES = 64

_PREFIX = "model."
_MODULES = ("backbone.", "head.")
_UNUSED = ("head.init_pose", "head.init_shape", "head.init_cam", "head.temperature")
"""Entries of a checkpoint that the network in this configuration does not use."""


class PareOutput(NamedTuple):
    """The network's output for B images.

    rotations (B,24,3,3), SMPL's joints relative to their parents; betas (B,10); camera (B,3): s, tx, ty of the
    weak-perspective camera of the crop; parts (B,25,56,56): logits of the part segmentation, class 0 being the
    background; attention (B,24,56,56): of each joint, each map summing to 1.
    """

    rotations: Tensor
    betas: Tensor
    camera: Tensor
    parts: Tensor
    attention: Tensor


class PareBackbone(HighResolutionTrunk):
    """HRNet-W32 with its maps upsampled to the finest resolution: (B,3,224,224) -> (B,480,56,56)."""

    def __init__(self) -> None:
        super().__init__(32)
        self.final_layer = nn.Conv2d(self.widths[0], NUM_PARTS, 1)  # in the checkpoints, never used
        for i in (1, 2, 3):
            steps: list[nn.Module] = []
            for _ in range(i):
                up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
                steps += [up, *conv_bn(self.widths[i], self.widths[i], 3), nn.ReLU(inplace=True)]
            setattr(self, f"upsample_stage_{i + 1}", nn.Sequential(*steps))

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]
        branches = super().forward(image)
        lifted = [getattr(self, f"upsample_stage_{i + 1}")(branches[i]) for i in (1, 2, 3)]
        return torch.cat([branches[0], *lifted], dim=1)


class PerJointLinear(nn.Module):
    """A separate linear map for every joint, without bias: (B,C,J) -> (B,O,J)."""

    def __init__(self, inputs: int, outputs: int, joints: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, outputs, inputs, joints, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bcj,ocj->boj", x, self.weight[0, ..., 0, 0])


class PareHead(nn.Module):
    """Features (B,480,56,56) -> rotations, shape, camera, part segmentation and attention."""

    def __init__(self, inputs: int = 480) -> None:
        super().__init__()
        self.keypoint_deconv_layers = _branch(inputs)
        self.smpl_deconv_layers = _branch(inputs)
        self.keypoint_final_layer = nn.Conv2d(_FEATURES, NUM_PARTS + 1, 1)
        self.smpl_final_layer = nn.Conv2d(_FEATURES, _SHAPE_FEATURES, 1)
        self.pose_mlp = PerJointLinear(_FEATURES, 6, NUM_PARTS)
        self.shape_mlp = nn.Linear(_SHAPE_FEATURES * NUM_PARTS, NUM_BETAS)
        self.cam_mlp = nn.Linear(_SHAPE_FEATURES * NUM_PARTS, 3)

    def forward(self, features: Tensor) -> PareOutput:
        return self.regress(self.keypoint_deconv_layers(features), self.smpl_deconv_layers(features))

    def regress(self, keypoint: Tensor, smpl: Tensor) -> PareOutput:
        """From the maps (B,128,56,56) of the two branches."""
        parts = self.keypoint_final_layer(keypoint)
        height, width = parts.shape[2:]
        attention = parts[:, 1:].flatten(2).softmax(dim=-1)
        pose_features = attended(smpl, attention)
        # The 1x1 convolution and the attention are both linear and each attention map sums to 1, so the convolution can
        # come second, at 24 positions instead of 3136.
        final = self.smpl_final_layer
        shape_features = nn.functional.conv1d(pose_features, final.weight[..., 0], final.bias)
        flat = shape_features.flatten(1)
        six = self.pose_mlp(pose_features).transpose(1, 2)
        return PareOutput(
            rotations=rotation_from_6d(six),
            betas=self.shape_mlp(flat),
            camera=self.cam_mlp(flat),
            parts=parts,
            attention=attention.unflatten(2, (height, width)),
        )


class PareNetwork(nn.Module):
    """Normalised images (B,3,224,224) -> `PareOutput`."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = PareBackbone()
        self.head = PareHead()

    def forward(self, images: Tensor) -> PareOutput:
        result: PareOutput = self.head(self.backbone(images))
        return result


class MixedPrecision(nn.Module):
    """A `PareNetwork` whose convolutions run in another precision; the layers after the two branches stay float32."""

    def __init__(self, network: PareNetwork, dtype: torch.dtype) -> None:
        super().__init__()
        head = network.head
        self.backbone = network.backbone.to(dtype)
        self.keypoint, self.smpl = head.keypoint_deconv_layers.to(dtype), head.smpl_deconv_layers.to(dtype)
        self.head = head

    def forward(self, images: Tensor) -> PareOutput:
        features = self.backbone(images)
        return self.head.regress(self.keypoint(features).float(), self.smpl(features).float())


def _branch(inputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inputs, _FEATURES):
        layers += [*conv_bn(width, _FEATURES, 3), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def attended(features: Tensor, attention: Tensor) -> Tensor:
    """Features (B,C,H,W) pooled with the attention (B,J,H*W) of each joint: (B,C,J)."""
    return features.flatten(2) @ attention.transpose(1, 2)


def rotation_from_6d(six: Tensor) -> Tensor:
    """(..., 6) -> (..., 3, 3): a (3,2) block with its columns orthonormalised; the third is their cross product."""
    first, second = six.unflatten(-1, (3, 2)).unbind(dim=-1)
    x = nn.functional.normalize(first, dim=-1)
    y = nn.functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def load_pare(tensors: Mapping[str, Tensor], source: str) -> PareNetwork:
    """The network with the weights of a checkpoint, ready for inference (eval mode, no gradients).

    tensors: the checkpoint's state dict, with or without the prefix "model.". Everything under "backbone." and "head."
    must match in name and shape, except for the four unused buffers and the batch counters; everything else in a
    checkpoint (the body model, textures) is ignored. source: its name in error messages.

    Raises a WeightsError that says what does not match.
    """
    wanted = {}
    for key, value in tensors.items():
        name = key.removeprefix(_PREFIX)
        ignored = name in _UNUSED or name.endswith(".num_batches_tracked")
        if name.startswith(_MODULES) and not ignored:
            wanted[name] = value
    network = PareNetwork()
    expected = {name: v for name, v in network.state_dict().items() if not name.endswith(".num_batches_tracked")}
    problems = [f"{name} is missing" for name in expected if name not in wanted]
    problems += [f"{name} is not part of it" for name in wanted if name not in expected]
    problems += [
        f"{name} has shape {tuple(wanted[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in wanted and wanted[name].shape != value.shape
    ]
    if problems:
        more = f" and {len(problems) - 2} more" if len(problems) > 2 else ""
        raise WeightsError(
            f"{source} does not contain PARE's network in the published configuration: {'; '.join(problems[:2])}{more};"
            " use pare_checkpoint.ckpt or pare_w_3dpw_checkpoint.ckpt of the PARE release"
        )
    network.load_state_dict({name: value.to(expected[name].dtype) for name, value in wanted.items()}, strict=False)
    return network.eval().requires_grad_(False)
